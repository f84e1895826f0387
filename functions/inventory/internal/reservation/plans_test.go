package reservation_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/inventory/internal/availability"
	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/postgres"
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
	const orders = 20
	order := func(n int) {
		id := fmt.Sprint("o", n)
		_, err := reservation.Place(ctx, db, rules, orderOf(id, map[string]int64{"A": 1}))
		require.NoError(t, err)
		_, err = reservation.Apply(ctx, db, reservation.Message{Step: reservation.Paid, OrderID: id})
		require.NoError(t, err)
	}
	order(0)
	before := settled(t, db, owner, "reservations", 1)
	for n := range orders {
		order(n + 1)
	}
	for table, after := range settled(t, db, owner, "reservations", orders+1) {
		require.Equal(t, before[table].SeqScan, after.SeqScan, table)
	}
}

// reads is how often a table was read whole, and how many rows came into it.
type reads struct {
	Relname        string
	SeqScan, NTups int64
}

// settled is what was read when a table has at least so many rows by the
// server's statistics, which come late.
func settled(t *testing.T, db postgres.DB, owner *pgxpool.Pool, table string, rows int64) map[string]reads {
	t.Helper()
	ctx := context.Background()
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
	for _, conn := range []postgres.DB{db, owner} {
		_, err := conn.Exec(ctx, "select pg_stat_force_next_flush()") // else they come after ten seconds
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return read()[table].NTups >= rows }, time.Minute, 50*time.Millisecond)
	return read()
}

// After a sale most of what is held, and overdue, is of one SKU. The planner then
// expects to find as much of any other, and would rather read it all.
func TestWhatIsHeldOfASKUIsLookedUpWhereMostIsOfAnother(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	ctx := context.Background()
	given(t, db, stock.Counting{SKU: "A", Location: "near", OnHand: 5}, stock.Counting{SKU: "B", Location: "near", OnHand: 5})
	const held = 20_000
	_, err := owner.Exec(ctx, `
		insert into inventory.reservation_lines (order_id, sku, location, held, expires_at)
		select 'sale-' || n, 'HOT', 'near', 1, now() - interval '1 minute'
		from generate_series(1, $1) n`, held)
	require.NoError(t, err)
	_, err = owner.Exec(ctx, "vacuum analyze inventory.reservation_lines")
	require.NoError(t, err)
	before := settled(t, db, owner, "reservation_lines", held)
	checker := availability.NewChecker(db)
	for range 10 {
		_, err := checker.Check(ctx, "USD", []availability.Wish{{SKU: "A", Quantity: 1}, {SKU: "B", Quantity: 1}})
		require.NoError(t, err)
		_, err = stock.Read(ctx, db, []string{"A", "B"})
		require.NoError(t, err)
		_, err = stock.List(ctx, db, "", true, 10)
		require.NoError(t, err)
	}
	_, err = reservation.Place(ctx, db, rules, orderOf("last", map[string]int64{"A": 1}))
	require.NoError(t, err)
	after := settled(t, db, owner, "reservation_lines", held+1)
	require.Equal(t, before["reservation_lines"].SeqScan, after["reservation_lines"].SeqScan)
}

// A plan made anew for each order costs as much as all that it plans.
func TestAnOrderIsNotPlannedAnew(t *testing.T) {
	t.Parallel()
	db := testdb.New(t).Pool(t, "inventory")
	ctx := context.Background()
	given(t, db, stock.Counting{SKU: "A", Location: "near", OnHand: 1000})
	plans := func() (kept, anew int64) {
		err := db.QueryRow(ctx, `
			select coalesce(sum(generic_plans), 0), coalesce(sum(custom_plans), 0)
			from pg_prepared_statements
			where statement like '%for update of l%'
				or statement like '%from inventory.stock%'
				or statement like '%update inventory.levels%'`).Scan(&kept, &anew)
		require.NoError(t, err)
		return kept, anew
	}
	_, before := plans()
	for n := range 20 {
		_, err := reservation.Place(ctx, db, rules, orderOf(fmt.Sprint("o", n), map[string]int64{"A": 1}))
		require.NoError(t, err)
	}
	kept, anew := plans()
	require.GreaterOrEqual(t, kept, int64(60))
	require.Equal(t, before, anew)
}

