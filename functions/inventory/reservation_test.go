package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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

func TestWhatExpiredIsFreeAtOnceAndRecordedOnce(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 2, "B": 5})
	s.event(event.OrderPlaced, "1", "late", map[string]any{"lines": lines("A", 2, "B", 1)})
	s.overdue("late")
	require.EqualValues(t, 2, s.stock("A").Available)
	require.Equal(t, "expired", s.reservation("late").State)
	require.Empty(t, s.outboxed("late"), "reading records nothing")
	s.place("next", 201, "A", 2)
	require.Equal(t, []string{"inventory.expired"}, s.outboxed("late"))
	s.tick()
	s.event(event.OrderCancelled, "2", "late", map[string]any{"reason": "x"})
	require.Equal(t, []string{"inventory.expired"}, s.outboxed("late"))
	require.EqualValues(t, 0, s.stock("A").Available)
	require.EqualValues(t, 5, s.stock("B").Available)
	s.sound()
}

func TestTheTickRecordsWhatExpired(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	s.place("o", 201, "A", 4)
	s.place("runs", 201, "A", 1)
	s.overdue("o")
	s.tick()
	require.Equal(t, []string{"inventory.locked", "inventory.expired"}, s.outboxed("o"))
	require.EqualValues(t, 1, s.stock("A").Reserved)
	require.Equal(t, "locked", s.reservation("runs").State)
	s.sound()
}

func TestALaterMessageOfItsOrderRecordsTheExpiry(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 2})
	s.event(event.OrderPlaced, "1", "o", map[string]any{"lines": lines("A", 2)})
	s.overdue("o")
	paid := s.event(event.OrderPaid, "2", "o", nil)
	require.Equal(t, event.InventoryCommitted, paid.Type)
	require.Equal(t, []string{"inventory.expired"}, s.outboxed("o"))
	require.EqualValues(t, 0, s.stock("A").OnHand)
	s.sound()
}

func TestALockHoldsAsLongAsItsOrderSays(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	holds := func(id string) time.Duration { return time.Until(*s.reservation(id).ExpiresAt).Round(time.Minute) }
	s.place("usual", 201, "A", 1)
	require.Equal(t, 15*time.Minute, holds("usual"))
	s.call("POST", "/v1/reservations", map[string]any{"order_id": "hour", "expires_in": 3600, "lines": lines("A", 1)}, 201)
	require.Equal(t, time.Hour, holds("hour"))
	s.call("POST", "/v1/reservations", map[string]any{"order_id": "week", "expires_in": 604800, "lines": lines("A", 1)}, 422)
	s.event(event.OrderPlaced, "1", "far", map[string]any{"lines": lines("A", 1), "expires_at": time.Now().Add(1000 * time.Hour)})
	require.Equal(t, 24*time.Hour, holds("far"), "no longer than the service allows")
	past := s.event(event.OrderPlaced, "2", "past", map[string]any{"lines": lines("A", 1), "expires_at": time.Now().Add(-time.Hour)})
	require.Equal(t, "expired", dataOf(t, past).Reason)

	s.call("POST", "/v1/reservations/usual/extend", map[string]any{"expires_in": 7200}, 200)
	require.Equal(t, 2*time.Hour, holds("usual"))
	s.overdue("hour")
	s.call("POST", "/v1/reservations/hour/extend", nil, 409)
	s.call("POST", "/v1/reservations/nobody/extend", nil, 404)
	require.EqualValues(t, 8, s.stock("A").Available)
	s.sound()
}

func TestPartsAreNeverMoreThanWasTaken(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	s.place("o", 201, "A", 6)
	part := func(verb string, quantity, want int, k string) servicetest.Answer {
		t.Helper()
		return s.call("POST", "/v1/reservations/o/"+verb, map[string]any{"lines": lines("A", quantity)}, want, key(k))
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

func TestStockOperationsNeedTheirScopes(t *testing.T) {
	t.Parallel()
	s := open(t)
	lock, write := s.Bearer(t, "inventory:lock"), s.Bearer(t, "inventory:write")
	for _, c := range []struct {
		method, path string
		header       servicetest.Header
		want         int
	}{
		{"GET", "/v1/stock/A", servicetest.Header{Name: "Accept", Value: "*/*"}, 401},
		{"GET", "/v1/stock/A", lock, 404},
		{"GET", "/v1/stock/A", write, 404},
		{"GET", "/v1/reservations/o", write, 403},
		{"PUT", "/v1/locations/main", lock, 403},
		{"POST", "/v1/stock:import", lock, 403},
		{"GET", "/v1/stock:audit", s.Bearer(t, "catalog:write"), 403},
	} {
		a := s.Do(t, c.method, c.path, nil, c.header)
		require.Equal(t, c.want, a.Status, "%s %s: %s", c.method, c.path, a.Body)
	}
}

func TestTheRoleCannotRewriteTheLedgerOrOversell(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 1})
	pool := s.DB.Pool(t, "inventory")
	for _, sql := range []string{
		`update inventory.movements set on_hand_delta = 0`,
		`delete from inventory.movements`,
		`truncate inventory.movements`,
		`delete from inventory.reservations`,
		`update inventory.messages set step = ''`,
		`update inventory.reservation_lines set sku = 'B'`,
		`select * from catalog.products`,
		`insert into catalog.products (id) values (gen_random_uuid())`,
		`select * from events.outbox`,
		`delete from events.outbox`,
		`create table inventory.mine ()`,
		`alter table inventory.levels drop constraint levels_never_oversold`,
	} {
		_, err := pool.Exec(context.Background(), sql)
		require.ErrorContains(t, err, "42501", sql)
	}
	_, err := pool.Exec(context.Background(), `update inventory.levels set reserved = 2 where sku = 'A'`)
	require.ErrorContains(t, err, "levels_never_oversold")
	_, err = pool.Exec(context.Background(), `update inventory.levels set on_hand = -1 where sku = 'A'`)
	require.ErrorContains(t, err, "23514")
}
