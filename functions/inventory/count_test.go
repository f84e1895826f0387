package main

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

type members = map[string]any

func ifMatch(a servicetest.Answer) servicetest.Header {
	return servicetest.Header{Name: "If-Match", Value: a.Header.Get("ETag")}
}

var ifNew = servicetest.Header{Name: "If-None-Match", Value: "*"}

func TestACountBelowWhatIsReservedIsAShortfallThatNoLockRaises(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 5})
	s.place("o", 201, "A", 5)
	s.count("main", map[string]int{"A": 3})
	doc := s.stock("A")
	require.Equal(t, []int64{3, 5, 2, -2}, []int64{doc.OnHand, doc.Reserved, doc.Shortfall, doc.Available})
	s.place("p", 409, "A", 1)
	s.sound()
	s.call("POST", "/v1/reservations/o/commit", nil, 200)
	doc = s.stock("A")
	require.Equal(t, []int64{0, 2, 2}, []int64{doc.OnHand, doc.Reserved, doc.Shortfall}, "two were paid for and are owed")
	s.sound()
	s.call("POST", "/v1/reservations/o/release", nil, 200)
	doc = s.stock("A")
	require.Equal(t, []int64{3, 0, 0}, []int64{doc.OnHand, doc.Reserved, doc.Shortfall})
	s.sound()
}

func TestACountNeedsTheVersionItReplaces(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	put := func(path string, onHand, want int, headers ...servicetest.Header) servicetest.Answer {
		t.Helper()
		return s.call("PUT", path, map[string]any{"on_hand": onHand, "reason": "stocktaking"}, want, headers...)
	}
	seen := s.call("GET", "/v1/stock/A", nil, 200)
	put("/v1/stock/A/locations/main", 9, 428)
	put("/v1/stock/A/locations/main", 9, 412, ifNew)
	s.place("o", 201, "A", 1)
	put("/v1/stock/A/locations/main", 9, 200, ifMatch(seen)) // a cart does not make a count stale
	put("/v1/stock/A/locations/main", 8, 412, ifMatch(seen))
	s.call("POST", "/v1/reservations/o/commit", nil, 200)
	put("/v1/stock/A/locations/nowhere", 8, 404, ifNew)
	put("/v1/stock/B/locations/main", 3, 412, ifMatch(seen))
	made := put("/v1/stock/B/locations/main", 3, 201, ifNew)
	put("/v1/stock/B/locations/main", 4, 200, ifMatch(made))
	s.call("GET", "/v1/stock/B", nil, 304, servicetest.Header{Name: "If-None-Match", Value: s.call("GET", "/v1/stock/B", nil, 200).Header.Get("ETag")})
	require.EqualValues(t, 8, s.stock("A").OnHand)
	s.sound()
}

func TestACountBelowWhatIsReservedIsAnnounced(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 5})
	s.location("far", 2)
	s.place("o", 201, "A", 5)
	require.Equal(t, []string{"depleted.v1 A"}, s.announced())
	s.count("main", map[string]int{"A": 3})
	s.count("main", map[string]int{"A": 3})
	s.count("main", map[string]int{"A": 1})
	s.count("main", map[string]int{"A": 2})
	require.Equal(t, []string{"depleted.v1 A", "depleted.v1 A", "depleted.v1 A"}, s.announced(), "whenever more is lacking")
	last := s.lastAnnounced("A")
	require.Equal(t, event.StockData{SKU: "A", Available: -4, LowStockThreshold: 5, OnHand: 1, Reserved: 5, Shortfall: 4}, last)
	s.count("far", map[string]int{"A": 100})
	s.count("main", map[string]int{"A": 0})
	require.Equal(t, []string{"replenished.v1 A", "low.v1 A"}, s.announced()[3:], "one location lacks what another has")
	require.EqualValues(t, 5, s.lastAnnounced("A").Shortfall)
	s.sound()
}

func (s *shop) lastAnnounced(sku string) event.StockData {
	s.t.Helper()
	var text []byte
	err := s.DB.Owner(s.t).QueryRow(context.Background(), `select data from events.outbox where type like '%.stock.%' and subject = $1 order by position desc limit 1`, sku).Scan(&text)
	require.NoError(s.t, err)
	var data event.StockData
	require.NoError(s.t, json.Unmarshal(text, &data))
	return data
}

func TestACountIsCorrectedAsTheReadmeSays(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 100})
	s.place("o", 201, "A", 8)
	read := s.call("GET", "/v1/stock/A", nil, 200)
	s.place("p", 201, "A", 2) // sold meanwhile, and no reason to count again
	counted := s.call("PUT", "/v1/stock/A/locations/main", members{"on_hand": 7, "reason": "stocktaking"}, 200, ifMatch(read))
	s.call("PUT", "/v1/stock/A/locations/main", members{"on_hand": 9, "reason": "stocktaking"}, 412, ifMatch(read))
	var doc stockDoc
	counted.JSON(t, &doc)
	require.Equal(t, []int64{7, 10, 3, -3}, []int64{doc.OnHand, doc.Reserved, doc.Shortfall, doc.Available})
	require.Equal(t, []string{"depleted.v1 A"}, s.announced())
	var low stockList
	s.call("GET", "/v1/stock?low=true", nil, 200).JSON(t, &low)
	require.Equal(t, []string{"A"}, skusOf(low.Items))
	s.place("q", 409, "A", 1)

	s.call("POST", "/v1/stock/A/adjustments", members{"location": "main", "delta": 4, "reason": "found behind the shelf", "reference": "ST-12"}, 200, key("ST-12"))
	doc = s.stock("A")
	require.Equal(t, []int64{11, 0, 1}, []int64{doc.OnHand, doc.Shortfall, doc.Available})
	var ledger movementList
	s.call("GET", "/v1/stock/A/movements?limit=4", nil, 200).JSON(t, &ledger)
	require.Equal(t, []string{"adjustment", "count"}, []string{ledger.Items[0].Kind, ledger.Items[1].Kind})
	require.Equal(t, []string{"found behind the shelf", "ST-12", "tester"}, []string{ledger.Items[0].Reason, ledger.Items[0].Reference, ledger.Items[0].Actor})
	require.Equal(t, "stocktaking", ledger.Items[1].Reason)
	s.sound()
}
