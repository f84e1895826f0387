package reservation_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

var rules = reservation.Rules{TTL: 15 * time.Minute, MaxTTL: 24 * time.Hour}

func TestLockCommitRelease(t *testing.T) {
	t.Parallel()
	db := testdb.New(t).Pool(t, "inventory")
	given(t, db, "main", 1, map[string]int64{"A": 10, "B": 2})
	given(t, db, "side", 2, map[string]int64{"A": 5})
	ctx := context.Background()

	a, err := reservation.Place(ctx, db, rules, order("o1", "A", 4, "A", 8, "B", 1))
	require.NoError(t, err)
	require.Equal(t, "locked", a.Data.State)
	b, err := reservation.Place(ctx, db, rules, order("o1", "B", 1, "A", 12))
	require.NoError(t, err)
	require.True(t, b.Repeated)
	require.Equal(t, a.Reply, b.Reply)

	r, err := reservation.Place(ctx, db, rules, order("o2", "A", 4))
	require.NoError(t, err)
	require.Equal(t, "rejected", r.Data.State)

	c, err := reservation.Apply(ctx, db, reservation.Message{Step: reservation.Paid, OrderID: "o1", Source: "/s", ID: "1"})
	require.NoError(t, err)
	require.Equal(t, "committed", c.Data.State)
	require.EqualValues(t, 12, c.Data.Lines[0].Committed)
	s, err := stock.Read(ctx, db, []string{"A"})
	require.NoError(t, err)
	require.EqualValues(t, 3, s["A"].Available())

	x, err := reservation.Apply(ctx, db, reservation.Message{Step: reservation.Cancelled, OrderID: "o1", Source: "/s", ID: "2"})
	require.NoError(t, err)
	require.Equal(t, "released", x.Data.State)
	diff, err := stock.Audit(ctx, db, 10)
	require.NoError(t, err)
	require.Empty(t, diff)
}

func order(id string, skuAndQuantity ...any) reservation.Order {
	o := reservation.Order{ID: id, Actor: "test"}
	for i := 0; i < len(skuAndQuantity); i += 2 {
		o.Lines = append(o.Lines, event.OrderLine{SKU: skuAndQuantity[i].(string), Quantity: int64(skuAndQuantity[i+1].(int))})
	}
	return o
}

func given(t *testing.T, db *postgres.Pool, location string, priority int32, onHand map[string]int64) {
	t.Helper()
	ctx := context.Background()
	_, err := stock.CreateLocation(ctx, db, stock.Location{Code: location, Name: location, Priority: priority})
	require.NoError(t, err)
	var all []stock.Counting
	for sku, n := range onHand {
		all = append(all, stock.Counting{SKU: sku, Location: location, OnHand: n})
	}
	tx, err := db.Begin(ctx)
	require.NoError(t, err)
	_, err = stock.CountAll(ctx, tx, stock.OfNobody("test", "opening"), all)
	require.NoError(t, err)
	require.NoError(t, tx.Commit(ctx))
}
