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

// Refresh brings products up to date after something they refer to changed:
// their version, their listings and the event that tells of them.
func Refresh(ctx context.Context, tx pgx.Tx, products []uuid.UUID) error {
	slices.SortFunc(products, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	for chunk := range slices.Chunk(products, refreshAtOnce) {
		if err := refreshSome(ctx, tx, chunk); err != nil {
			return err
		}
	}
	return nil
}

func refreshSome(ctx context.Context, tx pgx.Tx, products []uuid.UUID) error {
	if _, err := tx.Exec(ctx, lockSQL, pgx.NamedArgs{"ids": products}); err != nil {
		return fmt.Errorf("lock products: %w", err)
	}
	documents, err := Documents(ctx, tx, products)
	if err != nil {
		return err
	}
	places, positions, err := category.Places(ctx, tx, products)
	if err != nil {
		return err
	}
	var f finished
	var hashes []string
	var variants []uuid.UUID
	for _, id := range products {
		d, live := documents[id]
		if !live {
			continue
		}
		p := plan{id: id, doc: d, places: places[id], positions: positions[id]}
		if p.hash, err = contentHash(d); err != nil {
			return err
		}
		f.touched, hashes = append(f.touched, id), append(hashes, hex.EncodeToString(p.hash))
		if d.Status == Active && len(d.Variants) > 0 {
			f.entries = append(f.entries, p.entry())
			for _, v := range d.Variants {
				variants = append(variants, *v.ID)
			}
		}
		e, err := stateEvent(event.ProductUpdated, id)
		if err != nil {
			return err
		}
		f.states = append(f.states, e)
	}
	if _, err := tx.Exec(ctx, refreshSQL, pgx.NamedArgs{"ids": f.touched, "hashes": hashes}); err != nil {
		return fmt.Errorf("refresh products: %w", err)
	}
	f.cleared = f.touched
	if f.spans, err = spansNow(ctx, tx, variants); err != nil {
		return err
	}
	return finish(ctx, tx, f)
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
