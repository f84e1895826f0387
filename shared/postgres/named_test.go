package postgres_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/postgres"
)

func TestNamedArgumentsAreThoseOfPgxEachTime(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	const sql = `select @b, '@a', @a -- @b
		from t where x = @b`
	for n := range 3 {
		args := map[string]any{"a": n, "b": []string{"x"}}
		wantSQL, want, err := pgx.NamedArgs(args).RewriteQuery(ctx, nil, sql, nil)
		require.NoError(t, err)
		gotSQL, got, err := postgres.Named(args).RewriteQuery(ctx, nil, sql, nil)
		require.NoError(t, err)
		require.Equal(t, wantSQL, gotSQL)
		require.Equal(t, want, got)
	}
}

func TestANamedArgumentThatIsMissingIsAnError(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	const sql = `select @a, @b`
	_, _, err := postgres.Named{"a": 1}.RewriteQuery(ctx, nil, sql, nil)
	require.Error(t, err)
	_, _, err = postgres.Named{"a": 1, "b": 2}.RewriteQuery(ctx, nil, sql, nil)
	require.NoError(t, err)
	_, _, err = postgres.Named{"a": 1}.RewriteQuery(ctx, nil, sql, nil)
	require.ErrorContains(t, err, "@b")
}
