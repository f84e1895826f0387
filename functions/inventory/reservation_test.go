package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/issuer"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

func key(value string) servicetest.Header {
	return servicetest.Header{Name: "Idempotency-Key", Value: value}
}

func TestLateOrderAfterCancelLocksNothing(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	released := s.event(event.OrderCancelled, "1", "o", map[string]any{"reason": "payment failed"})
	require.Equal(t, event.InventoryReleased, released.Type)
	late := s.event(event.OrderPlaced, "0", "o", map[string]any{"lines": lines("A", 1)})
	require.Equal(t, event.InventoryRejected, late.Type)
	require.Equal(t, "order_cancelled", dataOf(t, late).Reason)
	require.EqualValues(t, 10, s.stock("A").Available)
	require.Empty(t, s.movements("o"))
	require.Equal(t, "released", s.reservation("o").State)
	requireSame(t, released, s.event(event.OrderCancelled, "1", "o", map[string]any{"reason": "payment failed"}))
}

func (s *shop) movements(orderID string) []movementDoc {
	s.t.Helper()
	var page movementList
	s.call("GET", "/v1/movements?limit=100&order_id="+orderID, nil, 200).JSON(s.t, &page)
	return page.Items
}

func TestARedeliveryIsAnsweredAlikeInEveryLaterState(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	placed := s.event(event.OrderPlaced, "1", "o", map[string]any{"lines": lines("A", 2)})
	paid := s.event(event.OrderPaid, "2", "o", nil)
	other := s.event(event.OrderPaid, "2b", "o", nil)
	requireSame(t, paid, other)
	cancelled := s.event(event.OrderCancelled, "3", "o", map[string]any{"reason": "regret"})
	requireSame(t, placed, s.event(event.OrderPlaced, "1", "o", map[string]any{"lines": lines("A", 2)}))
	requireSame(t, paid, s.event(event.OrderPaid, "2", "o", nil))
	requireSame(t, paid, s.event(event.OrderPaid, "2b", "o", nil))
	requireSame(t, cancelled, s.event(event.OrderCancelled, "3", "o", map[string]any{"reason": "regret"}))
	require.Less(t, placed.Sequence, paid.Sequence)
	require.Less(t, paid.Sequence, cancelled.Sequence)
	s.sound()
}

func TestLinesOfOneSKUAreSummedBeforeTheyAreJudged(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	doc := s.place("o", 409, "A", 6, "A", 6)
	require.Len(t, doc.Lines, 1)
	require.Equal(t, reservationLine{SKU: "A", Requested: 12, Available: 10, Reason: "insufficient_stock"}, doc.Lines[0])
	s.place("p", 201, "A", 6, "A", 4)
	s.place("p", 200, "A", 10)
	require.EqualValues(t, 0, s.stock("A").Available)
}

func TestAnOrderIsAllOrNothingUnlessItAllowsAPart(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10, "B": 1})
	doc := s.place("whole", 409, "A", 2, "B", 2, "NONE", 1)
	require.Equal(t, []string{"", "insufficient_stock", "unknown_sku"}, []string{doc.Lines[0].Reason, doc.Lines[1].Reason, doc.Lines[2].Reason})
	require.Zero(t, doc.Lines[0].Locked)
	require.EqualValues(t, 10, s.stock("A").Available)

	var part reservationDoc
	s.call("POST", "/v1/reservations", map[string]any{"order_id": "part", "allow_partial": true, "lines": lines("A", 2, "B", 2, "NONE", 1)}, 201).JSON(t, &part)
	require.Equal(t, "partially_locked", part.State)
	require.Equal(t, []int64{2, 1, 0}, []int64{part.Lines[0].Locked, part.Lines[1].Locked, part.Lines[2].Locked})
	committed := s.event(event.OrderPaid, "paid", "part", nil)
	require.EqualValues(t, 1, dataOf(t, committed).Lines[1].Committed)
	require.EqualValues(t, 0, s.stock("B").OnHand)
	s.sound()
}

func TestALineIsTakenFromLocationsByPriority(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.location("far", 9)
	s.location("near", 1)
	s.count("far", map[string]int{"A": 10})
	s.count("near", map[string]int{"A": 3})
	s.place("o", 201, "A", 5)
	doc := s.stock("A")
	require.Equal(t, []stockLocation{{Location: "near", OnHand: 3, Reserved: 3}, {Location: "far", OnHand: 10, Reserved: 2}}, doc.Locations)
	s.call("POST", "/v1/reservations/o/commit", nil, 200)
	require.Equal(t, []stockLocation{{Location: "near"}, {Location: "far", OnHand: 8}}, s.stock("A").Locations)
	s.call("POST", "/v1/reservations/o/release", nil, 200)
	require.Equal(t, []stockLocation{{Location: "near", OnHand: 3}, {Location: "far", OnHand: 10}}, s.stock("A").Locations)
	s.sound()
}

