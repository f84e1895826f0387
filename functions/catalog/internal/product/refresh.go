package product

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/functions/catalog/internal/price"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/postgres"
)

// refreshAtOnce bounds what a refresh holds in memory.
const refreshAtOnce = 500

const refreshSQL = `
update catalog.products p
set version = p.version + 1,
    updated_at = now(),
    content_hash = decode(r.content_hash, 'hex')
from unnest(@ids::uuid[], @hashes::text[]) as r (id, content_hash)
where p.id = r.id`

// Lock takes products, always in one order, before rows that hang on them are
// written.
func Lock(ctx context.Context, tx pgx.Tx, products []uuid.UUID) error {
	if _, err := tx.Exec(ctx, lockSQL, pgx.NamedArgs{"ids": products}); err != nil {
		return fmt.Errorf("lock products: %w", err)
	}
	return nil
}

// Refresh brings products up to date after something that their documents show
// has changed: their version, their listings and the event that tells of them.
func Refresh(ctx context.Context, tx pgx.Tx, products []uuid.UUID) error {
	for chunk := range slices.Chunk(inOrder(products), refreshAtOnce) {
		f, hashes, err := again(ctx, tx, chunk)
		if err != nil {
			return err
		}
		f.touched = f.cleared
		if _, err := tx.Exec(ctx, refreshSQL, pgx.NamedArgs{"ids": f.touched, "hashes": hashes}); err != nil {
			return fmt.Errorf("refresh products: %w", err)
		}
		for _, id := range f.touched {
			e, err := stateEvent(event.ProductUpdated, id)
			if err != nil {
				return err
			}
			f.states = append(f.states, e)
		}
		if err := finish(ctx, tx, f); err != nil {
			return err
		}
	}
	return nil
}

// Relist brings only the listings of products up to date, after something that
// no document shows has changed.
func Relist(ctx context.Context, tx pgx.Tx, products []uuid.UUID) error {
	for chunk := range slices.Chunk(inOrder(products), refreshAtOnce) {
		f, _, err := again(ctx, tx, chunk)
		if err != nil {
			return err
		}
		if err := finish(ctx, tx, f); err != nil {
			return err
		}
	}
	return nil
}

func inOrder(products []uuid.UUID) []uuid.UUID {
	return slices.SortedFunc(slices.Values(products), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
}

// again is what it takes to list products anew, and their content hashes.
func again(ctx context.Context, tx pgx.Tx, products []uuid.UUID) (f finished, hashes []string, err error) {
	if err := Lock(ctx, tx, products); err != nil {
		return f, nil, err
	}
	documents, err := Documents(ctx, tx, products)
	if err != nil {
		return f, nil, err
	}
	places, positions, err := category.Places(ctx, tx, products)
	if err != nil {
		return f, nil, err
	}
	var variants []uuid.UUID
	for _, id := range products {
		d, live := documents[id]
		if !live {
			continue
		}
		p := plan{id: id, doc: d, places: places[id], positions: positions[id]}
		if p.hash, err = contentHash(d, p.places); err != nil {
			return f, nil, err
		}
		f.cleared, hashes = append(f.cleared, id), append(hashes, hex.EncodeToString(p.hash))
		if d.Status == Active {
			f.pages = append(f.pages, p.page())
		}
		if d.Status != Active || len(d.Variants) == 0 {
			continue
		}
		f.entries = append(f.entries, p.entry())
		for _, v := range d.Variants {
			variants = append(variants, *v.ID)
		}
	}
	f.spans, err = spansNow(ctx, tx, variants)
	return f, hashes, err
}

func spansNow(ctx context.Context, tx pgx.Tx, variants []uuid.UUID) ([]price.Span, error) {
	book, err := price.Open(ctx, tx, variants)
	if err != nil {
		return nil, err
	}
	return book.Spans(variants), nil
}

const attributesInUseSQL = `
select c.code
from unnest(@codes::text[]) as c (code)
where exists (
    select
    from catalog.products p
    where p.attributes ? c.code
        and p.deleted_at is null)`

// AttributesInUse tells which of the codes have a value in some product.
func AttributesInUse(ctx context.Context, db postgres.DB, codes []string) (map[string]bool, error) {
	rows, err := db.Query(ctx, attributesInUseSQL, pgx.NamedArgs{"codes": codes})
	if err != nil {
		return nil, fmt.Errorf("attributes in use: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("attributes in use: %w", err)
	}
	used := make(map[string]bool, len(list))
	for _, code := range list {
		used[code] = true
	}
	return used, nil
}

// The planner knows how large a table is; only what is in it may be news.
const statisticsSQL = `
select catalog.refresh_statistics()
from pg_catalog.pg_class c
where c.oid = 'catalog.products'::regclass
    and c.reltuples < @changed`

// RefreshStatistics lets the planner know of tables that are other ones now: as
// many products have changed as it had seen, or more. It takes seconds.
func RefreshStatistics(ctx context.Context, db postgres.DB, changed int) error {
	if _, err := db.Exec(ctx, statisticsSQL, pgx.NamedArgs{"changed": changed}); err != nil {
		return fmt.Errorf("refresh statistics: %w", err)
	}
	return nil
}
