package postgres_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

func accounts(t *testing.T) (*postgres.Pool, context.Context) {
	t.Helper()
	ctx := context.Background()
	db := testdb.New(t)
	owner := db.Owner(t)
	_, err := owner.Exec(ctx, `create table catalog.account (id int primary key, amount int not null)`)
	require.NoError(t, err)
	_, err = owner.Exec(ctx, `insert into catalog.account values (1, 0), (2, 0)`)
	require.NoError(t, err)
	_, err = owner.Exec(ctx, `grant select, update on catalog.account to catalog_fn`)
	require.NoError(t, err)
	return db.Pool(t, "catalog"), ctx
}

func TestADeadlockIsRetriedUntilBothCommit(t *testing.T) {
	t.Parallel()
	pool, ctx := accounts(t)
	const add = `update catalog.account set amount = amount + 1 where id = $1`
	var both sync.WaitGroup
	both.Add(2)
	var once [2]sync.Once
	run := func(i int, first, second int) error {
		return postgres.InTx(ctx, pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, add, first); err != nil {
				return err
			}
			once[i].Do(func() { both.Done(); both.Wait() }) // each holds what the other wants
			_, err := tx.Exec(ctx, add, second)
			return err
		})
	}
	errs := make(chan error, 2)
	go func() { errs <- run(0, 1, 2) }()
	go func() { errs <- run(1, 2, 1) }()
	require.NoError(t, <-errs)
	require.NoError(t, <-errs)
	var sum int
	require.NoError(t, pool.QueryRow(ctx, `select sum(amount) from catalog.account`).Scan(&sum))
	require.Equal(t, 4, sum)
}

func TestAFailedTransactionLeavesNothing(t *testing.T) {
	t.Parallel()
	pool, ctx := accounts(t)
	stop := errors.New("stop")
	err := postgres.InTx(ctx, pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update catalog.account set amount = 5`)
		require.NoError(t, err)
		inner := postgres.InTx(ctx, tx, func(sp pgx.Tx) error {
			_, err := sp.Exec(ctx, `select 1/0`)
			return err
		})
		require.Error(t, inner)
		_, err = tx.Exec(ctx, `update catalog.account set amount = 6`)
		require.NoError(t, err, "a savepoint's failure leaves the transaction usable")
		return stop
	})
	require.ErrorIs(t, err, stop)
	var sum int
	require.NoError(t, pool.QueryRow(ctx, `select sum(amount) from catalog.account`).Scan(&sum))
	require.Zero(t, sum)
}

func TestConnectionsComeBackWhateverTheyWereBorrowedFor(t *testing.T) {
	t.Parallel()
	pool, ctx := accounts(t)
	for range 40 { // more than the pool has
		_, err := pool.Exec(ctx, `select 1/0`)
		require.Error(t, err)
		require.ErrorIs(t, pool.QueryRow(ctx, `select 1 where false`).Scan(new(int)), pgx.ErrNoRows)
		rows, err := pool.Query(ctx, `select generate_series(1, 100)`)
		require.NoError(t, err)
		rows.Close()
		var b pgx.Batch
		b.Queue(`select 1`)
		b.Queue(`select 1/0`)
		require.Error(t, pool.SendBatch(ctx, &b).Close())
		tx, err := pool.Begin(ctx)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(ctx))
	}
	require.Zero(t, pool.Stat().AcquiredConns())
}

func TestADatabaseThatDoesNotAnswerIsUnavailable(t *testing.T) {
	t.Parallel()
	dead, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := dead.Addr().String()
	require.NoError(t, dead.Close())
	pool, err := postgres.Open(context.Background(), postgres.Options{
		Logins: postgres.Fixed("postgres://u:hidden@" + address + "/d"), Application: "catalog", MaxConns: 2, StatementTimeout: time.Second,
	})
	require.NoError(t, err)
	defer pool.Close()
	_, err = pool.Exec(context.Background(), `select 1`)
	require.True(t, fault.Is(postgres.Fault(err), fault.Unavailable), "%v", err)
	require.NotContains(t, err.Error(), "hidden")
}

func TestStatementsThatTakeTooLongAreUnavailable(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	pool, err := postgres.Open(context.Background(), postgres.Options{
		Logins: postgres.Fixed(db.URL("catalog")), Application: "catalog", MaxConns: 2, StatementTimeout: 50 * time.Millisecond,
	})
	require.NoError(t, err)
	defer pool.Close()
	_, err = pool.Exec(context.Background(), `select pg_sleep(60)`)
	require.True(t, fault.Is(postgres.Fault(err), fault.Unavailable), "%v", err)
}
