package reservation_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// Each late order alone only makes good what the count found missing.
func TestALockGetsWhatSeveralLateOrdersHoldOfTooLittle(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	ctx := context.Background()
	given(t, db, stock.Counting{SKU: "A", Location: "near", OnHand: 15})
	for _, id := range []string{"a", "b", "c"} {
		_, err := reservation.Place(ctx, db, rules, orderOf(id, map[string]int64{"A": 5}))
		require.NoError(t, err)
		age(t, owner, id)
	}
	require.NoError(t, count(db, stock.Counting{SKU: "A", Location: "near", OnHand: 5}))
	a, err := reservation.Apply(ctx, db, reservation.Message{Step: reservation.Paid, OrderID: "a"})
	require.NoError(t, err)
	require.Equal(t, "committed", a.Data.State)
	require.NoError(t, count(db, stock.Counting{SKU: "A", Location: "near", OnHand: 3}))
	a, err = reservation.Place(ctx, db, rules, orderOf("d", map[string]int64{"A": 4}))
	require.NoError(t, err)
	require.Equal(t, "rejected", a.Data.State)
	require.EqualValues(t, 3, a.Data.Lines[0].Available)
	a, err = reservation.Place(ctx, db, rules, orderOf("e", map[string]int64{"A": 1}))
	require.NoError(t, err)
	require.Equal(t, "locked", a.Data.State)
}
