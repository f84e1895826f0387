package reservation_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// Each late order alone only makes good a part of what the count found missing.
func TestALockGetsWhatManyLateOrdersHoldOfTooLittle(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	ctx := context.Background()
	for _, sku := range []string{"A", "B"} {
		given(t, db, stock.Counting{SKU: sku, Location: "near", OnHand: 16})
		for id, n := range map[string]int64{"a": 5, "b": 5, "c": 5, "paid": 1} {
			_, err := reservation.Place(ctx, db, rules, orderOf(id+sku, map[string]int64{sku: n}))
			require.NoError(t, err)
			age(t, owner, id+sku)
		}
		require.NoError(t, count(db, stock.Counting{SKU: sku, Location: "near", OnHand: 5}))
	}
	a, err := reservation.Place(ctx, db, rules, orderOf("locked", map[string]int64{"A": 1}))
	require.NoError(t, err)
	require.Equal(t, "locked", a.Data.State)
	require.EqualValues(t, 1, a.Data.Lines[0].Locked)
	a, err = reservation.Apply(ctx, db, reservation.Message{Step: reservation.Paid, OrderID: "paidB"})
	require.NoError(t, err)
	require.Equal(t, "committed", a.Data.State)
	differences, err := stock.Audit(ctx, db, 10)
	require.NoError(t, err)
	require.Empty(t, differences)
}

func TestWhatLateOrdersHoldGoesBeforeABackorder(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	ctx := context.Background()
	given(t, db, stock.Counting{SKU: "A", Location: "near", OnHand: 5})
	limit := int64(10)
	_, _, err := stock.SetPolicy(ctx, db, stock.Policy{SKU: "A", Track: true, WhenOutOfStock: stock.Backorder, BackorderLimit: &limit}, believing{})
	require.NoError(t, err)
	place := func(id string, n int64) {
		t.Helper()
		a, err := reservation.Place(ctx, db, rules, orderOf(id, map[string]int64{"A": n}))
		require.NoError(t, err)
		require.Equal(t, "locked", a.Data.State)
	}
	reserved := func() int64 {
		found, err := stock.Read(ctx, db, []string{"A"})
		require.NoError(t, err)
		return found["A"].Reserved()
	}
	place("first", 5)
	age(t, owner, "first")
	place("second", 3)
	require.EqualValues(t, 3, reserved(), "what the first held is recorded as free")
	place("third", 2)
	age(t, owner, "second")
	age(t, owner, "third")
	a, err := reservation.Apply(ctx, db, reservation.Message{Step: reservation.Paid, OrderID: "first"})
	require.NoError(t, err)
	require.EqualValues(t, 5, a.Data.Lines[0].Committed, "a late payment buys what is there")
	require.Zero(t, reserved())
	place("fourth", 2)
	age(t, owner, "fourth")
	place("fifth", 2)
	require.EqualValues(t, 4, reserved(), "nothing lies there: there is no use in an expiry")
}
