package postgres_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// trips counts what a client waits for.
type trips struct{ n atomic.Int64 }

func (r *trips) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	r.n.Add(1)
	return ctx
}
func (r *trips) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (r *trips) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	r.n.Add(1)
	return ctx
}
func (r *trips) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (r *trips) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

func batchOf(sql string) *pgx.Batch {
	b := &pgx.Batch{}
	b.Queue(sql)
	return b
}

func TestATransactionOfTwoBatchesIsOneTransactionInTwoRoundTrips(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	base := testdb.New(t)
	owner := base.Owner(t)
	_, err := owner.Exec(ctx, `create table inventory.notes (n int primary key); grant all on inventory.notes to inventory_fn`)
	require.NoError(t, err)
	count := &trips{}
	db, err := postgres.Open(ctx, postgres.Options{
		Logins: postgres.Fixed(base.URL("inventory")), Application: "inventory", MaxConns: 1, StatementTimeout: time.Minute, Tracer: count,
	})
	require.NoError(t, err)
	defer db.Close()
	add := func(b *pgx.Batch) { b.Queue(`insert into inventory.notes values (1)`) }
	notes := func() (n int) {
		require.NoError(t, owner.QueryRow(ctx, `select count(*) from inventory.notes`).Scan(&n))
		return n
	}
	broken := errors.New("broken")
	for name, then := range map[string]func(pgx.Tx) (*pgx.Batch, error){
		"the code refuses":     func(pgx.Tx) (*pgx.Batch, error) { return nil, broken },
		"the last batch fails": func(pgx.Tx) (*pgx.Batch, error) { return batchOf(`insert into inventory.notes values (2), (1)`), nil },
	} {
		require.Error(t, postgres.InBatches(ctx, db, postgres.Batches{First: add, Then: then}), name)
		require.Zero(t, notes(), name)
	}
	require.NoError(t, postgres.InBatches(ctx, db, postgres.Batches{First: add, Then: func(pgx.Tx) (*pgx.Batch, error) { return nil, nil }}))
	require.Equal(t, 1, notes(), "what began it is committed without a last batch too")
	before := count.n.Load()
	require.NoError(t, postgres.InBatches(ctx, db, postgres.Batches{
		First: func(b *pgx.Batch) { b.Queue(`insert into inventory.notes values (2)`) },
		Then: func(pgx.Tx) (*pgx.Batch, error) {
			require.Equal(t, 1, notes(), "it is not committed yet")
			return batchOf(`insert into inventory.notes values (3)`), nil
		},
	}))
	require.EqualValues(t, 2, count.n.Load()-before)
	require.Equal(t, 3, notes())
	require.Zero(t, db.Stat().AcquiredConns())
}

func TestBatchesInsideATransactionAreAPartOfIt(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	base := testdb.New(t)
	_, err := base.Owner(t).Exec(ctx, `create table inventory.notes (n int primary key); grant all on inventory.notes to inventory_fn`)
	require.NoError(t, err)
	db := base.Pool(t, "inventory")
	tx, err := db.Begin(ctx)
	require.NoError(t, err)
	require.NoError(t, postgres.InBatches(ctx, tx, postgres.Batches{
		First: func(b *pgx.Batch) { b.Queue(`insert into inventory.notes values (1)`) },
		Then:  func(pgx.Tx) (*pgx.Batch, error) { return batchOf(`insert into inventory.notes values (2)`), nil },
	}))
	require.NoError(t, tx.Rollback(ctx))
	var n int
	require.NoError(t, db.QueryRow(ctx, `select count(*) from inventory.notes`).Scan(&n))
	require.Zero(t, n)
}

func TestBatchesOnAConnectionThatWasCutWhileIdleFailNobody(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	base := testdb.New(t)
	db := base.Pool(t, "inventory")
	other, err := pgx.Connect(ctx, base.URL("inventory"))
	require.NoError(t, err)
	defer func() { _ = other.Close(ctx) }()
	for range 20 {
		var pid int
		require.NoError(t, db.QueryRow(ctx, `select pg_backend_pid()`).Scan(&pid))
		var cut bool
		require.NoError(t, other.QueryRow(ctx, `select pg_terminate_backend($1, 10000)`, pid).Scan(&cut))
		require.True(t, cut)
		require.NoError(t, postgres.InBatches(ctx, db, postgres.Batches{
			First: func(b *pgx.Batch) { b.Queue(`select 1`) },
			Then:  func(pgx.Tx) (*pgx.Batch, error) { return batchOf(`select 2`), nil },
		}))
	}
}

