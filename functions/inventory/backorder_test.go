package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

// backordered opens a shop whose SKU A is not there and may be ordered all the
// same, up to a limit at the location main.
func backordered(t *testing.T, limit int) *shop {
	t.Helper()
	s := stocked(t, map[string]int{"A": 0})
	s.asOwner(`update inventory.stock set when_out_of_stock = 'backorder', backorder_limit = $1 where sku = 'A'`, limit)
	s.asOwner(`update inventory.levels set backorder_allowance = $1 where sku = 'A' and location = 'main'`, limit)
	return s
}

func (s *shop) asOwner(sql string, args ...any) {
	s.t.Helper()
	_, err := s.DB.Owner(s.t).Exec(context.Background(), sql, args...)
	require.NoError(s.t, err)
}

// arrives records what is there now, and lets the tick pass.
func (s *shop) arrives(location string, onHand map[string]int) {
	s.t.Helper()
	s.count(location, onHand)
	s.tick()
}

// levelOf is on hand, reserved and available.
func (s *shop) levelOf(sku string) []int64 {
	s.t.Helper()
	doc := s.stock(sku)
	return []int64{doc.OnHand, doc.Reserved, doc.Available}
}

func (s *shop) committedOf(orderID string) int64 {
	s.t.Helper()
	return s.reservation(orderID).Lines[0].Committed
}

func TestABackorderThatWasPaidIsSoldWhenStockArrives(t *testing.T) {
	t.Parallel()
	s := backordered(t, 5)
	s.event(event.OrderPlaced, "1", "o", map[string]any{"lines": lines("A", 3)})
	paid := s.event(event.OrderPaid, "2", "o", nil)
	require.Equal(t, event.InventoryCommitted, paid.Type)
	require.EqualValues(t, 0, dataOf(t, paid).Lines[0].Committed, "nothing was there to be sold")
	s.tick()
	require.Equal(t, []int64{0, 3, -3}, s.levelOf("A"))
	s.arrives("main", map[string]int{"A": 2})
	require.EqualValues(t, 2, s.committedOf("o"))
	require.Equal(t, []int64{0, 1, -1}, s.levelOf("A"))
	s.call("POST", "/v1/reservations/o/return", map[string]any{"lines": lines("A", 3), "restock": true}, 422, key("all"))
	s.arrives("main", map[string]int{"A": 5})
	require.EqualValues(t, 3, s.committedOf("o"))
	require.Equal(t, []int64{4, 0, 4}, s.levelOf("A"))
	s.call("POST", "/v1/reservations/o/return", map[string]any{"lines": lines("A", 3), "restock": true}, 200, key("back"))
	require.Equal(t, []int64{7, 0, 7}, s.levelOf("A"))
	s.sound()
}

func TestWhatACountFoundMissingIsSoldWhenItIsFoundAgain(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 5})
	s.place("o", 201, "A", 5)
	s.count("main", map[string]int{"A": 2})
	s.call("POST", "/v1/reservations/o/commit", nil, 200)
	require.EqualValues(t, 2, s.committedOf("o"))
	s.arrives("main", map[string]int{"A": 4})
	require.EqualValues(t, 5, s.committedOf("o"))
	require.Equal(t, []int64{1, 0, 1}, s.levelOf("A"))
	require.Zero(t, s.stock("A").Shortfall)
	s.sound()
}

func TestWhatIsOwedIsServedInTheOrderOfPayment(t *testing.T) {
	t.Parallel()
	s := backordered(t, 10)
	for _, id := range []string{"a", "b", "c"} {
		s.place(id, 201, "A", 3)
	}
	for _, id := range []string{"c", "a", "b"} {
		s.call("POST", "/v1/reservations/"+id+"/commit", nil, 200)
	}
	// Who gives up a part keeps the place in the line.
	s.call("POST", "/v1/reservations/c/release", map[string]any{"lines": lines("A", 1)}, 200, key("less"))
	served := func() []int64 { return []int64{s.committedOf("c"), s.committedOf("a"), s.committedOf("b")} }
	s.arrives("main", map[string]int{"A": 1})
	require.Equal(t, []int64{1, 0, 0}, served())
	s.arrives("main", map[string]int{"A": 3})
	require.Equal(t, []int64{2, 2, 0}, served())
	s.arrives("main", map[string]int{"A": 2})
	require.Equal(t, []int64{2, 3, 1}, served())
	s.sound()
}

