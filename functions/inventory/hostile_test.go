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
