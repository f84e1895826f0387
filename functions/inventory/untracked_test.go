package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
)

// untracking opens a shop that sells B from its stock of 10, and of A as much as
// anybody wants.
func untracking(t *testing.T) *shop {
	t.Helper()
	s := stocked(t, map[string]int{"A": 0, "B": 10})
	s.asOwner(`update inventory.stock set track = false where sku = 'A'`)
	return s
}

func TestAnUntrackedSKUIsSoldAndReturnedLikeAnyOther(t *testing.T) {
	t.Parallel()
	s := untracking(t)
	doc := s.place("o", 201, "A", 1000, "B", 2)
	require.EqualValues(t, 1000, doc.Lines[0].Locked)
	require.Len(t, s.found("?sku=A"), 1)
	part := func(verb string, quantity, want int, k string) {
		t.Helper()
		body := map[string]any{"lines": lines("A", quantity)}
		if verb == "return" {
			body["restock"] = true
		}
		s.call("POST", "/v1/reservations/o/"+verb, body, want, key(k))
	}
	part("commit", 1001, 422, "a")
	part("commit", 400, 200, "b")
	part("release", 100, 200, "c")
	require.Equal(t, "locked", s.reservation("o").State)
	s.call("POST", "/v1/reservations/o/commit", nil, 200)
	require.EqualValues(t, 900, s.committedOf("o"))
	part("return", 901, 422, "d")
	part("return", 300, 200, "e")
	require.EqualValues(t, 300, s.reservation("o").Lines[0].Returned)
	s.call("POST", "/v1/reservations/o/release", nil, 200)
	require.EqualValues(t, 900, s.reservation("o").Lines[0].Returned)
	require.Equal(t, []int64{0, 0, 0}, s.levelOf("A"), "nobody counts it")
	require.Equal(t, []int64{10, 0, 10}, s.levelOf("B"))
	s.sound()
}

func TestAnExpiredOrderOfAnUntrackedSKUCanBePaid(t *testing.T) {
	t.Parallel()
	s := untracking(t)
	s.event(event.OrderPlaced, "1", "o", map[string]any{"lines": lines("A", 3, "B", 1)})
	s.event(event.OrderPlaced, "2", "only", map[string]any{"lines": lines("A", 3)})
	s.overdue("o")
	s.overdue("only")
	require.Zero(t, s.stock("A").Available, "what is not counted cannot become free")
	s.tick()
	require.Equal(t, []string{"inventory.expired"}, s.outboxed("only"))
	for _, id := range []string{"o", "only"} {
		paid := s.event(event.OrderPaid, "paid "+id, id, nil)
		require.Equal(t, event.InventoryCommitted, paid.Type)
		require.EqualValues(t, 3, dataOf(t, paid).Lines[0].Committed)
	}
	require.Equal(t, []int64{9, 0, 9}, s.levelOf("B"))
	s.sound()
}

func TestWhatBecomesTrackedMeanwhileIsSoldAsItWasLocked(t *testing.T) {
	t.Parallel()
	s := untracking(t)
	s.place("before", 201, "A", 3)
	s.asOwner(`update inventory.stock set track = true where sku = 'A'`)
	s.count("main", map[string]int{"A": 5})
	s.place("after", 201, "A", 5)
	s.asOwner(`update inventory.stock set track = false where sku = 'A'`)
	for _, id := range []string{"before", "after"} {
		s.call("POST", "/v1/reservations/"+id+"/commit", nil, 200)
	}
	require.Equal(t, []int64{0, 0, 0}, s.levelOf("A"))
	s.call("POST", "/v1/reservations/before/release", nil, 200)
	s.call("POST", "/v1/reservations/after/release", nil, 200)
	require.Equal(t, []int64{5, 0, 5}, s.levelOf("A"))
	s.sound()
}
