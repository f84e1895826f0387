package idempotency_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/idempotency"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

type reply = idempotency.Reply[map[string]int]

func request(key string, body any) idempotency.Request {
	return idempotency.Request{Caller: "tester", Operation: "adjust", Key: key, Body: body}
}

func TestARepeatGetsTheStoredAnswerAndChangesNothing(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool := testdb.New(t).Pool(t, "inventory")
	var ran atomic.Int32
	change := func(pgx.Tx) (reply, error) {
		return reply{Status: 201, Body: map[string]int{"run": int(ran.Add(1))}}, nil
	}
	first, err := idempotency.Do(ctx, pool, request("k", "body"), change)
	require.NoError(t, err)
	require.False(t, first.Again)
	again, err := idempotency.Do(ctx, pool, request("k", "body"), change)
	require.NoError(t, err)
	require.True(t, again.Again)
	require.Equal(t, first.Body, again.Body)
	require.Equal(t, 201, again.Status)
	_, err = idempotency.Do(ctx, pool, request("k", "other"), change)
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	other := request("k", "body")
	other.Caller = "somebody else"
	_, err = idempotency.Do(ctx, pool, other, change)
	require.NoError(t, err)
	require.EqualValues(t, 2, ran.Load(), "a key is its caller's own")
}

func TestConcurrentRepeatsRunOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool := testdb.New(t).Pool(t, "inventory")
	var ran atomic.Int32
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			r, err := idempotency.Do(ctx, pool, request("k", 1), func(pgx.Tx) (reply, error) {
				return reply{Status: 200, Body: map[string]int{"run": int(ran.Add(1))}}, nil
			})
			if err != nil || r.Body["run"] != 1 {
				t.Errorf("answer %v, %v", r, err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, ran.Load())
}

func TestARefusalIsStoredAndItsChangeUndone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := testdb.New(t)
	pool := db.Pool(t, "inventory")
	ran := 0
	change := func(tx pgx.Tx) (reply, error) {
		ran++
		_, err := tx.Exec(ctx, `insert into events.outbox (id, stream, type, source, subject, data) values (gen_random_uuid(), 'a', 'b', 'c', 'd', '{}')`)
		require.NoError(t, err)
		return reply{}, fault.Clash("insufficient_stock", "not enough")
	}
	for range 2 {
		_, err := idempotency.Do(ctx, pool, request("k", 1), change)
		require.Equal(t, "insufficient_stock", fault.As(err).Code)
	}
	require.Equal(t, 1, ran)
	var n int
	require.NoError(t, db.Owner(t).QueryRow(ctx, `select count(*) from events.outbox`).Scan(&n))
	require.Zero(t, n)
}

func TestAFaultOfOursIsNeverStored(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool := testdb.New(t).Pool(t, "inventory")
	for _, failure := range []error{errors.New("a bug"), fault.Passing(nil, 0, "later")} {
		_, err := idempotency.Do(ctx, pool, request("k", 1), func(pgx.Tx) (reply, error) { return reply{}, failure })
		require.ErrorIs(t, err, failure)
	}
	r, err := idempotency.Do(ctx, pool, request("k", 1), func(pgx.Tx) (reply, error) { return reply{Status: 200}, nil })
	require.NoError(t, err)
	require.False(t, r.Again)
}

func TestOldKeysAreForgotten(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := testdb.New(t)
	for _, function := range []string{"catalog", "inventory", "events"} {
		var pool postgres.DB = db.Pool(t, function)
		use := func(key string) {
			_, err := idempotency.Do(ctx, pool, request(key, 1), func(pgx.Tx) (reply, error) { return reply{Status: 200}, nil })
			require.NoError(t, err)
		}
		for i := range 15 {
			use(fmt.Sprint("old", i))
		}
		_, err := db.Owner(t).Exec(ctx, `update `+function+`.idempotency_keys set created_at = now() - interval '8 days'`)
		require.NoError(t, err)
		for _, left := range []int{6, 2, 3} {
			use(fmt.Sprint("new", left))
			var n int
			require.NoError(t, pool.QueryRow(ctx, `select count(*) from idempotency_keys`).Scan(&n))
			require.Equal(t, left, n, "%s: each new key makes room for more than itself", function)
		}
	}
}
