package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func (s *shop) adjust(sku, once string, want int, location string, delta int) stockDoc {
	s.t.Helper()
	a := s.call("POST", "/v1/stock/"+sku+"/adjustments", members{"location": location, "delta": delta, "reason": "damaged"}, want, key(once))
	var doc stockDoc
	if want == 200 {
		a.JSON(s.t, &doc)
	}
	return doc
}

func TestAnAdjustmentIsMadeOncePerKey(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10, "B": 10})
	body := members{"location": "main", "delta": -3, "reason": "damaged"}
	s.call("POST", "/v1/stock/A/adjustments", body, 428)
	first := s.call("POST", "/v1/stock/A/adjustments", body, 200, key("k"))
	s.adjust("A", "other", 200, "main", 1)
	again := s.call("POST", "/v1/stock/A/adjustments", body, 200, key("k"))
	require.Equal(t, string(first.Body), string(again.Body))
	require.Equal(t, first.Header.Get("ETag"), again.Header.Get("ETag"))
	require.EqualValues(t, 8, s.stock("A").OnHand)
	s.adjust("A", "k", 422, "main", -4)
	s.adjust("B", "k", 200, "main", -4)

	mine := s.Bearer(t, "inventory:write")
	mine.Value = "Bearer " + s.Token(t, "somebody-else", "inventory:write")
	a := s.Do(t, "POST", "/v1/stock/A/adjustments", body, mine, key("k"))
	require.Equal(t, 200, a.Status, "%s", a.Body)
	require.EqualValues(t, 5, s.stock("A").OnHand, "a key is its caller's own")
	seen := s.call("PUT", "/v1/stock/A/locations/main", members{"on_hand": 5}, 200, ifMatch(a))
	require.Equal(t, a.Header.Get("ETag"), seen.Header.Get("ETag"), "it gives the ETag of what it made")

	together(20, func(int) { s.adjust("A", "race", 200, "main", 2) })
	require.EqualValues(t, 7, s.stock("A").OnHand)
	s.sound()
}

func TestAnAdjustmentBelowWhatIsReservedIsAShortfall(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	s.place("o", 201, "A", 8)
	doc := s.adjust("A", "1", 200, "main", -5)
	require.Equal(t, []int64{5, 8, 3, -3}, []int64{doc.OnHand, doc.Reserved, doc.Shortfall, doc.Available})
	require.Equal(t, []string{"low.v1 A", "depleted.v1 A"}, s.announced())
	s.place("p", 409, "A", 1)
	doc = s.adjust("A", "2", 200, "main", 2)
	require.Equal(t, []int64{7, 1}, []int64{doc.OnHand, doc.Shortfall})
	s.call("POST", "/v1/reservations/o/release", nil, 200)
	require.Zero(t, s.stock("A").Shortfall)
	s.sound()
}

func TestNoAdjustmentTakesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	s.location("empty", 2)
	s.adjust("A", "1", 409, "main", -11)
	s.adjust("A", "2", 409, "empty", -1)
	s.adjust("NONE", "3", 404, "main", -1)
	s.call("GET", "/v1/stock/NONE", nil, 404)
	s.adjust("A", "4", 422, "nowhere", 1)
	s.adjust("A", "5", 422, "main", 0)
	s.adjust("A", "6", 422, "main", 1_000_000_001)
	s.adjust("A", "7", 422, "main", 999_999_991)
	s.call("POST", "/v1/stock/A/adjustments", members{"location": "main", "delta": 1}, 422, key("8"))
	s.call("POST", "/v1/stock/A/adjustments", members{"location": "main", "delta": 1, "reason": "", "reference": strings.Repeat("x", 201)}, 422, key("9"))
	s.call("POST", "/v1/stock/A/adjustments", members{"location": "main", "delta": 1, "reason": "found"}, 403, key("10"), s.Bearer(t, "inventory:lock"))
	require.Len(t, s.stock("A").Locations, 1)
	s.adjust("A", "11", 200, "main", -10)
	doc := s.adjust("NEW", "12", 200, "empty", 3)
	require.Equal(t, []stockLocation{{Location: "empty", OnHand: 3}}, doc.Locations)
	s.sound()
}

func TestConcurrentAdjustmentsAllCount(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 30})
	together(60, func(i int) {
		delta := 1
		if i%2 == 0 {
			delta = -1
		}
		s.adjust("A", fmt.Sprint("k", i), 200, "main", delta)
		s.adjust("NEW", fmt.Sprint("new", i), 200, "main", 2)
	})
	require.EqualValues(t, 30, s.stock("A").OnHand)
	require.EqualValues(t, 120, s.stock("NEW").OnHand)
	s.sound()
}

func TestAnAdjustmentTellsReasonReferenceAndActor(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	s.call("POST", "/v1/stock/A/adjustments", members{"location": "main", "delta": -2, "reason": "water", "reference": "INS-5"}, 200, key("k"))
	var ledger movementList
	s.call("GET", "/v1/stock/A/movements?limit=1", nil, 200).JSON(t, &ledger)
	got := ledger.Items[0]
	require.NotEmpty(t, got.ID)
	require.Nil(t, got.OrderID)
	got.ID = ""
	require.Equal(t, movementDoc{
		Kind: "adjustment", SKU: "A", Location: "main", OnHandDelta: -2, OnHandAfter: 8,
		Reason: "water", Reference: "INS-5", Actor: "tester", At: got.At,
	}, got)
}
