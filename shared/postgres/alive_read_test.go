package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// After a slow write pgconn's background reader may stay in a read that ends
// only with the next answer: whoever would wait for it waits for ever.
func TestALookAtAnIdleConnectionWaitsForNoReader(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(context.Background(), testdb.New(t).URL("catalog"))
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	reading := make(chan struct{})
	go func() {
		close(reading)
		_, _ = conn.PgConn().Conn().Read(make([]byte, 1))
	}()
	<-reading
	for range 1000 { // the read begins some time after it is announced
		looked := make(chan bool, 1)
		go func() { looked <- postgres.SpokeUnasked(conn) }()
		select {
		case spoke := <-looked:
			require.False(t, spoke)
		case <-time.After(20 * time.Second):
			require.Fail(t, "it waits")
		}
	}
}
