package product

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// Planning costs more than the reading of a page: after the five times that
// PostgreSQL always does, it must be content with the plan it has.
func TestReadingPagesIsPlannedOnceAndByIndexes(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := testdb.New(t)
	for _, sql := range []string{
		`insert into catalog.products (id, slug, name, status, content_hash)
			select gen_random_uuid(), 's-' || i, 'n', 'active', '' from generate_series(1, 3000) i`,
		`insert into catalog.product_pages (product_id, version, skus, categories, variants, prices, body)
			select id, version, array[slug], '{}', array[id], '', '{"variants":[{}]' from catalog.products`,
		`insert into inventory.locations (code, name, priority) values ('main', 'Main', 1)`,
		`insert into inventory.stock (sku) select slug from catalog.products`,
		`insert into inventory.levels (sku, location, on_hand) select slug, 'main', 1 from catalog.products`,
		`analyze catalog.products, catalog.product_pages, inventory.stock, inventory.levels`,
	} {
		_, err := db.Owner(t).Exec(ctx, sql)
		require.NoError(t, err)
	}
	pool := db.Pool(t, "catalog")
	id := uuid.New()
	for sql, refs := range map[string][]any{
		pagesBySlugSQL: {[]string{"s-1"}},
		pagesByIDSQL:   {[]uuid.UUID{id}},
		pagesByRefSQL:  {[]string{"a"}, []*uuid.UUID{&id}},
	} {
		conn, err := pool.Acquire(ctx)
		require.NoError(t, err)
		defer conn.Release()
		for range 12 {
			_, err := readPages(ctx, conn, new(category.Tree), sql, refs...)
			require.NoError(t, err)
		}
		var custom int
		require.NoError(t, conn.QueryRow(ctx, "select custom_plans from pg_prepared_statements where statement = $1", sql).Scan(&custom))
		require.Equal(t, 5, custom, sql)
		for _, set := range []string{"discard plans", "set enable_seqscan = off", "set plan_cache_mode = force_generic_plan", "prepare q as " + sql} {
			_, err = conn.Exec(ctx, set)
			require.NoError(t, err)
		}
		rows, err := conn.Query(ctx, "explain execute q("+strings.Repeat("null, ", len(refs)-1)+"null)", pgx.QueryExecModeSimpleProtocol)
		require.NoError(t, err)
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		for _, line := range plan {
			if strings.Contains(line, "Seq Scan") {
				require.Contains(t, line, "Seq Scan on category_tree", "%s", strings.Join(plan, "\n"))
			}
		}
		require.NoError(t, conn.Conn().Close(ctx))
	}
}
