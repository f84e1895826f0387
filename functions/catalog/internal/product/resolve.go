package product

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

const resolveSQL = `
select coalesce(
    (select p.id from catalog.products p where p.id = r.id and p.deleted_at is null),
    (select p.id
        from catalog.variants v
        join catalog.products p on p.id = v.product_id
        where v.sku = r.ref
            and v.removed_at is null
            and p.deleted_at is null),
    (select p.id from catalog.products p where p.slug = r.ref and p.deleted_at is null))
from unnest(@refs::text[], @ids::uuid[]) with ordinality as r (ref, id, ordinal)
order by r.ordinal`

// Resolve is the products that refs name, each as id, then SKU, then slug, nil
// for those that name none, whatever visitors may see of them.
func Resolve(ctx context.Context, db postgres.DB, refs []string) ([]*uuid.UUID, error) {
	ids := make([]*uuid.UUID, len(refs))
	for i, ref := range refs {
		if id, err := uuid.Parse(ref); err == nil && len(ref) == 36 {
			ids[i] = &id
		}
	}
	rows, err := db.Query(ctx, resolveSQL, pgx.NamedArgs{"refs": refs, "ids": ids})
	if err != nil {
		return nil, fmt.Errorf("resolve %d products: %w", len(refs), err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[*uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("resolve %d products: %w", len(refs), err)
	}
	return found, nil
}
