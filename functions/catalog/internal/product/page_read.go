package product

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/functions/catalog/internal/slug"
	"github.com/mallhive/product-service/shared/postgres"
)

// Asking for each SKU by itself keeps their order and the plan small.
const pageColumns = `
select
    p.id,
    p.version,
    p.created_at,
    p.updated_at,
    g.categories,
    g.prices,
    g.body,
    array(
        select coalesce((select s.availability from inventory.sellability s where s.sku = k.sku), 'out_of_stock')
        from unnest(g.skus) as k (sku)) as availability,
    clock_timestamp() as at,
    (select t.version from catalog.tree_now t) as tree`

const pageTables = `
from catalog.products p
join catalog.product_pages g on g.product_id = p.id and g.version = p.version`

const pageConditions = `
    and p.deleted_at is null
    and p.status = 'active'
    and (p.publish_at is null or p.publish_at <= clock_timestamp())
    and (p.unpublish_at is null or p.unpublish_at > clock_timestamp())`

const pageBySlugSQL = pageColumns + pageTables + `
where p.slug = $1` + pageConditions

const pageByIDSQL = pageColumns + pageTables + `
where p.id = $1` + pageConditions

// Read reads one product by id or slug as a visitor sees it, in one round trip.
// ok is false when there is no page of it: Get then says why, or reads it from
// its parts.
func Read(ctx context.Context, db postgres.DB, tree *category.Tree, ref string) (r Rendered, ok bool, err error) {
	sql, arg := pageBySlugSQL, any(ref)
	if id, err := uuid.Parse(ref); err == nil && len(ref) == 36 {
		sql, arg = pageByIDSQL, id
	} else if !slug.Valid(ref) {
		return r, false, nil
	}
	pages, err := readPages(ctx, db, tree, sql, arg)
	if err != nil || len(pages) == 0 {
		return r, false, err
	}
	return pages[0], true, nil
}

func readPages(ctx context.Context, db postgres.DB, tree *category.Tree, sql string, args ...any) ([]Rendered, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("pages of products: %w", err)
	}
	defer rows.Close()
	var list []kept
	for rows.Next() {
		var k kept
		if err := rows.Scan(&k.ID, &k.Version, &k.CreatedAt, &k.UpdatedAt, &k.Categories, &k.Prices, &k.Body, &k.Availability, &k.At, &k.Tree); err != nil {
			return nil, fmt.Errorf("pages of products: %w", err)
		}
		list = append(list, k)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("pages of products: %w", err)
	}
	rows.Close()
	pages := make([]Rendered, len(list))
	for i := range list {
		ways, err := tree.At(ctx, db, list[i].Tree)
		if err != nil {
			return nil, err
		}
		if pages[i], err = list[i].render(ways); err != nil {
			return nil, err
		}
	}
	return pages, nil
}
