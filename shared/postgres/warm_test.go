package postgres_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

func TestRequestsWaitForTheFirstConnectInsteadOfConnectingEach(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t).Pool(t, "catalog")
	pool.WarmUp(context.Background())
	for range 3 {
		_, err := pool.Exec(context.Background(), "select 1")
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, pool.Stat().NewConnsCount())
	require.EqualValues(t, 4, pool.Stat().AcquireCount(), "one of them was nobody's request")
}

func TestAFirstConnectThatHangsHoldsNoRequestBeyondItsTime(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0") // takes connections, says nothing
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	pool, err := postgres.Open(context.Background(), postgres.Options{
		Logins: postgres.Fixed("postgres://nobody@" + listener.Addr().String() + "/none?sslmode=disable"), Application: "catalog", MaxConns: 4})
	require.NoError(t, err)
	warm, stop := context.WithCancel(context.Background())
	pool.WarmUp(warm)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := pool.Exec(ctx, "select 1")
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
	}
	all.Wait()
	require.Less(t, time.Since(began), time.Second, "the first connect may take two")
	stop()
	pool.Close()
}
