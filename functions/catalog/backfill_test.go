package main

import (
	"context"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/postgres/testdb"
	"github.com/mallhive/product-service/shared/schema"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

// backfill is what the migration does with a database that has products.
func backfill(t testing.TB) string {
	t.Helper()
	file, err := fs.ReadFile(schema.Files(), "migrations/00040_listed.sql")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(file), "-- backfill begins\n")
	require.True(t, found)
	sql, _, found := strings.Cut(rest, "-- backfill ends\n")
	require.True(t, found)
	return sql
}

const listedSQL = `
select l::text || coalesce((
    select string_agg(c::text, ' ' order by c.category_id)
    from catalog.listed_categories c
    where c.product_id = l.product_id), '') || coalesce((
    select string_agg(p::text, ' ' order by p.currency, p.amount)
    from catalog.listed_prices p
    where p.product_id = l.product_id), '')
from catalog.listed_products l
order by l.product_id`

const dictionarySQL = `
select t::text
from catalog.terms t
order by t.id`

func TestAnUpgradeListsWhatThereIsAsIfItWereWrittenAnew(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, _ := shop(t)
	create1(t, s, `{"name":"Ünïcode Ⅳ","brand":"Zoë & Søn","status":"active","publish_at":"2100-01-01T00:00:00Z","unpublish_at":"2101-01-01T00:00:00Z",
		"categories":["pans","garden"],"attributes":{"weight":0.000001,"notes":"`+strings.Repeat("é", 200)+`","colour":["Black","Black","Gr\"ey"]},"options":["size","hue"],
		"variants":[{"sku":"U-1","options":{"size":"M","hue":"Red"},"prices":[{"price":{"amount":0,"currency":"USD"}},{"price":{"amount":987654321,"currency":"JPY"}}]},
			{"sku":"U-2","options":{"size":"L","hue":"Red"},"price":{"amount":7,"currency":"USD"}},{"sku":"U-3","options":{"size":"S","hue":"blau"}}]}`)
	create1(t, s, `{"name":"A draft","variants":[{"sku":"D"}]}`)
	for _, weight := range []string{"1e300", "-2.5e-280", "1e21", "123456789.125"} {
		create1(t, s, `{"name":"A number","status":"active","attributes":{"weight":`+weight+`},"variants":[{"sku":"N`+weight[:3]+`"}]}`)
	}
	gone := create1(t, s, `{"name":"Gone","status":"active","variants":[{"sku":"G"}]}`)
	require.Equal(t, 204, s.Do(t, "DELETE", "/v1/products/"+gone.ID.String(), nil, s.Bearer(t, write), header("If-Match", "*")).Status)
	require.Equal(t, 200, s.Do(t, "PUT", "/v1/categories/pans/products", `{"products":["p-04","p-00"]}`, s.Bearer(t, write), header("If-Match", "*")).Status)
	require.Equal(t, 200, s.Do(t, "PUT", "/v1/variants/S-4-0/price", `{"price":`+usd(4321)+`}`, s.Bearer(t, write), header("If-Match", "*")).Status)

	admin := administrator(t, s)
	read := func(sql string) []string {
		rows, err := admin.Query(ctx, sql)
		require.NoError(t, err)
		list, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		return list
	}
	listed, terms := read(listedSQL), read(dictionarySQL)
	require.Len(t, listed, 65)
	for _, table := range []string{"listed_products", "listed_categories", "listed_prices", "terms"} {
		_, err := admin.Exec(ctx, `delete from catalog.`+table)
		require.NoError(t, err)
	}
	_, err := admin.PgConn().Exec(ctx, backfill(t)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, listed, read(listedSQL))
	require.Equal(t, terms, read(dictionarySQL))
}

// administrator connects as who may make temporary tables.
func administrator(t testing.TB, s *servicetest.Server) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig(os.Getenv(testdb.Variable))
	require.NoError(t, err)
	own, err := pgx.ParseConfig(s.DB.URL("catalog"))
	require.NoError(t, err)
	cfg.Database = own.Database
	conn, err := pgx.ConnectConfig(context.Background(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
