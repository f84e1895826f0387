package postgres_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/postgres/testdb"
)

func TestIDsArriveAsTheyWereSent(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool := testdb.New(t).Pool(t, "catalog")
	a, b := uuid.New(), uuid.New()
	for name, c := range map[string]struct {
		sql  string
		arg  any
		want *string
	}{
		"one":             {`select (@v::uuid)::text`, a, text(a.String())},
		"one by address":  {`select (@v::uuid)::text`, &a, text(a.String())},
		"none":            {`select (@v::uuid)::text`, (*uuid.UUID)(nil), nil},
		"some":            {`select (@v::uuid[])::text`, []uuid.UUID{a, b}, text("{" + a.String() + "," + b.String() + "}")},
		"some by address": {`select (@v::uuid[])::text`, []*uuid.UUID{&a, nil}, text("{" + a.String() + ",NULL}")},
		"an empty list":   {`select (@v::uuid[])::text`, []uuid.UUID{}, text("{}")},
		"no list":         {`select (@v::uuid[])::text`, []uuid.UUID(nil), nil},
		"as text":         {`select @v::text`, a, text(a.String())},
	} {
		var got *string
		require.NoError(t, pool.QueryRow(ctx, c.sql, pgx.NamedArgs{"v": c.arg}).Scan(&got), name)
		require.Equal(t, c.want, got, name)
	}
}

func text(s string) *string { return &s }
