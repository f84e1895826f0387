package listing

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// Every product has the same terms but one of a hundred, so that nothing but
// its index tells the planner to look some of them up.
const manySQL = `
insert into catalog.listed_products (product_id, published_at, featured, name_key, terms, packed, skus)
select
    ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, timestamptz '2024-01-01' + n * interval '1 second', n % 50 = 0, 'name ' || n,
    array[1, 2, 3, 100 + n % 100]::bigint[], '', 'SKU-' || n
from generate_series(1, 20000) as s (n)`

const manyPlacedSQL = `
insert into catalog.listed_categories (category_id, product_id, published_at, position, alone)
select '01900000-0000-7000-8000-000000000001', l.product_id, l.published_at, case when l.featured then 1 end, true
from catalog.listed_products l`

const manyPricedSQL = `
insert into catalog.listed_prices (currency, amount, product_id)
select 'USD', 1000 + row_number() over () % 500, l.product_id
from catalog.listed_products l`

type statementOf struct {
	what, sql string
	args      pgx.NamedArgs
}

// statements are all that a listing may ask of the large tables.
func statements() []statementOf {
	var list []statementOf
	category, low := uuid.MustParse("01900000-0000-7000-8000-000000000001"), int64(1000)
	below := []uuid.UUID{category}
	for range 30 {
		below = append(below, uuid.New())
	}
	for what, q := range map[string]Query{
		"everything":            {},
		"a brand":               {Brands: []string{"Smith"}},
		"brands":                {Brands: []string{"Smith", "Jones", "Brown"}},
		"a category":            {Category: &category, Categories: below[:1]},
		"a tree":                {Category: &category, Categories: below},
		"a tree by brand":       {Category: &category, Categories: below, Brands: []string{"Smith"}},
		"a price":               {PriceMin: &low},
		"a price and a value":   {PriceMin: &low, Values: map[string][]string{"colour": {"Black", "Grey"}}},
		"featured":              {Featured: true},
		"what a text has found": {Text: "x"},
	} {
		q.Currency, q.At = "USD", time.Now()
		for _, within := range []int{100, usual().small, usual().small + 1} {
			l := lister{query: q, judge: newJudge(q), within: within, limit: 25, effort: usual()}
			if f := l.find(""); f.within == nil {
				args := extent{}.args(f.args)
				args["most"] = 12_000
				list = append(list, statementOf{what, f.sql, args})
			}
			for _, l.sort = range []string{"newest", "price", "-price", "name", "featured", "position"} {
				if l.sort == "position" && q.Category == nil {
					continue
				}
				for _, s := range l.stages(nil) {
					list = append(list, statementOf{what + " by " + l.sort, s.sql, extent{}.args(s.argsFrom(s.start, 100))})
				}
			}
		}
	}
	scanned := pgx.NamedArgs{"categories": below, "after": make([]uuid.UUID, len(below)), "most": 12_000, "each": 4000}
	return append(list,
		statementOf{"a scan", scanSQL, scanned},
		statementOf{"its size", sizeSQL, pgx.NamedArgs{"categories": below, "most": 20_000}},
		statementOf{"its places", placesSQL, pgx.NamedArgs{"category": category}},
		statementOf{"names", namesSQL, pgx.NamedArgs{"ids": []int64{1, 2}}},
	)
}

func TestNoListingReadsAWholeTable(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := testdb.New(t)
	owner := db.Owner(t)
	for _, sql := range []string{
		manySQL, manyPlacedSQL, manyPricedSQL,
		`analyze catalog.listed_products`, `analyze catalog.listed_categories`, `analyze catalog.listed_prices`,
	} {
		_, err := owner.Exec(ctx, sql)
		require.NoError(t, err)
	}
	conn, err := pgx.Connect(ctx, db.URL("catalog"))
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	for _, s := range statements() {
		_, err := conn.Exec(ctx, `reset enable_seqscan`)
		require.NoError(t, err)
		if s.sql != costingSQL && !strings.Contains(s.sql, walked) {
			require.NotContains(t, plan(t, conn, s), "Seq Scan on listed_", "%s, where the planner is free", s.what)
		}
		// The others join what an index gives to its products, of which there are
		// too few here for that to be worth it.
		_, err = conn.Exec(ctx, `set enable_seqscan = off`)
		require.NoError(t, err)
		require.NotContains(t, plan(t, conn, s), "Seq Scan on", "%s:\n%s", s.what, s.sql)
	}
}

func plan(t *testing.T, conn *pgx.Conn, s statementOf) string {
	t.Helper()
	rows, err := conn.Query(context.Background(), "explain (costs off) "+s.sql, s.args)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err, s.what)
	return strings.Join(lines, "\n")
}
