package broker_test

import (
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/broker"
)

func exact(eventType string) broker.Filter {
	return broker.Filter{Exact: map[string]string{"type": eventType}}
}

func TestFiltersJudgeAsTheirDialectSays(t *testing.T) {
	t.Parallel()
	e := event.New()
	e.SetID("1")
	e.SetType("com.mallhive.order.placed.v1")
	e.SetSource("/order-service")
	e.SetExtension("replay", true)

	type attributes = map[string]string
	yes := exact("com.mallhive.order.placed.v1")
	no := exact("other")
	for name, c := range map[string]struct {
		filter broker.Filter
		want   bool
	}{
		"exact":                    {yes, true},
		"exact differs":            {no, false},
		"exact of several":         {broker.Filter{Exact: attributes{"type": e.Type(), "source": "/order-service"}}, true},
		"exact of several, one no": {broker.Filter{Exact: attributes{"type": e.Type(), "source": "/x"}}, false},
		"extension":                {broker.Filter{Exact: attributes{"replay": "true"}}, true},
		"missing attribute":        {broker.Filter{Exact: attributes{"subject": ""}}, false},
		"missing extension":        {broker.Filter{Prefix: attributes{"absent": ""}}, false},
		"prefix":                   {broker.Filter{Prefix: attributes{"type": "com.mallhive.order."}}, true},
		"prefix differs":           {broker.Filter{Prefix: attributes{"type": "com.mallhive.stock."}}, false},
		"suffix":                   {broker.Filter{Suffix: attributes{"type": ".v1"}}, true},
		"suffix differs":           {broker.Filter{Suffix: attributes{"type": ".v2"}}, false},
		"all":                      {broker.Filter{All: []broker.Filter{yes, yes}}, true},
		"all, one no":              {broker.Filter{All: []broker.Filter{yes, no}}, false},
		"any":                      {broker.Filter{Any: []broker.Filter{no, yes}}, true},
		"any, none":                {broker.Filter{Any: []broker.Filter{no, no}}, false},
		"not":                      {broker.Filter{Not: &no}, true},
		"not, yes":                 {broker.Filter{Not: &yes}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, c.filter.Check())
			require.Equal(t, c.want, c.filter.Match(e))
		})
	}
}

func TestFiltersThatCannotBeJudgedAreRefused(t *testing.T) {
	t.Parallel()
	both := exact("x")
	both.Prefix = map[string]string{"type": "y"}
	for _, f := range []broker.Filter{{}, both, {CESQL: "type = 'x'"}, {Any: []broker.Filter{{}}}, {Not: &broker.Filter{}}} {
		_, err := broker.New(broker.Options{Triggers: []broker.Trigger{{Name: "named", Filters: []broker.Filter{f}}}})
		require.ErrorContains(t, err, "named")
	}
}