func TestABatchThatWaitsIsSentByItsOwner(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	batch := &pgx.Batch{}
	db := postgres.Later(batch)
	_, err := db.Exec(ctx, `select 1`)
	require.NoError(t, err)
	require.Equal(t, 1, batch.Len())
	_, err = db.Query(ctx, `select 1`) //nolint:sqlclosecheck // there are no rows
	require.Error(t, err)
	require.Error(t, db.QueryRow(ctx, `select 1`).Scan())
	require.Error(t, db.SendBatch(ctx, batchOf(`select 1`)).Close())
	_, err = db.Begin(ctx)
	require.Error(t, err)
	_, err = db.CopyFrom(ctx, nil, nil, nil)
	require.Error(t, err)
}

// victims makes a table with two rows, and counts what is done to them.
func victims(t *testing.T) (db *postgres.Pool, owner postgres.DB, sum func() int) {
	t.Helper()
	ctx := context.Background()
	base := testdb.New(t)
	owner = base.Owner(t)
	_, err := owner.Exec(ctx, `create table inventory.notes (n int primary key, done int not null default 0);
		insert into inventory.notes values (1), (2); grant all on inventory.notes to inventory_fn`)
	require.NoError(t, err)
	return base.Pool(t, "inventory"), owner, func() (n int) {
		require.NoError(t, owner.QueryRow(ctx, `select sum(done) from inventory.notes`).Scan(&n))
		return n
	}
}

const (
	doOne = `update inventory.notes set done = done + 1 where n = 1`
	doTwo = `update inventory.notes set done = done + 1 where n = 2`
)

func TestBatchesThatPostgreSQLRefusesToSerializeAreTriedAnew(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db, owner, sum := victims(t)
	first := func(b *pgx.Batch) {
		b.Queue(`set transaction isolation level repeatable read`)
		b.Queue(doOne)
	}
	// Somebody changes what the transaction has seen otherwise, so many times.
	refused := func(times int, then func(pgx.Tx) (*pgx.Batch, error)) (tries int, err error) {
		err = postgres.InBatches(ctx, db, postgres.Batches{First: first, Then: func(tx pgx.Tx) (*pgx.Batch, error) {
			if tries++; tries <= times {
				_, err := owner.Exec(ctx, doTwo)
				require.NoError(t, err)
			}
			return then(tx)
		}})
		return tries, err
	}
	inThe := map[string]func(pgx.Tx) (*pgx.Batch, error){
		"the code between the batches": func(tx pgx.Tx) (*pgx.Batch, error) {
			_, err := tx.Exec(ctx, doTwo)
			return nil, err
		},
		"the last batch": func(pgx.Tx) (*pgx.Batch, error) { return batchOf(doTwo), nil },
	}
	for where, then := range inThe {
		before := sum()
		tries, err := refused(2, then)
		require.NoError(t, err, where)
		require.Equal(t, 3, tries, where)
		require.Equal(t, before+2+2, sum(), "%s: done once, and twice by somebody else", where)

		before = sum()
		tries, err = refused(100, then)
		require.True(t, postgres.Retryable(err), "%s: %v", where, err)
		require.Equal(t, before+tries, sum(), "%s: nothing is left of any try", where)
		require.Less(t, tries, 10, "%s: an end is made", where)
		require.Zero(t, db.Stat().AcquiredConns())
	}
}

// Two lock the same rows in opposite order, and each waits until the other has
// its first: one is the victim, and is tried anew.
func TestBatchesThatAreTheVictimOfADeadlockAreTriedAnew(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db, _, sum := victims(t)
	var tries atomic.Int64
	ready := [2]chan struct{}{make(chan struct{}), make(chan struct{})}
	done := make(chan error, 2)
	for i, order := range [2][2]string{{doOne, doTwo}, {doTwo, doOne}} {
		go func() {
			met := false
			done <- postgres.InBatches(ctx, db, postgres.Batches{First: func(b *pgx.Batch) { b.Queue(order[0]) }, Then: func(pgx.Tx) (*pgx.Batch, error) {
				tries.Add(1)
				if !met {
					met = true
					close(ready[i])
					<-ready[1-i]
				}
				return batchOf(order[1]), nil
			}})
		}()
	}
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	require.EqualValues(t, 3, tries.Load())
	require.Equal(t, 4, sum())
}

