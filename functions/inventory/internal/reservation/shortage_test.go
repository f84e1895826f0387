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
