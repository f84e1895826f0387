package main

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/service/servicetest"
)

func TestEveryOperationAnswersHostileInputClearly(t *testing.T) {
	t.Parallel()
	s := start(t, startBroker(t))
	product := newProduct(t, s)
	deadLetter(t, s)
	require.Equal(t, 202, deliver(t, s, "/dead-letters", stockLow(t, "B", 1)).Status)
	servicetest.Walk(t, s, "events", s.Bearer(t, "events:admin"),
		map[string]string{"id": uuid.NewString(), "type": "com.mallhive.stock.low.v1"},
		map[string]servicetest.Sample{
			"take-interactions": {Body: `{"interactions":[{"id":"i-1","type":"view","product_id":"` + product.String() + `","sku":"ICE-1","session_id":"s","user_id":"u",
				"occurred_at":"2026-01-01T00:00:00Z","page":"https://products.mallhive.com/","referrer":"https://x.example","list":"search","position":3,"query":"toner","consent":true}]}`},
			"list-dead-letters": {Queries: []string{"type=com.mallhive.stock.low.v1", "subject=B", "replayed=false&refused=false&status=500&since=2026-01-01T00:00:00Z"}},
			"replay-dead-letters": {Body: `{"ids":["` + uuid.NewString() + `"],"type":"com.mallhive.stock.low.v1","subject":"A","event_id":"e","source":"/s","destination":"http://d","status":500,
				"since":"2026-01-01T00:00:00Z","until":"2026-02-01T00:00:00Z","replayed_before":"2026-01-01T00:00:00Z","refused":true,"limit":5}`},
			"delete-dead-letters": {Queries: []string{"subject=none&until=2026-01-01T00:00:00Z"}},
			"start-resync":        {Body: `{"target":"recommendation","since":"2026-01-01T00:00:00Z"}`},
		})
}

func TestNoDeliveryMakesAnAnswerOurFault(t *testing.T) {
	t.Parallel()
	s := start(t, startBroker(t))
	servicetest.Deliver(t, s, "/", `{"specversion":"1.0","id":"1","source":"/ping","type":"dev.knative.sources.ping","data":{}}`)
	servicetest.Deliver(t, s, "/dead-letters", `{"specversion":"1.0","id":"1","source":"/s","type":"com.mallhive.stock.low.v1","subject":"A","time":"2026-01-01T00:00:00Z",
		"knativeerrorcode":"500","knativeerrordest":"http://localhost/","knativeerrordata":"x","data":{"sku":"A","available":1}}`)
	for _, path := range []string{"/v1/dead-letters", "/v1/dead-letters?limit=100"} {
		require.Equal(t, 200, s.Do(t, "GET", path, nil, s.Bearer(t, "events:admin")).Status)
	}
}
