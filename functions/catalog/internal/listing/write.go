// Package listing is the read model that listings and facets answer from: one
// row for each variant that a visitor could be shown, and its prices as one
// line of time. Writers keep it in their own transaction. It owns
// catalog.listings, catalog.listing_prices and catalog.terms.
package listing

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/price"
)

// Entry is a product as listings see it.
type Entry struct {
	ProductID    uuid.UUID
	Name         string
	Brand        string
	Description  string
	Categories   []uuid.UUID
	Positions    map[uuid.UUID]int // its place in categories where somebody has placed it by hand
	Attributes   map[string]any
	Featured     bool
	PublishedAt  time.Time
	VisibleFrom  *time.Time
	VisibleUntil *time.Time
	Variants     []Variant
}

// Variant is one variant of an Entry.
type Variant struct {
	ID      uuid.UUID
	SKU     string
	MPN     string
	GTINs   []string
	Options map[string]string
}

const clearSQL = `
delete from catalog.listings
where product_id = any(@products)`

const insertSQL = `
insert into catalog.listings (variant_id, product_id, sku, terms, numbers, name_key, published_at, featured, positions, visible_from, visible_until)
select variant_id, product_id, sku, terms, numbers, name_key, published_at, featured, positions, visible_from, visible_until
from json_to_recordset(@rows) as r (
    variant_id uuid, product_id uuid, sku text, terms bigint[], numbers jsonb, name_key text,
    published_at timestamptz, featured boolean, positions jsonb, visible_from timestamptz, visible_until timestamptz)`

// Ordered, so that two writers of the same new terms wait for each other in
// one order.
const termsSQL = `
insert into catalog.terms (id, code, value)
select id, code, value
from unnest(@ids::bigint[], @codes::text[], @values::text[]) as t (id, code, value)
order by id
on conflict (id) do nothing`

const pricesSQL = `
insert into catalog.listing_prices (variant_id, currency, amount, compare_at, starts_at, ends_at)
select r.variant_id, r.currency, r.amount, r.compare_at, r.starts_at, r.ends_at
from json_to_recordset(@rows) as r (
    variant_id uuid, currency text, amount bigint, compare_at bigint, starts_at timestamptz, ends_at timestamptz)`

// Write replaces what listings know of products: those in cleared leave, those
// of entries enter with the prices of their variants. A product that is listed
// already stands in both.
func Write(ctx context.Context, tx pgx.Tx, cleared []uuid.UUID, entries []Entry, prices []price.Span) error {
	batch := &pgx.Batch{}
	if len(cleared) > 0 {
		batch.Queue(clearSQL, pgx.NamedArgs{"products": cleared})
	}
	if len(entries) > 0 {
		if err := queueEntries(batch, entries, prices); err != nil {
			return err
		}
	}
	if batch.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write listings: %w", err)
	}
	return nil
}

func queueEntries(batch *pgx.Batch, entries []Entry, prices []price.Span) error {
	terms := newDictionary()
	var rows []row
	for _, e := range entries {
		rows = append(rows, rowsOf(e, terms)...)
	}
	b, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("write listings: %w", err)
	}
	batch.Queue(insertSQL, pgx.NamedArgs{"rows": string(b)})
	batch.Queue(termsSQL, pgx.NamedArgs{"ids": terms.ids, "codes": terms.codes, "values": terms.values})
	if len(prices) == 0 {
		return nil
	}
	if b, err = json.Marshal(prices); err != nil {
		return fmt.Errorf("write listings: %w", err)
	}
	batch.Queue(pricesSQL, pgx.NamedArgs{"rows": string(b)})
	return nil
}

const clearPricesSQL = `
delete from catalog.listing_prices
where variant_id = any(@variants)`

// Only variants that are listed have prices here.
const replacePricesSQL = `
insert into catalog.listing_prices (variant_id, currency, amount, compare_at, starts_at, ends_at)
select r.variant_id, r.currency, r.amount, r.compare_at, r.starts_at, r.ends_at
from json_to_recordset(@rows) as r (
    variant_id uuid, currency text, amount bigint, compare_at bigint, starts_at timestamptz, ends_at timestamptz)
join catalog.listings l on l.variant_id = r.variant_id`

// WritePrices replaces the prices of variants.
func WritePrices(ctx context.Context, tx pgx.Tx, variants []uuid.UUID, prices []price.Span) error {
	b, err := json.Marshal(prices)
	if err != nil {
		return fmt.Errorf("write prices of listings: %w", err)
	}
	batch := &pgx.Batch{}
	batch.Queue(clearPricesSQL, pgx.NamedArgs{"variants": variants})
	batch.Queue(replacePricesSQL, pgx.NamedArgs{"rows": string(b)})
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write prices of listings: %w", err)
	}
	return nil
}
