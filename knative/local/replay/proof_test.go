package replay

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/client"
)

func twoOrders() []Order {
	return []Order{
		{OrderID: "1", Lines: []Line{{"A", 2}, {"B", 1}, {"A", 1}}},
		{OrderID: "2", Lines: []Line{{"A", 9}}},
	}
}

// goodBooks: ten A and five B were there; order 1 got its three A and one B,
// order 2 was refused.
func goodBooks() Books {
	return Books{
		Levels: map[string]Level{
			"A": {SKU: "A", OnHand: 10, Reserved: 3, Available: 7},
			"B": {SKU: "B", OnHand: 5, Reserved: 1, Available: 4},
		},
		Ledger: map[string]Entries{"A": {Supplied: 10, Held: 3}, "B": {Supplied: 5, Held: 1}},
		Reservations: map[string]Reservation{
			"1": {OrderID: "1", State: "locked", Lines: []ReservationLine{{SKU: "A", Requested: 3, Locked: 3}, {SKU: "B", Requested: 1, Locked: 1}}},
			"2": {OrderID: "2", State: "rejected", Lines: []ReservationLine{{SKU: "A", Requested: 9}}},
		},
	}
}

func TestBooksInOrderBreakNothing(t *testing.T) {
	t.Parallel()
	require.Empty(t, check(twoOrders(), goodBooks(), nil))
	require.Empty(t, foreign(goodBooks()))
}

func TestSoldReservedAndRemainingAreTheOpening(t *testing.T) {
	t.Parallel()
	b := goodBooks()
	b.Reservations["1"] = Reservation{OrderID: "1", State: "committed",
		Lines: []ReservationLine{{SKU: "A", Requested: 3, Committed: 3}, {SKU: "B", Requested: 1, Committed: 1}}}
	b.Levels["A"] = Level{SKU: "A", OnHand: 7, Available: 7}
	b.Levels["B"] = Level{SKU: "B", OnHand: 4, Available: 4}
	b.Ledger = map[string]Entries{"A": {Supplied: 10, Sold: 3}, "B": {Supplied: 5, Sold: 1}}
	require.Empty(t, check(twoOrders(), b, nil))

	b.Levels["B"] = Level{SKU: "B", OnHand: 3, Available: 3}
	require.Equal(t, []string{"sold 1 + reserved 0 + remaining 3 is not the opening 5"}, whats(check(twoOrders(), b, nil)))
}

func TestWhatExpiredIsFreeThoughNotYetRecorded(t *testing.T) {
	t.Parallel()
	b := goodBooks()
	r := b.Reservations["1"]
	r.State = "expired"
	b.Reservations["1"] = r
	b.Levels["A"] = Level{SKU: "A", OnHand: 10, Reserved: 3, Available: 10}
	b.Levels["B"] = Level{SKU: "B", OnHand: 5, Reserved: 1, Available: 5}
	require.Empty(t, check(twoOrders(), b, nil))
}

func TestWhatOthersHoldAndBoughtIsNotHeldAgainstTheOrders(t *testing.T) {
	t.Parallel()
	before := goodBooks()
	before.Reservations = nil
	before.Levels["A"] = Level{SKU: "A", OnHand: 12, Reserved: 2, Available: 10}
	before.Levels["B"] = Level{SKU: "B", OnHand: 5, Available: 5}
	before.Ledger = map[string]Entries{"A": {Supplied: 13, Sold: 1, Held: 2}, "B": {Supplied: 5}}
	others := foreign(before)
	require.Equal(t, map[string]taken{"A": {held: 2, sold: 1}}, others)

	after := goodBooks()
	after.Levels["A"] = Level{SKU: "A", OnHand: 12, Reserved: 5, Available: 7}
	after.Ledger["A"] = Entries{Supplied: 13, Sold: 1, Held: 5}
	require.Empty(t, check(twoOrders(), after, others))

	after.Levels["A"] = Level{SKU: "A", OnHand: 12, Reserved: 5, Available: 9}
	require.Empty(t, check(twoOrders(), after, others), "their lock ran out")
	after.Levels["A"] = Level{SKU: "A", OnHand: 12, Reserved: 5, Available: 6}
	require.Equal(t, []string{"sold 1 + reserved 5 + remaining 6 is not the opening 13"}, whats(check(twoOrders(), after, others)))
}

