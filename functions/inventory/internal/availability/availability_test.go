package availability_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/inventory/internal/availability"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// counting counts what is asked of a database, and how often it is waited for.
type counting struct {
	postgres.DB
	queries, trips int
}

func (c *counting) note(queries int) {
	c.queries += queries
	c.trips++
}

func (c *counting) Begin(ctx context.Context) (pgx.Tx, error) {
	c.note(1)
	return c.DB.Begin(ctx)
}

func (c *counting) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	c.note(1)
	return c.DB.Exec(ctx, sql, args...)
}

func (c *counting) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	c.note(1)
	return c.DB.Query(ctx, sql, args...)
}

func (c *counting) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	c.note(1)
	return c.DB.QueryRow(ctx, sql, args...)
}

func (c *counting) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	c.note(b.Len())
	return c.DB.SendBatch(ctx, b)
}

func TestACartOf250LinesTakesTwoQueries(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	_, err := stock.CreateLocation(ctx, db, stock.Location{Code: "main", Name: "Main"})
	require.NoError(t, err)
	var wishes []availability.Wish
	var levels []stock.Counting
	batch := &pgx.Batch{}
	for i := range 250 {
		sku, product, variant := fmt.Sprint("S", i), uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
		wishes = append(wishes, availability.Wish{SKU: sku, Quantity: 2})
		levels = append(levels, stock.Counting{SKU: sku, Location: "main", OnHand: 2})
		batch.Queue(`insert into catalog.products (id, slug, name, status, content_hash) values ($1, lower($2), $2, 'active', '')`, product, sku)
		batch.Queue(`insert into catalog.variants (id, product_id, sku, position) values ($1, $2, $3, 0)`, variant, product, sku)
		batch.Queue(`insert into catalog.prices (id, variant_id, currency, kind, amount, starts_at) values ($1, $2, 'USD', 'base', 1999, now())`, uuid.Must(uuid.NewV7()), variant)
	}
	require.NoError(t, owner.SendBatch(ctx, batch).Close())
	require.NoError(t, postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		_, err := stock.CountAll(ctx, tx, stock.OfNobody("test", "count"), levels)
		return err
	}))
	asked := &counting{DB: db}
	report, err := availability.NewChecker(asked).Check(ctx, "USD", wishes)
	require.NoError(t, err)
	require.True(t, report.Orderable)
	require.Len(t, report.Lines, 250)
	require.Equal(t, []int{2, 1}, []int{asked.queries, asked.trips})
}
