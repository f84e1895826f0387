package reservation_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

func TestAnOrderWhoseAnswersEndEarlyIsAFaultAndLocksNothing(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	ctx := context.Background()
	given(t, db, stock.Counting{SKU: "A", Location: "near", OnHand: 5})
	_, err := owner.Exec(ctx, `revoke select on inventory.stock from inventory_fn`)
	require.NoError(t, err)
	_, err = reservation.Place(ctx, db, rules, orderOf("o", map[string]int64{"A": 1}))
	require.ErrorContains(t, err, "permission denied", "levels came, and then no policies")
	_, err = owner.Exec(ctx, `grant select on inventory.stock to inventory_fn`)
	require.NoError(t, err)
	a, err := reservation.Place(ctx, db, rules, orderOf("o", map[string]int64{"A": 5}))
	require.NoError(t, err)
	require.Equal(t, string(reservation.Locked), a.Data.State)
}

// What has just been written a read waits for, by the time of its change.
func TestTheAnswerToAnOrderThatWasCancelledBeforeIsAChange(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	ctx := context.Background()
	given(t, db, stock.Counting{SKU: "A", Location: "near", OnHand: 5})
	_, err := reservation.Apply(ctx, db, reservation.Message{Step: reservation.Cancelled, OrderID: "o", Source: "/order", ID: "1"})
	require.NoError(t, err)
	_, err = owner.Exec(ctx, `update inventory.reservations set updated_at = now() - interval '1 hour'`)
	require.NoError(t, err)
	a, err := reservation.Place(ctx, db, rules, orderOf("o", map[string]int64{"A": 1}))
	require.NoError(t, err)
	require.Equal(t, string(reservation.Rejected), a.Data.State)
	r, err := reservation.Get(ctx, db, "o")
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), r.UpdatedAt, 30*time.Minute)
}