func TestEveryBrokenPromiseIsNamed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(*Books)
		want  string
	}{
		"no outcome":  {func(b *Books) { delete(b.Reservations, "2") }, "order 2: has no outcome"},
		"half a lock": {func(b *Books) { b.Reservations["1"].Lines[0].Locked = 2 }, "order 1: is locked with 2 of 3 of A"},
		"a line forgotten": {func(b *Books) {
			r := b.Reservations["1"]
			r.Lines = r.Lines[:1]
			b.Reservations["1"] = r
		}, "order 1: is locked without 1 of its SKUs"},
		"a refused order that got goods": {func(b *Books) { b.Reservations["2"].Lines[0].Locked = 1 }, "order 2: is rejected with 1 of 9 of A"},
		"an unknown state":               {func(b *Books) { b.Reservations["2"] = Reservation{State: "lost"} }, "order 2: has the unknown state lost"},
		"no stock row":                   {func(b *Books) { delete(b.Levels, "B") }, "B: has no stock row"},
		"oversold": {func(b *Books) {
			b.Levels["B"] = Level{SKU: "B", OnHand: 0, Reserved: 1, Available: -1}
		}, "B: is oversold: 1 reserved of 0 on hand"},
		"a ledger that sold more": {func(b *Books) {
			b.Ledger["B"] = Entries{Supplied: 5, Held: 1, Sold: 1}
		}, "B: the ledger sold 1, the orders bought 0"},
		"a ledger that holds less": {func(b *Books) { b.Ledger["B"] = Entries{Supplied: 5} }, "B: the ledger holds 0, the level has 1 reserved"},
		"an audit that found":      {func(b *Books) { b.Audit = 2 }, "audit: the service lists 2 differences"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := goodBooks()
			test.spoil(&b)
			var all []string
			for _, v := range check(twoOrders(), b, nil) {
				all = append(all, v.String())
			}
			require.Contains(t, all, test.want)
		})
	}
}

func TestTheLedgerIsAddedUpByWhatMoved(t *testing.T) {
	t.Parallel()
	var sum Entries
	for _, m := range []movement{
		{Kind: "count", OnHandDelta: 10, OnHandAfter: 10},
		{Kind: "reserve", ReservedDelta: 4, OnHandAfter: 10, ReservedAfter: 4},
		{Kind: "commit", OnHandDelta: -3, ReservedDelta: -3, OnHandAfter: 7, ReservedAfter: 1},
		{Kind: "release", ReservedDelta: -1, OnHandAfter: 7},
		{Kind: "return", OnHandDelta: 1, OnHandAfter: 8},
		{Kind: "adjustment", OnHandDelta: -2, OnHandAfter: 6},
	} {
		sum.add(m)
	}
	require.Equal(t, Entries{Supplied: 8, Sold: 2}, sum)
}

func whats(broken []Violation) []string {
	var all []string
	for _, v := range broken {
		all = append(all, v.What)
	}
	return all
}

func TestAnOrderIsAnsweredInThisPassAndAlwaysInTheSameWords(t *testing.T) {
	t.Parallel()
	yes := client.Received{ID: "x", Type: locked, Time: "t", Data: []byte(`{"state":"locked"}`)}
	no := client.Received{ID: "y", Type: rejected, Time: "t", Data: []byte(`{"state":"rejected"}`)}
	orders := twoOrders()[:1]
	require.Empty(t, checkReplies(orders, map[string]replies{"1": {yes}}, map[string]replies{"1": {yes, yes}}))
	require.Equal(t, []string{"was not answered in this pass"},
		whats(checkReplies(orders, map[string]replies{"1": {yes}}, map[string]replies{"1": {yes}})))
	require.Equal(t, []string{"was answered " + locked + " x, but also " + rejected + " y"},
		whats(checkReplies(orders, nil, map[string]replies{"1": {yes, no}})))
	require.Empty(t, checkSame(map[string]replies{"1": {yes}}, goodBooks().Reservations))
	require.Equal(t, []string{"was answered " + rejected + " and is locked"},
		whats(checkSame(map[string]replies{"1": {no}}, goodBooks().Reservations)))
}

func TestAnOrderFileIsReadInItsOrderAndIdsOccurOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "orders.ndjson")
	good := `{"order_id":"7","placed_at":"2010-12-01T08:26:00Z","lines":[{"sku":"A","quantity":6}]}` + "\n" + `{"order_id":"3","lines":[{"sku":"A","quantity":1},{"sku":"A","quantity":2}]}`
	require.NoError(t, os.WriteFile(path, []byte(good), 0o600))
	orders, err := readOrders(path, 0)
	require.NoError(t, err)
	require.Equal(t, []string{"7", "3"}, []string{orders[0].OrderID, orders[1].OrderID})
	require.Equal(t, []string{"A"}, skusOf(orders))
	again, err := readOrders(path, 0)
	require.NoError(t, err)
	require.Equal(t, placedEvent(orders[1]), placedEvent(again[1]), "the same event on every pass")

	require.NoError(t, os.WriteFile(path, []byte(good+"\n"+good), 0o600))
	_, err = readOrders(path, 0)
	require.ErrorContains(t, err, "the id of another")
}

func TestAnOutcomeStaysAndOnlyALockGoesOnByItself(t *testing.T) {
	t.Parallel()
	with := func(state string, locked int64) map[string]Reservation {
		return map[string]Reservation{"1": {State: state, Lines: []ReservationLine{{SKU: "A", Requested: 2, Locked: locked}}}}
	}
	require.Empty(t, checkKept(with("locked", 2), with("locked", 2)))
	require.Empty(t, checkKept(with("locked", 2), with("expired", 2)))
	require.Equal(t, []string{"was rejected and is locked", "has other lines than before"},
		whats(checkKept(with("rejected", 0), with("locked", 2))))
}
