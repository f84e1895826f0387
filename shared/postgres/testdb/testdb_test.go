package testdb_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/postgres/testdb"
)

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	one, two := testdb.New(t), testdb.New(t)
	const insert = `insert into events.outbox (id, stream, type, source, subject, data) values (gen_random_uuid(), 'a', 'b', 'c', 'd', '{}')`
	_, err := one.Pool(t, "inventory").Exec(ctx, insert)
	require.NoError(t, err)
	var n int
	require.NoError(t, two.Owner(t).QueryRow(ctx, `select count(*) from events.outbox`).Scan(&n))
	require.Zero(t, n)
	require.NoError(t, one.Owner(t).QueryRow(ctx, `select count(*) from events.outbox`).Scan(&n))
	require.Equal(t, 1, n)
}