// Where a join is all that finds a row, a plan for few rows reads the whole index.
func TestWhatGrewSinceItsPlanWasMadeIsStillLookedUp(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	ctx := context.Background()
	given(t, db, stock.Counting{SKU: "A", Location: "near", OnHand: 100})
	asked := []string{"A"}
	wishes := []availability.Wish{{SKU: "A", Quantity: 1}}
	for n := range 20 {
		asked = append(asked, fmt.Sprint("S", n+1))
		wishes = append(wishes, availability.Wish{SKU: fmt.Sprint("S", n+1), Quantity: 1})
	}
	order := func(id string) {
		_, err := reservation.Place(ctx, db, rules, orderOf(id, map[string]int64{"A": 1}))
		require.NoError(t, err)
		_, err = reservation.Apply(ctx, db, reservation.Message{Step: reservation.Paid, OrderID: id})
		require.NoError(t, err)
		_, err = stock.Read(ctx, db, asked)
		require.NoError(t, err)
		_, err = availability.NewChecker(db).Check(ctx, "USD", wishes)
		require.NoError(t, err)
	}
	order("first")
	const analyze = "vacuum analyze inventory.stock, inventory.levels, inventory.reservations, inventory.reservation_lines"
	_, err := owner.Exec(ctx, analyze)
	require.NoError(t, err)
	for n := range 3 {
		order(fmt.Sprint("few", n))
	}
	const many = 10_000
	for _, sql := range []string{
		"insert into inventory.stock (sku) select 'S' || n from generate_series(1, $1) n",
		"insert into inventory.levels (sku, location) select 'S' || n, 'near' from generate_series(1, $1) n",
		"insert into inventory.reservations (order_id, state) select 'n' || n, 'committed' from generate_series(1, $1) n",
	} {
		_, err := owner.Exec(ctx, sql, many)
		require.NoError(t, err)
	}
	read := func() (n int64) {
		for _, conn := range []postgres.DB{db, owner} {
			_, err := conn.Exec(ctx, "select pg_stat_force_next_flush()")
			require.NoError(t, err)
		}
		err := owner.QueryRow(ctx, `
			select sum(idx_tup_read)
			from pg_stat_user_indexes
			where schemaname = 'inventory'`).Scan(&n)
		require.NoError(t, err)
		return n
	}
	before := read()
	for n := range 3 {
		order(fmt.Sprint("many", n))
	}
	require.Less(t, read()-before, int64(many/2))
}

func TestTheAuditMayReadWholeTables(t *testing.T) {
	t.Parallel()
	db := testdb.New(t).Pool(t, "inventory")
	err := postgres.InTx(context.Background(), db, func(tx pgx.Tx) error {
		if _, err := stock.Audit(context.Background(), tx, 1); err != nil {
			return err
		}
		var may string
		err := tx.QueryRow(context.Background(), "select current_setting('enable_seqscan')").Scan(&may)
		require.Equal(t, "on", may)
		return err
	})
	require.NoError(t, err)
}

func TestACartLooksForWhatIsOverdueOnlyWhereStockIsShort(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	ctx := context.Background()
	given(t, db,
		stock.Counting{SKU: "PLENTY", Location: "near", OnHand: 10}, stock.Counting{SKU: "PLENTY", Location: "far", OnHand: 10},
		stock.Counting{SKU: "FEW", Location: "near", OnHand: 2}, stock.Counting{SKU: "FEW", Location: "far", OnHand: 10},
		stock.Counting{SKU: "LESS", Location: "near", OnHand: 20}, stock.Counting{SKU: "LESS", Location: "far", OnHand: 10},
	)
	for sku, quantity := range map[string]int64{"PLENTY": 1, "FEW": 12, "LESS": 1} {
		_, err := reservation.Place(ctx, db, rules, orderOf("of"+sku, map[string]int64{sku: quantity}))
		require.NoError(t, err)
		age(t, owner, "of"+sku)
	}
	// More is held at one location than is there; the others make up for it.
	_, err := owner.Exec(ctx, "update inventory.levels set shortfall = 15, reserved = reserved + 25 where sku = 'LESS' and location = 'far'")
	require.NoError(t, err)
	looked := func() (n int64) {
		_, err := db.Exec(ctx, "select pg_stat_force_next_flush()")
		require.NoError(t, err)
		err = owner.QueryRow(ctx, "select idx_scan from pg_stat_user_indexes where indexrelname = 'reservation_lines_expiring'").Scan(&n)
		require.NoError(t, err)
		return n
	}
	check := func(sku string, quantity int64) (stock.Total, int64) {
		before := looked()
		totals := map[string]stock.Total{}
		batch := &pgx.Batch{}
		stock.QueueTotals(batch, []string{sku}, quantity, totals)
		require.NoError(t, db.SendBatch(ctx, batch).Close())
		return totals[sku], looked() - before
	}
	plenty, n := check("PLENTY", 9)
	require.Zero(t, n)
	require.GreaterOrEqual(t, plenty.Orderable(), int64(9))
	plenty, n = check("PLENTY", 20)
	require.Positive(t, n)
	require.EqualValues(t, 20, plenty.Orderable())
	few, n := check("FEW", 1)
	require.Positive(t, n)
	require.EqualValues(t, 12, few.Orderable())
	less, n := check("LESS", 5)
	require.Positive(t, n)
	require.EqualValues(t, 20+10-25, less.Orderable(), "one location is not all")
}
