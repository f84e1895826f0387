package product

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/price"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Exported is a product as an export sees it.
type Exported struct {
	Document                 // with what its variants cost now
	Visible  bool            // whether a visitor could be shown it now
	Bases    [][]price.Price // what each variant costs without a sale, by currency
}

type exportRow struct {
	ID           uuid.UUID
	Visible      bool
	Document     []byte
	Availability map[string]string
}

// By id is in the order in which they were made: what is made meanwhile comes
// last, and whatever changes, each product comes once.
const exportSQL = `
select
    p.id,
    p.status = 'active'
        and (p.publish_at is null or p.publish_at <= clock_timestamp())
        and (p.unpublish_at is null or p.unpublish_at > clock_timestamp()) as visible,
    (select d.document from catalog.product_documents d where d.product_id = p.id) as document,
    coalesce((
        select jsonb_object_agg(s.sku, s.availability)
        from catalog.variants v
        join inventory.sellability s on s.sku = v.sku
        where v.product_id = p.id
            and v.removed_at is null), '{}') as availability
from catalog.products p
where p.id > @after
    and p.deleted_at is null
    and (@status = '' or p.status = @status)
order by p.id
limit @limit`

// Export reads the products that follow one, at most limit; status may be
// empty for all.
func Export(ctx context.Context, db postgres.DB, after uuid.UUID, status string, limit int) ([]Exported, error) {
	rows, err := db.Query(ctx, exportSQL, pgx.NamedArgs{"after": after, "status": status, "limit": limit})
	if err != nil {
		return nil, fmt.Errorf("export products: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[exportRow])
	if err != nil {
		return nil, fmt.Errorf("export products: %w", err)
	}
	var variants []uuid.UUID
	out := make([]Exported, len(list))
	for i, row := range list {
		e := &out[i]
		e.Visible = row.Visible
		if err := json.Unmarshal(row.Document, &e.Document); err != nil {
			return nil, fmt.Errorf("document of product %s: %w", row.ID, err)
		}
		for n := range e.Variants {
			v := &e.Variants[n]
			v.Availability = OutOfStock
			if word := row.Availability[v.SKU]; word != "" {
				v.Availability = word
			}
			variants = append(variants, *v.ID)
		}
	}
	return out, withBases(ctx, db, out, variants)
}

func withBases(ctx context.Context, db postgres.DB, list []Exported, variants []uuid.UUID) error {
	book, err := price.Open(ctx, db, variants)
	if err != nil {
		return err
	}
	for i := range list {
		list[i].Bases = make([][]price.Price, len(list[i].Variants))
		for n, v := range list[i].Variants {
			list[i].Bases[n] = book.Bases(*v.ID)
		}
	}
	return nil
}

const exportFromSQL = `
select f.id
from (
    select id, 1 as place from catalog.products where slug = @ref and deleted_at is null
    union all
    select product_id, 2 from catalog.variants where sku = @ref
    union all
    select product_id, 3 from catalog.old_slugs where slug = @ref
    union all
    select id, 4 from catalog.products where slug = @ref and deleted_at is not null
) f
order by f.place
limit 1`

// ExportFrom is the id that an export goes on after: ref is an id, or a slug or
// SKU of the product that came last, also one it has no more.
func ExportFrom(ctx context.Context, db postgres.DB, ref string) (uuid.UUID, error) {
	if id, err := uuid.Parse(ref); ref == "" || err == nil && len(ref) == 36 {
		return id, nil
	}
	var id uuid.UUID
	err := db.QueryRow(ctx, exportFromSQL, pgx.NamedArgs{"ref": ref}).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return id, fault.InvalidInput(fault.Field{Pointer: "/after", In: "query", Code: "unknown_product", Detail: "an id, slug or SKU that a product has or had"})
	}
	if err != nil {
		return id, fmt.Errorf("export after %.64s: %w", ref, err)
	}
	return id, nil
}
