package reservation_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// A plan that PostgreSQL makes while there is nothing is kept for as long as it
// does not notice how much there is.
func TestAnOrderIsLookedUpHoweverFewThereWereWhenItsPlanWasMade(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	ctx := context.Background()
	given(t, db, stock.Counting{SKU: "A", Location: "near", OnHand: 1000})
	_, err := owner.Exec(ctx, "vacuum analyze inventory.reservations, inventory.reservation_lines")
	require.NoError(t, err)
	type reads struct {
		Relname        string
		SeqScan, NTups int64
	}
	read := func() map[string]reads {
		rows, err := owner.Query(ctx, `
			select relname::text, seq_scan, n_tup_ins as n_tups
			from pg_stat_user_tables
			where schemaname = 'inventory' and relname in ('reservations', 'reservation_lines', 'levels', 'movements')`)
		require.NoError(t, err)
		found, err := pgx.CollectRows(rows, pgx.RowToStructByName[reads])
		require.NoError(t, err)
		m := map[string]reads{}
		for _, r := range found {
			m[r.Relname] = r
		}
		return m
	}
	const orders = 20
	settled := func(n int64) map[string]reads {
		_, err := db.Exec(ctx, "select pg_stat_force_next_flush()") // else they come after ten seconds
		require.NoError(t, err)
		require.Eventually(t, func() bool { return read()["reservations"].NTups >= n }, time.Minute, 50*time.Millisecond)
		return read()
	}
	order := func(n int) {
		id := fmt.Sprint("o", n)
		_, err := reservation.Place(ctx, db, rules, orderOf(id, map[string]int64{"A": 1}))
		require.NoError(t, err)
		_, err = reservation.Apply(ctx, db, reservation.Message{Step: reservation.Paid, OrderID: id})
		require.NoError(t, err)
	}
	order(0)
	before := settled(1)
	for n := range orders {
		order(n + 1)
	}
	for table, after := range settled(orders + 1) {
		require.Equal(t, before[table].SeqScan, after.SeqScan, table)
	}
}
