package event_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/mallhive/product-service/shared/event"
)

// BenchmarkReceive is what a delivery costs besides what it asks for.
func BenchmarkReceive(b *testing.B) {
	reply := event.Event{
		ID: "0198c5a2-7c1e-7d4a-9f43-2b1f0a6d5e99", Source: event.FromInventory, Type: event.InventoryLocked, Subject: "o1", PartitionKey: "o1",
		Time: time.Now(), Sequence: 7, Data: []byte(`{"order_id":"o1","state":"locked","lines":[{"sku":"S0001","requested":1,"locked":1,"available":5}]}`),
	}
	h := event.Receive(event.Receiving{PublicBaseURL: "https://x.example"}, map[string]event.Handler{
		event.OrderPlaced: func(context.Context, event.Event) (*event.Event, error) { return &reply, nil },
	})
	body := []byte(`{"order_id":"o1","lines":[{"sku":"S0001","quantity":1},{"sku":"S0002","quantity":1}]}`)
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header = http.Header{
			"Content-Type": {"application/json"}, "Ce-Specversion": {"1.0"}, "Ce-Id": {"e1"}, "Ce-Type": {event.OrderPlaced},
			"Ce-Source": {"/order-service"}, "Ce-Subject": {"o1"}, "Ce-Time": {"2026-11-27T22:00:00Z"},
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 200 {
			b.Fatal(w.Body.String())
		}
	}
}
