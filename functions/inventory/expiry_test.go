package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
)

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

// expires is when the lock of the order o is over.
func (s *shop) expires() time.Time {
	s.t.Helper()
	return *s.reservation("o").ExpiresAt
}

func TestAnExtensionNeverShortens(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	s.place("o", 201, "A", 1)
	before := s.expires()
	s.call("POST", "/v1/reservations/o/extend", map[string]any{"expires_in": 60}, 200)
	require.Equal(t, before, s.expires())
	s.call("POST", "/v1/reservations/o/extend", map[string]any{"expires_in": 3600}, 200)
	require.Greater(t, s.expires(), before)
}

func TestNoLockHoldsLongerThanTheServiceAllows(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	s.place("o", 201, "A", 1)
	s.asOwner(`update inventory.reservations set created_at = now() - interval '23 hours' where order_id = 'o'`)
	s.call("POST", "/v1/reservations/o/extend", map[string]any{"expires_in": 7200}, 200)
	require.Equal(t, time.Hour, time.Until(s.expires()).Round(time.Minute))
	s.asOwner(`update inventory.reservations set created_at = now() - interval '30 hours' where order_id = 'o'`)
	last := s.expires()
	s.call("POST", "/v1/reservations/o/extend", map[string]any{"expires_in": 7200}, 200)
	require.Equal(t, last, s.expires())
}

func TestAnExtensionIsMadeOncePerKey(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	s.place("o", 201, "A", 1)
	extend := func(seconds, want int) string {
		t.Helper()
		return string(s.call("POST", "/v1/reservations/o/extend", map[string]any{"expires_in": seconds}, want, key("k")).Body)
	}
	first, until := extend(3600, 200), s.expires()
	s.asOwner(`update inventory.reservations set expires_at = expires_at - interval '1 minute'`)
	require.Equal(t, first, extend(3600, 200))
	require.Equal(t, until.Add(-time.Minute), s.expires())
	extend(7200, 422)
}

func TestWhatWasPaidForStaysSoldWhenTheRestExpires(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	s.event(event.OrderPlaced, "1", "o", map[string]any{"lines": lines("A", 6)})
	part := s.event(event.OrderPaid, "2", "o", map[string]any{"lines": lines("A", 2)})
	require.Equal(t, "locked", dataOf(t, part).State)
	s.overdue("o")
	require.Equal(t, "committed", s.reservation("o").State)
	require.EqualValues(t, 8, s.stock("A").Available)
	requireSame(t, part, s.event(event.OrderPaid, "2", "o", map[string]any{"lines": lines("A", 2)}))
	s.tick()
	require.Equal(t, "committed", s.reservation("o").State)
	require.Equal(t, []int64{8, 0}, []int64{s.stock("A").OnHand, s.stock("A").Reserved})
	requireSame(t, part, s.event(event.OrderPaid, "3", "o", nil))
	s.event(event.OrderCancelled, "4", "o", map[string]any{"reason": "regret"})
	require.Equal(t, []int64{10, 0}, []int64{s.stock("A").OnHand, s.stock("A").Reserved})
	s.sound()
}

func TestAPartialLockTakesWhatExpiredToo(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 4})
	for _, id := range []string{"o1", "o2", "o3"} {
		s.place(id, 201, "A", 1)
		s.overdue(id)
	}
	require.EqualValues(t, 4, s.place("whole", 409, "A", 5).Lines[0].Available)
	require.Equal(t, []string{"inventory.locked"}, s.outboxed("o1"), "nobody needed it")
	var part reservationDoc
	s.call("POST", "/v1/reservations", map[string]any{"order_id": "part", "allow_partial": true, "lines": lines("A", 5)}, 201).JSON(t, &part)
	require.EqualValues(t, 4, part.Lines[0].Locked)
	s.sound()
}

func TestALockRecordsNoMoreExpiriesThanItNeeds(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 3})
	for _, id := range []string{"o1", "o2", "o3"} {
		s.place(id, 201, "A", 1)
		s.overdue(id)
	}
	s.place("next", 201, "A", 2)
	require.EqualValues(t, 3, s.stock("A").Reserved, "one of the three is left to the tick")
	require.EqualValues(t, 1, s.stock("A").Available)
	s.tick()
	require.EqualValues(t, 2, s.stock("A").Reserved)
	s.sound()
}

func TestAPaymentThatComesLateTakesWhatExpiredMeanwhile(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 2})
	for _, id := range []string{"first", "second"} {
		s.event(event.OrderPlaced, "placed "+id, id, map[string]any{"lines": lines("A", 2)})
		s.overdue(id)
	}
	paid := s.event(event.OrderPaid, "paid", "first", nil)
	require.Equal(t, event.InventoryCommitted, paid.Type)
	require.Equal(t, []string{"inventory.expired"}, s.outboxed("second"))
	lost := s.event(event.OrderPaid, "paid too", "second", nil)
	require.Equal(t, "expired", dataOf(t, lost).Reason)
	require.EqualValues(t, 0, s.stock("A").OnHand)
	s.sound()
}

func TestALatePaymentDoesNotBuyWhatWasCancelled(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10, "B": 10})
	s.place("o", 201, "A", 6, "B", 2)
	s.call("POST", "/v1/reservations/o/release", map[string]any{"lines": lines("A", 4, "B", 2)}, 200, key("less"))
	s.overdue("o")
	s.call("POST", "/v1/reservations/o/commit", map[string]any{"lines": lines("A", 3)}, 422, key("more"))
	s.event(event.OrderPaid, "paid", "o", nil)
	require.EqualValues(t, 8, s.stock("A").OnHand)
	require.EqualValues(t, 10, s.stock("B").OnHand)
	s.sound()
}