func TestPartsAreNeverMoreThanWasTaken(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	s.place("o", 201, "A", 6)
	part := func(verb string, quantity, want int, k string) {
		t.Helper()
		s.call("POST", "/v1/reservations/o/"+verb, map[string]any{"lines": lines("A", quantity)}, want, key(k))
	}
	s.call("POST", "/v1/reservations/o/commit", map[string]any{"lines": lines("A", 1)}, 428)
	part("commit", 7, 422, "a")
	part("commit", 2, 200, "b")
	part("commit", 2, 200, "b") // the same request
	require.Equal(t, "locked", s.reservation("o").State)
	part("commit", 3, 422, "b")
	part("release", 1, 200, "c")
	s.call("POST", "/v1/reservations/o/commit", nil, 200)
	doc := s.reservation("o")
	require.Equal(t, "committed", doc.State)
	require.Equal(t, reservationLine{SKU: "A", Requested: 6, Locked: 6, Committed: 5, Available: 10}, doc.Lines[0])
	require.EqualValues(t, 5, s.stock("A").OnHand)

	back := func(quantity int, restock bool, want int, k string) {
		t.Helper()
		s.call("POST", "/v1/reservations/o/return", map[string]any{"lines": lines("A", quantity), "restock": restock}, want, key(k))
	}
	back(2, true, 200, "d")
	back(2, true, 200, "d")
	back(1, false, 200, "e")
	back(3, true, 422, "f")
	require.EqualValues(t, 7, s.stock("A").OnHand)
	s.call("POST", "/v1/reservations/o/release", nil, 200)
	require.EqualValues(t, 9, s.stock("A").OnHand, "one broke on its way back")
	s.sound()
}

func TestReservationsAreFoundByStateAndSKU(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10, "B": 10})
	s.place("a1", 201, "A", 1)
	s.place("a2", 201, "A", 1)
	s.place("b", 201, "B", 1)
	s.place("none", 409, "B", 100)
	s.call("POST", "/v1/reservations/a2/commit", nil, 200)
	s.overdue("b")
	ids := func(query string) []string {
		t.Helper()
		var page reservationList
		s.call("GET", "/v1/reservations"+query, nil, 200).JSON(t, &page)
		found := []string{}
		for _, r := range page.Items {
			found = append(found, r.OrderID)
		}
		if page.NextCursor != nil {
			found = append(found, *page.NextCursor)
		}
		return found
	}
	require.Equal(t, []string{"a1"}, ids("?state=locked"))
	require.Equal(t, []string{"b"}, ids("?state=expired"))
	require.Equal(t, []string{"a1", "a2"}, ids("?sku=A"))
	require.Equal(t, []string{"a2"}, ids("?sku=A&state=committed"))
	first := ids("?limit=2")
	require.Equal(t, []string{"b", "none"}, ids("?limit=2&cursor="+first[2]))
	s.call("GET", "/v1/reservations?sku=A&cursor="+first[2], nil, 400)
	s.call("GET", "/v1/reservations?colour=red", nil, 422)
	s.call("GET", "/v1/reservations/nobody", nil, 404)
}

func TestOneKeyIsOneOrder(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	body := map[string]any{"order_id": "o", "lines": lines("A", 1)}
	first := s.call("POST", "/v1/reservations", body, 201, key("k"))
	require.Equal(t, "/v1/reservations/o", first.Header.Get("Location"))
	s.call("POST", "/v1/reservations", body, 201, key("k"))
	s.call("POST", "/v1/reservations", map[string]any{"order_id": "p", "lines": lines("A", 1)}, 422, key("k"))
	s.call("POST", "/v1/reservations", map[string]any{"order_id": "q", "lines": lines("A", 99)}, 409, key("l"))
	require.Equal(t, "rejected", s.reservation("q").State, "a refusal is an outcome and is kept")
	require.EqualValues(t, 9, s.stock("A").Available)
}

func TestNothingComesBackTwice(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	s.place("o", 201, "A", 6)
	s.call("POST", "/v1/reservations/o/commit", nil, 200)
	s.call("POST", "/v1/reservations/o/return", map[string]any{"lines": lines("A", 1), "restock": true}, 200, key("a"))
	s.call("POST", "/v1/reservations/o/release", map[string]any{"lines": lines("A", 2)}, 200, key("b"))
	require.Equal(t, "committed", s.reservation("o").State)
	s.call("POST", "/v1/reservations/o/release", map[string]any{"lines": lines("A", 4)}, 422, key("c"))
	s.call("POST", "/v1/reservations/o/release", map[string]any{"lines": lines("A", 1, "A", 2)}, 200, key("d"))
	require.Equal(t, "released", s.reservation("o").State)
	s.call("POST", "/v1/reservations/o/release", nil, 200)
	require.EqualValues(t, 10, s.stock("A").OnHand)
	s.sound()
}

func TestTwoCallersMayUseTheSameKey(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	token, err := s.Issuer.Token(issuer.Claims{Subject: "another", Scopes: []string{"inventory:lock"}})
	require.NoError(t, err)
	another := servicetest.Header{Name: "Authorization", Value: "Bearer " + token}
	s.place("o", 201, "A", 6)
	one := map[string]any{"lines": lines("A", 1)}
	for _, verb := range []string{"commit", "release"} {
		s.call("POST", "/v1/reservations/o/"+verb, one, 200, key("k"))
		s.call("POST", "/v1/reservations/o/"+verb, one, 200, key("k"))
		s.call("POST", "/v1/reservations/o/"+verb, one, 200, key("k"), another)
	}
	require.Equal(t, []int64{8, 2}, []int64{s.stock("A").OnHand, s.stock("A").Reserved})
	s.sound()
}

func TestAKeyThatIsForgottenIsANewOne(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	s.place("o", 201, "A", 6)
	pay := func() {
		t.Helper()
		s.call("POST", "/v1/reservations/o/commit", map[string]any{"lines": lines("A", 2)}, 200, key("k"))
	}
	pay()
	s.place("another", 201, "A", 1)
	s.asOwner(`update inventory.idempotency_keys set created_at = now() - interval '8 days'`)
	s.call("POST", "/v1/reservations/another/release", map[string]any{}, 200, key("another")) // it makes room
	pay()
	require.EqualValues(t, 6, s.stock("A").OnHand)
	require.Equal(t, []string{"inventory.locked", "inventory.committed", "inventory.committed"}, s.outboxed("o"))
	s.sound()
}
