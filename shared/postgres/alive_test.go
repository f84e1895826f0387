package postgres_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// As after a restart of the server: a connection that was used a moment ago is
// not pinged for its age.
func TestAConnectionCutWhileIdleFailsNoStatement(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := testdb.New(t)
	pool := db.Pool(t, "catalog")
	other, err := pgx.Connect(ctx, db.URL("catalog"))
	require.NoError(t, err)
	defer func() { _ = other.Close(ctx) }()
	for range 20 {
		var pid int
		require.NoError(t, pool.QueryRow(ctx, `select pg_backend_pid()`).Scan(&pid))
		var cut bool
		require.NoError(t, other.QueryRow(ctx, `select pg_terminate_backend($1, 10000)`, pid).Scan(&cut))
		require.True(t, cut)
		_, err := pool.Exec(ctx, `select 1`)
		require.NoError(t, err)
		require.NoError(t, other.QueryRow(ctx, `
			select bool_and(pg_terminate_backend(pid, 10000)) from pg_stat_activity
			where usename = current_user and datname = current_database() and pid <> pg_backend_pid()`).Scan(&cut))
		require.NoError(t, postgres.InTx(ctx, pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `select 1`)
			return err
		}))
	}
}
