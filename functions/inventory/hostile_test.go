package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/service/servicetest"
)

func TestNoInputMakesAnAnswerOurFault(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"ICE-1": 100_000, "ICE-2": 1000, "ICE-3": 1})
	s.location("shop", 2)
	all := s.Bearer(t, "inventory:lock", "inventory:write", "events:admin")
	paid := servicetest.Header{Name: "Idempotency-Key", Value: "paid"}
	for _, order := range []string{"o-1", "o-2", "o-3", "o-4"} {
		s.call(http.MethodPost, "/v1/reservations", `{"order_id":"`+order+`","lines":[{"sku":"ICE-1","quantity":500}]}`, 201)
	}
	s.call(http.MethodPost, "/v1/reservations/o-4/commit", `{}`, 200, paid)
	servicetest.Walk(t, s.Server, "inventory", all,
		map[string]string{"sku": "ICE-1", "code": "main", "order_id": "o-1"},
		map[string]servicetest.Sample{
			"check-availability":      {Body: `{"currency":"USD","lines":[{"sku":"ICE-1","quantity":1,"expected_price":{"amount":1999,"currency":"USD"}}]}`},
			"place-reservation":       {Body: `{"order_id":"o-9","lines":[{"sku":"ICE-1","quantity":5}]}`},
			"commit-reservation":      {Body: `{"lines":[{"sku":"ICE-1","quantity":1}]}`},
			"release-reservation":     {Body: `{"lines":[{"sku":"ICE-1","quantity":1}],"reason":"changed"}`, Names: map[string]string{"order_id": "o-3"}},
			"extend-reservation":      {Body: `{"expires_in":60}`, Names: map[string]string{"order_id": "o-2"}},
			"return-reservation":      {Body: `{"lines":[{"sku":"ICE-1","quantity":1}],"restock":true}`, Names: map[string]string{"order_id": "o-4"}},
			"put-location":            {Body: `{"name":"Main","priority":1}`},
			"count-stock":             {Body: `{"on_hand":100000}`},
			"set-stock-policy":        {Body: `{"track":true,"when_out_of_stock":"backorder","backorder_limit":5,"available_on":"2099-01-01T00:00:00Z","safety_stock":1,"low_stock_threshold":5,"max_per_order":900,"incoming":1}`},
			"adjust-stock":            {Body: `{"location":"main","delta":-1,"reason":"damaged","reference":"RMA-77"}`},
			"transfer-stock":          {Body: `{"from":"main","to":"shop","quantity":1,"reason":"full","reference":"T-1"}`},
			"import-stock":            {Body: `{"sku":"ICE-2","location":"main","on_hand":5}`},
			"lookup-stock":            {Body: `{"skus":["ICE-1","ICE-2"]}`},
			"list-stock":              {Queries: []string{"low=true", "low=false"}},
			"list-movements-of-order": {Queries: []string{"order_id=o-1"}},
			"list-reservations":       {Queries: []string{"state=locked", "sku=ICE-1"}},
		})
	var found auditDoc
	s.call(http.MethodGet, "/v1/stock:audit", nil, 200).JSON(t, &found)
	require.Empty(t, found.Items)
}

func TestNoDeliveryMakesAnAnswerOurFault(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"ICE-1": 100_000})
	order := func(kind, more string) string {
		return `{"specversion":"1.0","id":"` + kind + `","source":"/order-service","type":"com.mallhive.order.` + kind + `.v1","subject":"o-` + kind + `","time":"2026-01-01T00:00:00Z",
			"datacontenttype":"application/json","sequence":"1","partitionkey":"o-` + kind + `","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","data":{"order_id":"o-` + kind + `"` + more + `}}`
	}
	for _, kind := range []string{"paid", "returned", "cancelled"} {
		s.call(http.MethodPost, "/v1/reservations", `{"order_id":"o-`+kind+`","lines":[{"sku":"ICE-1","quantity":500}]}`, 201)
	}
	s.call(http.MethodPost, "/v1/reservations/o-returned/commit", `{}`, 200, servicetest.Header{Name: "Idempotency-Key", Value: "paid"})
	const lines = `,"lines":[{"sku":"ICE-1","quantity":5}]`
	for _, sample := range []string{
		order("placed", lines+`,"expires_at":"2099-01-01T00:00:00Z","allow_partial":true`), order("paid", lines),
		order("returned", lines+`,"restock":true`), order("cancelled", lines+`,"reason":"changed"`),
	} {
		servicetest.Deliver(t, s.Server, "/", sample)
	}
	s.sound()
}
