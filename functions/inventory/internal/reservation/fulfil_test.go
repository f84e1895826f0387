package reservation_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// owing has orders that paid for what is not there: first for one B, then second
// for one A and one B.
func owing(t *testing.T, db postgres.DB) {
	t.Helper()
	ctx := context.Background()
	given(t, db, stock.Counting{SKU: "A", Location: "near"}, stock.Counting{SKU: "B", Location: "near"})
	for _, sku := range []string{"A", "B"} {
		_, _, err := stock.SetPolicy(ctx, db, stock.Policy{SKU: sku, Track: true, WhenOutOfStock: stock.Backorder}, believing{})
		require.NoError(t, err)
	}
	for _, o := range []reservation.Order{
		orderOf("first", map[string]int64{"B": 1}), orderOf("second", map[string]int64{"A": 1, "B": 1}),
	} {
		_, err := reservation.Place(ctx, db, rules, o)
		require.NoError(t, err)
		_, err = reservation.Apply(ctx, db, reservation.Message{Step: reservation.Paid, OrderID: o.ID})
		require.NoError(t, err)
	}
}

// got is what was sold to an order.
func got(t *testing.T, db postgres.DB, id string) map[string]int64 {
	t.Helper()
	r, err := reservation.Get(context.Background(), db, id)
	require.NoError(t, err)
	sold := map[string]int64{}
	for _, l := range r.Lines {
		sold[l.SKU] = l.Committed
	}
	return sold
}

func TestWhoIsServedOneThingDoesNotOvertakeOthersInAnother(t *testing.T) {
	t.Parallel()
	db := testdb.New(t).Pool(t, "inventory")
	owing(t, db)
	require.NoError(t, count(db, stock.Counting{SKU: "A", Location: "near", OnHand: 1}, stock.Counting{SKU: "B", Location: "near", OnHand: 1}))
	n, err := reservation.Fulfil(context.Background(), db, 100, "A")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, map[string]int64{"A": 1, "B": 0}, got(t, db, "second"))
	n, err = reservation.Fulfil(context.Background(), db, 100)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, map[string]int64{"B": 1}, got(t, db, "first"))
}

func TestWhatComesInWhileOthersAreServedGoesToWhoPaidFirst(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	ctx := context.Background()
	owing(t, db)
	require.NoError(t, count(db, stock.Counting{SKU: "A", Location: "near", OnHand: 1}))
	letGo := held(t, owner)
	served := make(chan error, 1)
	go func() {
		_, err := reservation.Fulfil(ctx, db, 100)
		served <- err
	}()
	stuck(t, owner) // it has found that only the second can be served
	_, err := owner.Exec(ctx, `update inventory.levels set on_hand = 1 where sku = 'B'`)
	require.NoError(t, err)
	letGo()
	require.NoError(t, <-served)
	require.Equal(t, map[string]int64{"A": 1, "B": 0}, got(t, db, "second"))
	_, err = reservation.Fulfil(ctx, db, 100)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"B": 1}, got(t, db, "first"))
}

func TestWhatIsOwedOfWhatIsNotThereIsNotReadEachTime(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	owner, ctx := base.Owner(t), context.Background()
	owing(t, base.Pool(t, "inventory"))
	for _, sql := range []string{
		`insert into inventory.reservations (order_id, state, placed, settled)
			select 'n' || n, 'committed', placed, settled
			from inventory.reservations, generate_series(1, 5000) n
			where order_id = 'first'`,
		`insert into inventory.reservation_lines (order_id, sku, location, held, owed)
			select 'n' || n, 'B', 'near', 1, 1
			from generate_series(1, 5000) n`,
		`insert into inventory.stock (sku) select 'S' || n from generate_series(1, 5000) n`,
		`insert into inventory.levels (sku, location, on_hand) select 'S' || n, 'near', 1 from generate_series(1, 5000) n`,
		`vacuum analyze inventory.reservations, inventory.reservation_lines, inventory.levels`,
	} {
		_, err := owner.Exec(ctx, sql)
		require.NoError(t, err)
	}
	db, told := overheard(t, base)
	n, err := reservation.Fulfil(ctx, db, 100)
	require.NoError(t, err)
	require.Zero(t, n)
	require.Less(t, most(t, visits, explained(t, owner, told.last)), 100)
	n, err = reservation.Fulfil(ctx, db, 100, "B")
	require.NoError(t, err)
	require.Zero(t, n)
	require.Less(t, most(t, passed, explained(t, owner, told.last)), 100)
}