// durableDB is a pool whose commits wait for the disk, whatever the server of
// the tests does by default.
func durableDB(t *testing.T, base *testdb.Database, tracer pgx.QueryTracer) *postgres.Pool {
	t.Helper()
	url := base.URL("inventory")
	sign := "?"
	if strings.Contains(url, "?") {
		sign = "&"
	}
	db, err := postgres.Open(context.Background(), postgres.Options{
		Logins: postgres.Fixed(url + sign + "synchronous_commit=on"), Application: "inventory", MaxConns: 2, StatementTimeout: time.Minute, Tracer: tracer,
	})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return db
}

const (
	// writeNote keeps how far the log went before the commit.
	writeNote = `insert into inventory.notes select pg_current_wal_insert_lsn()`
	onDisk    = `select pg_current_wal_flush_lsn() > max(at) from inventory.notes`
)

func TestWhatIsCommittedEarlyIsOnTheDiskWhenItIsAnswered(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	base := testdb.New(t)
	_, err := base.Owner(t).Exec(ctx, `create table inventory.notes (at pg_lsn); grant all on inventory.notes to inventory_fn`)
	require.NoError(t, err)
	db := durableDB(t, base, nil)
	for range 20 { // the server writes its log now and then by itself
		require.NoError(t, postgres.InBatches(ctx, db, postgres.Batches{
			First: func(b *pgx.Batch) { b.Queue(`select 1`) },
			Then:  func(pgx.Tx) (*pgx.Batch, error) { return batchOf(writeNote), nil },
			Early: func() bool { return true },
		}))
		var written bool
		require.NoError(t, db.QueryRow(ctx, onDisk).Scan(&written))
		require.True(t, written)
	}
}

func TestWhatWasReadIsOnTheDiskWhenItIsAnswered(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	base := testdb.New(t)
	_, err := base.Owner(t).Exec(ctx, `create table inventory.notes (at pg_lsn); grant all on inventory.notes to inventory_fn`)
	require.NoError(t, err)
	db := durableDB(t, base, nil)
	for range 20 {
		require.NoError(t, postgres.InTx(ctx, db, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `set local synchronous_commit = off`); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, writeNote)
			return err
		}))
		require.NoError(t, postgres.InBatches(ctx, db, postgres.Batches{
			First: func(b *pgx.Batch) { b.Queue(`select from inventory.notes`) },
			Then:  func(pgx.Tx) (*pgx.Batch, error) { return nil, nil },
		}))
		var written bool
		require.NoError(t, db.QueryRow(ctx, onDisk).Scan(&written))
		require.True(t, written)
	}
}

// statements hears what was sent in batches.
type statements struct {
	trips
	sent []string
}

func (s *statements) TraceBatchQuery(_ context.Context, _ *pgx.Conn, d pgx.TraceBatchQueryData) {
	s.sent = append(s.sent, d.SQL)
}

func TestAnEarlyCommitGivesItsLocksBackBeforeTheDiskHasIt(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, early := range []bool{true, false} {
		heard := &statements{}
		db := durableDB(t, testdb.New(t), heard)
		require.NoError(t, postgres.InBatches(ctx, db, postgres.Batches{
			First: func(b *pgx.Batch) { b.Queue(`select 1`) },
			Then:  func(pgx.Tx) (*pgx.Batch, error) { return batchOf(`select 2`), nil },
			Early: func() bool { return early },
		}))
		after := heard.sent[slices.Index(heard.sent, "select 2")+1:]
		if !early {
			require.Equal(t, []string{"commit"}, after, "one commit that waits takes one flush")
			continue
		}
		require.Len(t, after, 3)
		require.Equal(t, []string{"set local synchronous_commit = off", "commit"}, after[:2])
		require.Contains(t, after[2], "pg_logical_emit_message", "by the same session: it would not be there after a crash")
		require.EqualValues(t, 2, heard.n.Load(), "in the same round trip")
	}
}
