package reservation_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// held locks the levels of the SKU A as somebody else would, until what is returned
// is called.
func held(t testing.TB, owner postgres.DB) (letGo func()) {
	t.Helper()
	tx, err := owner.Begin(context.Background())
	require.NoError(t, err)
	_, err = tx.Exec(context.Background(), `select from inventory.levels where sku = 'A' for update`)
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	return func() { require.NoError(t, tx.Rollback(context.Background())) }
}

// stuck waits until somebody waits for a lock in this database.
func stuck(t testing.TB, owner postgres.DB) {
	t.Helper()
	require.Eventually(t, func() bool {
		var n int
		require.NoError(t, owner.QueryRow(context.Background(), `
			select count(*) from pg_locks join pg_stat_activity using (pid)
			where datname = current_database() and not granted`).Scan(&n))
		return n > 0
	}, 20*time.Second, time.Millisecond)
}

func TestAQueueTurnsAwayWhatItCannotDecideInTime(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	ctx := context.Background()
	given(t, db, stock.Counting{SKU: "A", Location: "near", OnHand: 10_000})
	tx, err := owner.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, `select from inventory.levels for update`)
	require.NoError(t, err)
	q := reservation.NewQueue(db, rules, reservation.Options{MaxWait: time.Minute})
	turnedAway := make(chan struct{}, 3000)
	var all sync.WaitGroup
	for i := range 1500 {
		all.Go(func() {
			_, err := q.Place(ctx, orderOf(fmt.Sprint("o", i), map[string]int64{"A": 1}))
			if err != nil {
				require.True(t, fault.Is(err, fault.Unavailable), err)
				turnedAway <- struct{}{}
			}
		})
	}
	for range 100 { // those who come too late hear it while the stock is still held
		<-turnedAway
	}
	require.NoError(t, tx.Rollback(ctx))
	all.Wait()
	found, err := stock.Read(ctx, db, []string{"A"})
	require.NoError(t, err)
	require.EqualValues(t, 1500-100-len(turnedAway), found["A"].Reserved())
}

func TestNobodyWaitsLongerThanTheBound(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	ctx := context.Background()
	given(t, db, stock.Counting{SKU: "A", Location: "near", OnHand: 1000}, stock.Counting{SKU: "B", Location: "near", OnHand: 1000})
	letGo := held(t, owner)
	q := reservation.NewQueue(db, rules, reservation.Options{MaxWait: 30 * time.Millisecond})
	first := make(chan error, 1)
	go func() {
		_, err := q.Place(ctx, orderOf("first", map[string]int64{"A": 1}))
		first <- err
	}()
	stuck(t, owner)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			_, err := q.Place(ctx, orderOf(fmt.Sprint("o", i), map[string]int64{"A": 1}))
			var f *fault.Error
			require.True(t, errors.As(err, &f) && f.Kind == fault.Unavailable, err)
			require.Positive(t, f.RetryAfter)
		})
	}
	all.Wait() // while the stock is still held
	waiting := q.Waiting()
	_, err := q.Place(ctx, orderOf("another", map[string]int64{"B": 1}))
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	require.Equal(t, waiting, q.Waiting(), "when nothing has moved for so long, nobody comes in")
	letGo()
	require.NoError(t, <-first, "what is being decided is not given up")
	require.Eventually(t, func() bool {
		_, err := q.Place(ctx, orderOf("another", map[string]int64{"B": 1}))
		return err == nil
	}, 20*time.Second, time.Millisecond, "and then it goes on")
}

func TestAnOrderThatWasTurnedAwayHasNotHappened(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	ctx := context.Background()
	given(t, db, stock.Counting{SKU: "A", Location: "near", OnHand: 10_000})
	q := reservation.NewQueue(db, rules, reservation.Options{MaxWait: 5 * time.Millisecond})
	var mu sync.Mutex
	var away []string
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			for j := range 40 {
				id := fmt.Sprintf("o%d-%d", i, j)
				if _, err := q.Place(ctx, orderOf(id, map[string]int64{"A": 1})); err != nil {
					require.True(t, fault.Is(err, fault.Unavailable), err)
					mu.Lock()
					away = append(away, id)
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	require.NotEmpty(t, away, "the bound is near what a batch takes")
	rows, err := owner.Query(ctx, `select order_id from inventory.reservations where order_id = any($1)`, away)
	require.NoError(t, err)
	happened, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Empty(t, happened)
	found, err := stock.Read(ctx, db, []string{"A"})
	require.NoError(t, err)
	require.EqualValues(t, 64*40-len(away), found["A"].Reserved())
}

// passes waits until this much time is over, by the clock that queues go by: how
// slow a queue is, is a matter of time.
func passes(t testing.TB, d time.Duration) {
	t.Helper()
	began := time.Now()
	require.Eventually(t, func() bool { return time.Since(began) > d }, time.Minute, time.Millisecond)
}

// Nobody has waited for long and there is room for more: only the pace tells that
// those who come last would be late.
func TestASlowQueueTakesOnlyAsManyAsItCanDecideInTime(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	ctx := context.Background()
	given(t, db, stock.Counting{SKU: "A", Location: "near", OnHand: 10_000})
	q := reservation.NewQueue(db, rules, reservation.Options{MaxWait: time.Minute})
	var all sync.WaitGroup
	var away atomic.Int64
	place := func(id string) {
		all.Go(func() {
			if _, err := q.Place(ctx, orderOf(id, map[string]int64{"A": 1})); err != nil {
				require.True(t, fault.Is(err, fault.Unavailable), err)
				away.Add(1)
			}
		})
	}
	// crowd comes while the stock is held for so long, and is as many as wait or
	// are turned away.
	crowd := func(name string, n int, holds time.Duration) (turnedAway int64) {
		away.Store(0)
		letGo := held(t, owner)
		place(name)
		stuck(t, owner)
		for i := range n {
			place(fmt.Sprint(name, i))
		}
		require.Eventually(t, func() bool { return int64(q.Waiting())+away.Load() == int64(n) }, 20*time.Second, time.Millisecond)
		passes(t, holds)
		letGo()
		all.Wait()
		return away.Load()
	}
	const many = 900 // for fewer than may wait
	require.Zero(t, crowd("first", many, 0), "a queue that is not known to be slow takes them all")
	require.Zero(t, crowd("slow", 1, 1500*time.Millisecond))
	turnedAway := crowd("last", many, 0)
	require.Positive(t, turnedAway)
	require.Less(t, turnedAway, int64(many-64), "a batch is never too many")
	found, err := stock.Read(ctx, db, []string{"A"})
	require.NoError(t, err)
	require.Equal(t, 2*many+4-turnedAway, found["A"].Reserved())
}
