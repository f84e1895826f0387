package product

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/shared/postgres"
)

// Asking for each SKU by itself keeps their order and the plan small.
const pageColumns = `
    p.id,
    p.slug,
    p.version,
    p.created_at,
    p.updated_at,
    array_to_string(g.categories, ' '),
    g.prices,
    g.body,
    array_to_string(array(
        select coalesce((select s.availability from inventory.sellability s where s.sku = k.sku), 'out_of_stock')
        from unnest(g.skus) as k (sku)), ' '),
    clock_timestamp(),
    (select t.version from catalog.tree_now t)`

const pageTables = `
from catalog.products p
join catalog.product_pages g on g.product_id = p.id and g.version = p.version`

const pageConditions = `
    and p.deleted_at is null
    and p.status = 'active'
    and (p.publish_at is null or p.publish_at <= clock_timestamp())
    and (p.unpublish_at is null or p.unpublish_at > clock_timestamp())`

// From a select of its own the planner does not learn how many are asked for. It
// would otherwise plan anew each time, since few cost less than it assumes.
const pagesBySlugSQL = `
select` + pageColumns + pageTables + `
where p.slug = any((select $1::text[])::text[])` + pageConditions

const pagesByIDSQL = `
select` + pageColumns + pageTables + `
where p.id = any((select $1::uuid[])::uuid[])` + pageConditions

const pagesByRefSQL = `
with asked as (
    select r.ordinal, coalesce(
        (select p.id from catalog.products p where p.id = r.id),
        (select v.product_id from catalog.variants v where v.sku = r.ref and v.removed_at is null),
        (select p.id from catalog.products p where p.slug = r.ref and p.deleted_at is null)) as id
    from unnest((select $1::text[]), (select $2::uuid[])) with ordinality as r (ref, id, ordinal)
)
select` + pageColumns + `,
    a.ordinal` + pageTables + `
join asked a on a.id = p.id
where true` + pageConditions

// readPages reads what visitors may see of the products, in one query.
func readPages(ctx context.Context, db postgres.DB, tree *category.Tree, sql string, refs ...any) ([]Rendered, error) {
	rows, err := db.Query(ctx, sql, refs...)
	if err != nil {
		return nil, fmt.Errorf("pages of products: %w", err)
	}
	defer rows.Close()
	var pages []Rendered
	for rows.Next() {
		p, err := pageOf(rows)
		if err != nil {
			return nil, fmt.Errorf("page of product %s: %w", p.ID, err)
		}
		pages = append(pages, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("pages of products: %w", err)
	}
	// The connection is given back before the tree may need one.
	rows.Close()
	for i := range pages {
		ways, err := tree.At(ctx, db, pages[i].tree)
		if err != nil {
			return nil, err
		}
		pages[i].complete(ways)
	}
	return pages, nil
}

// pageOf reads a row of pageColumns. The values are taken as they come: what
// pgx does to find out how to scan each costs more than the rest.
func pageOf(rows pgx.Rows) (Rendered, error) {
	v := rows.RawValues()
	var r Rendered
	var n [6]int64
	copy(r.ID[:], v[0])
	for i, at := range [...]int{2, 3, 4, 9, 10, 11} {
		if at == len(v) {
			break
		}
		if len(v[at]) != 8 {
			return r, fmt.Errorf("%d is not in binary form", at)
		}
		n[i] = int64(binary.BigEndian.Uint64(v[at])) //nolint:gosec // the server's int8
	}
	r.Slug, r.categories = string(v[1]), string(v[5])
	r.Version, r.created, r.updated, r.tree, r.ordinal = n[0], timeOf(n[1]), timeOf(n[2]), n[4], n[5]
	return r, r.open(v[7], string(v[6]), string(v[8]), timeOf(n[3]))
}

// timeOf is a timestamptz as PostgreSQL sends it: microseconds from 2000 on.
func timeOf(micros int64) time.Time {
	return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(micros) * time.Microsecond)
}

func isID(ref string) (uuid.UUID, bool) {
	id, err := uuid.Parse(ref)
	return id, err == nil && len(ref) == 36
}