func TestFulfilmentIsToldOnce(t *testing.T) {
	t.Parallel()
	s := backordered(t, 5)
	s.event(event.OrderPlaced, "1", "o", map[string]any{"lines": lines("A", 2)})
	paid := s.event(event.OrderPaid, "2", "o", nil)
	require.Empty(t, s.outboxed("o"))
	other := open(t, servicetest.On(s.DB))
	together(9, func(i int) {
		if i == 0 {
			s.count("main", map[string]int{"A": 10})
			return
		}
		[]*shop{s, other}[i%2].tick()
	})
	require.Equal(t, []string{"inventory.committed"}, s.outboxed("o"))
	require.Len(t, s.movements("o"), 2, "reserved once, sold once")
	requireSame(t, paid, s.event(event.OrderPaid, "2", "o", nil))
	requireSame(t, paid, s.event(event.OrderPaid, "3", "o", nil))
	require.EqualValues(t, 2, s.committedOf("o"))
	s.sound()
}

func TestWhatComesInIsHandedOverAtOnce(t *testing.T) {
	t.Parallel()
	s := backordered(t, 50)
	s.location("far", 9)
	s.count("far", map[string]int{"A": 0})
	s.place("o", 201, "A", 20)
	s.place("later", 201, "A", 20)
	for _, id := range []string{"o", "later"} {
		s.call("POST", "/v1/reservations/"+id+"/commit", nil, 200)
	}
	s.call("POST", "/v1/stock/A/adjustments", map[string]any{"location": "main", "delta": 3, "reason": "came"}, 200, key("came"))
	require.EqualValues(t, 3, s.committedOf("o"))
	counted := s.call("PUT", "/v1/stock/A/locations/main", map[string]any{"on_hand": 4}, 200, servicetest.Header{Name: "If-Match", Value: "*"})
	require.EqualValues(t, 7, s.committedOf("o"))
	var doc stockDoc
	counted.JSON(t, &doc)
	require.EqualValues(t, 4, doc.OnHand, "the answer tells of the count")
	s.count("far", map[string]int{"A": 5})
	require.EqualValues(t, 7, s.committedOf("o"), "it is not owed there")
	s.call("POST", "/v1/stock/A/transfers", map[string]any{"from": "far", "to": "main", "quantity": 5}, 200, key("moved"))
	require.EqualValues(t, 12, s.committedOf("o"))
	s.imported("?dry_run=true", `{"sku":"A","location":"main","on_hand":9}`)
	require.EqualValues(t, 12, s.committedOf("o"))
	s.imported("", `{"sku":"A","location":"main","on_hand":9}`)
	require.EqualValues(t, 20, s.committedOf("o"))
	require.EqualValues(t, 1, s.committedOf("later"))
	require.Equal(t, []int64{0, 19, -19}, s.levelOf("A"))
	s.sound()
}

func TestAChangeOfStockHoldsWhenWhatCameInCannotBeHandedOver(t *testing.T) {
	t.Parallel()
	s := backordered(t, 5)
	s.place("o", 201, "A", 3)
	s.call("POST", "/v1/reservations/o/commit", nil, 200)
	s.asOwner(`revoke update on inventory.reservation_lines from inventory_fn`)
	came := map[string]any{"location": "main", "delta": 2, "reason": "came"}
	s.call("POST", "/v1/stock/A/adjustments", came, 200, key("came"))
	require.Equal(t, []int64{2, 3, -1}, s.levelOf("A"))
	s.asOwner(`grant update on inventory.reservation_lines to inventory_fn`)
	s.tick()
	require.EqualValues(t, 2, s.committedOf("o"))
	s.sound()
}

func TestAPartThatWasPaidIsOwedWhenTheRestExpires(t *testing.T) {
	t.Parallel()
	s := backordered(t, 10)
	s.place("o", 201, "A", 6)
	pay := func(quantity, want int, k string) {
		t.Helper()
		s.call("POST", "/v1/reservations/o/commit", map[string]any{"lines": lines("A", quantity)}, want, key(k))
	}
	pay(2, 200, "a")
	pay(5, 422, "b")
	pay(2, 200, "c")
	require.Equal(t, "locked", s.reservation("o").State)
	s.overdue("o")
	require.Equal(t, "committed", s.reservation("o").State)
	require.Len(t, s.found("?state=committed"), 1)
	require.Empty(t, s.found("?state=expired"))
	require.EqualValues(t, -4, s.stock("A").Available)
	s.tick()
	require.Equal(t, []int64{0, 4, -4}, s.levelOf("A"))
	s.arrives("main", map[string]int{"A": 9})
	require.EqualValues(t, 4, s.committedOf("o"))
	require.Equal(t, []int64{5, 0, 5}, s.levelOf("A"))
	s.sound()
}

func (s *shop) found(query string) []reservationDoc {
	s.t.Helper()
	var page reservationList
	s.call("GET", "/v1/reservations"+query, nil, 200).JSON(s.t, &page)
	return page.Items
}

