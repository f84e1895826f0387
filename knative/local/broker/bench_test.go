package broker_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/broker"
)

// One event to a subscriber that replies, and the reply to another: what an
// order costs the broker.
func BenchmarkOrderAndReply(b *testing.B) {
	asks := serve(b, func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{"Specversion": "1.0", "Id": r.Header.Get("Ce-Id"), "Type": "reply", "Source": "/r"} {
			w.Header().Set("Ce-"+name, value)
		}
	})
	hears := serve(b, func(http.ResponseWriter, *http.Request) {})
	br, err := broker.New(broker.Options{Triggers: []broker.Trigger{
		{Name: "asks", Filters: []broker.Filter{exact("ask")}, Subscriber: broker.Destination{URL: asks}},
		{Name: "hears", Filters: []broker.Filter{exact("reply")}, Subscriber: broker.Destination{URL: hears}},
	}})
	require.NoError(b, err)
	b.Cleanup(func() { br.Close() })
	b.ResetTimer()
	for i := range b.N {
		e := event.New()
		e.SetID(fmt.Sprint(i))
		e.SetType("ask")
		e.SetSource("/bench")
		require.NoError(b, br.Publish(context.Background(), e))
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	br.Drain(ctx)
	require.EqualValues(b, b.N, br.Stats()[1].Delivered)
}

func serve(b *testing.B, h http.HandlerFunc) string {
	b.Helper()
	server := httptest.NewServer(h)
	b.Cleanup(server.Close)
	return server.URL
}
