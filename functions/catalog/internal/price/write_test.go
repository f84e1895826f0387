package price_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/price"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/money"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// variant makes a product with one variant.
func variant(t *testing.T, db *testdb.Database) uuid.UUID {
	t.Helper()
	var id uuid.UUID
	require.NoError(t, db.Owner(t).QueryRow(context.Background(), `
		with p as (
			insert into catalog.products (id, slug, name, status, content_hash)
			values (gen_random_uuid(), 'a', 'A', 'active', '')
			returning id)
		insert into catalog.variants (id, product_id, sku, position)
		select gen_random_uuid(), p.id, 'A', 0
		from p
		returning id`).Scan(&id))
	return id
}

func TestTheDatabaseRefusesWhatOverlapsThoughNobodyHeldALock(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	v, pool, ctx := variant(t, db), db.Pool(t, "catalog"), context.Background()
	one := price.Price{Price: money.Money{Amount: 1, Currency: "USD"}}
	change := map[string]func(*price.Book) error{
		"base": func(b *price.Book) error {
			_, err := b.Set(v, one, nil)
			return err
		},
		"sale": func(b *price.Book) error {
			_, _, err := b.Sell(v, one, nil, nil, false)
			return err
		},
	}
	for name, do := range change {
		first, err := price.Open(ctx, pool, []uuid.UUID{v})
		require.NoError(t, err)
		second, err := price.Open(ctx, pool, []uuid.UUID{v})
		require.NoError(t, err)
		write := func(b *price.Book) error {
			require.NoError(t, do(b), "as far as it knows, nothing overlaps")
			return postgres.InTx(ctx, pool, func(tx pgx.Tx) error { return b.Write(ctx, tx) })
		}
		require.NoError(t, write(first), name)
		err = write(second)
		require.True(t, fault.Is(err, fault.Conflict), "%s: %v", name, err)
		require.Equal(t, "price_overlap", fault.As(err).Code)
	}
}

func TestWhatIsWrittenIsReadBackAsTheSameLine(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	v, pool, ctx := variant(t, db), db.Pool(t, "catalog"), context.Background()
	of := func(amount int64) price.Price {
		return price.Price{Price: money.Money{Amount: amount, Currency: "USD"}}
	}
	var last *price.Book
	for i, change := range []func(b *price.Book) error{
		func(b *price.Book) error { // one write holds many changes
			_, err := b.Set(v, of(10), nil)
			require.NoError(t, err)
			for hours := range 5 {
				start := b.At.Add(time.Duration(10*hours+10) * time.Hour)
				end := start.Add(time.Hour)
				_, err = b.Set(v, of(int64(hours)), &start)
				require.NoError(t, err)
				_, _, err = b.Sell(v, of(1), &start, &end, false)
				require.NoError(t, err)
			}
			return nil
		},
		func(b *price.Book) error { // all that is planned is taken back or replaced
			for _, row := range told(t, db, v) {
				if row.StartsAt.After(b.At) {
					require.NoError(t, b.Withdraw(row))
				}
			}
			start := b.At.Add(20 * time.Hour)
			_, err := b.Set(v, of(20), &start)
			require.NoError(t, err)
			_, err = b.Set(v, of(21), &start)
			return err
		},
	} {
		b, err := price.Open(ctx, pool, []uuid.UUID{v})
		require.NoError(t, err)
		require.NoError(t, change(b))
		require.NoError(t, postgres.InTx(ctx, pool, func(tx pgx.Tx) error { return b.Write(ctx, tx) }))
		read, err := price.Spans(ctx, pool, b.At, []uuid.UUID{v})
		require.NoError(t, err)
		require.Equal(t, b.Spans([]uuid.UUID{v}), read, "after write %d", i)
		last = b
	}
	spans := last.Spans([]uuid.UUID{v})
	require.Len(t, spans, 2)
	require.Equal(t, []int64{10, 21}, []int64{spans[0].Amount, spans[1].Amount})
}

func told(t *testing.T, db *testdb.Database, v uuid.UUID) []price.Row {
	t.Helper()
	rows, err := db.Owner(t).Query(context.Background(), `
		select id, variant_id, currency, kind, amount, compare_at, starts_at, ends_at, cancelled_at
		from catalog.prices
		where variant_id = $1
		order by starts_at desc`, v)
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[price.Row])
	require.NoError(t, err)
	return list
}