func TestAPartThatWasPaidIsServedBeforeTheRestIs(t *testing.T) {
	t.Parallel()
	s := backordered(t, 10)
	s.place("o", 201, "A", 6)
	s.call("POST", "/v1/reservations/o/commit", map[string]any{"lines": lines("A", 2)}, 200, key("a"))
	s.arrives("main", map[string]int{"A": 9})
	require.EqualValues(t, 2, s.committedOf("o"))
	require.Equal(t, "locked", s.reservation("o").State)
	require.Equal(t, []int64{7, 4, 3}, s.levelOf("A"))
	s.call("POST", "/v1/reservations/o/commit", map[string]any{"lines": lines("A", 4)}, 200, key("b"))
	require.Equal(t, "committed", s.reservation("o").State)
	require.Equal(t, []int64{3, 0, 3}, s.levelOf("A"))
	s.sound()
}

func TestWhatIsOwedCanBeCancelled(t *testing.T) {
	t.Parallel()
	s := backordered(t, 5)
	s.place("o", 201, "A", 3)
	s.call("POST", "/v1/reservations/o/commit", nil, 200)
	s.call("POST", "/v1/reservations/o/release", map[string]any{"lines": lines("A", 2)}, 200, key("a"))
	require.Equal(t, "committed", s.reservation("o").State)
	s.arrives("main", map[string]int{"A": 4})
	require.Equal(t, []int64{3, 0, 3}, s.levelOf("A"))
	s.call("POST", "/v1/reservations/o/release", nil, 200)
	require.Equal(t, []int64{4, 0, 4}, s.levelOf("A"))
	s.sound()
}

func TestABackorderIsServedWhereItIsHeld(t *testing.T) {
	t.Parallel()
	s := backordered(t, 5)
	s.location("far", 9)
	s.place("o", 201, "A", 3)
	s.call("POST", "/v1/reservations/o/commit", nil, 200)
	s.arrives("far", map[string]int{"A": 3})
	require.EqualValues(t, 0, s.committedOf("o"))
	require.EqualValues(t, 0, s.stock("A").Available, "nobody else gets it")
	s.arrives("main", map[string]int{"A": 3})
	require.EqualValues(t, 3, s.committedOf("o"))
	s.sound()
}

func TestTheReleaseBeforeLeavesOwedWhatIsFulfilledNow(t *testing.T) {
	t.Parallel()
	s := backordered(t, 5)
	s.place("o", 201, "A", 3)
	s.call("POST", "/v1/reservations/o/commit", nil, 200)
	s.asOwner(`update inventory.reservation_lines set owed = 0`)
	s.arrives("main", map[string]int{"A": 4})
	require.EqualValues(t, 3, s.committedOf("o"))
	s.sound()
}

func TestAnOrderThatOwesNoMoneyIsCommitted(t *testing.T) {
	t.Parallel()
	s := backordered(t, 20)
	part := func(id, verb string, quantity int, want string) {
		t.Helper()
		s.call("POST", "/v1/reservations/"+id+"/"+verb, map[string]any{"lines": lines("A", quantity)}, 200, key(id+verb+itoa(quantity)))
		require.Equal(t, want, s.reservation(id).State)
	}
	s.place("parts", 201, "A", 5)
	part("parts", "commit", 2, "locked")
	part("parts", "commit", 3, "committed")
	s.place("less", 201, "A", 5)
	part("less", "commit", 2, "locked")
	part("less", "release", 1, "locked")
	part("less", "release", 2, "committed")
	require.Equal(t, []int64{0, 7, -7}, s.levelOf("A"))
	s.sound()
}

func TestWhatIsCancelledOfAnOrderIsNotOwedToIt(t *testing.T) {
	t.Parallel()
	s := backordered(t, 20)
	s.count("main", map[string]int{"B": 10})
	for _, id := range []string{"first", "second"} {
		s.place(id, 201, "A", 6, "B", 1)
		s.call("POST", "/v1/reservations/"+id+"/commit", map[string]any{"lines": lines("A", 2)}, 200, key("pay"))
	}
	s.call("POST", "/v1/reservations/first/release", map[string]any{"lines": lines("A", 5)}, 200, key("less"))
	require.Equal(t, "locked", s.reservation("first").State, "B is not paid yet")
	s.arrives("main", map[string]int{"A": 2})
	require.EqualValues(t, 1, s.committedOf("first"))
	require.EqualValues(t, 1, s.committedOf("second"))
	s.sound()
}

func TestTheLedgerKeepsTheReasonOfALatePaymentForWhatIsNotThere(t *testing.T) {
	t.Parallel()
	s := backordered(t, 5)
	s.place("o", 201, "A", 3)
	s.overdue("o")
	s.tick()
	s.call("POST", "/v1/reservations/o/commit", map[string]any{"reason": "paid late"}, 200)
	last := s.movements("o")
	require.Equal(t, []string{"reserve", "paid late"}, []string{last[0].Kind, last[0].Reason})
	require.Equal(t, []int64{0, 3, -3}, s.levelOf("A"))
	s.sound()
}
