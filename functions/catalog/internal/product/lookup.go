package product

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

const lookupSQL = `
with asked as (
    select r.ordinal, coalesce(
        (select p.id from catalog.products p where p.id = r.id),
        (select v.product_id from catalog.variants v where v.sku = r.ref and v.removed_at is null),
        (select p.id from catalog.products p where p.slug = r.ref and p.deleted_at is null)) as id
    from unnest(@refs::text[], @ids::uuid[]) with ordinality as r (ref, id, ordinal)
), shown as (` + viewColumns + `
    where p.id in (select a.id from asked a)
)
select a.ordinal, s.id, s.state, s.document, s.availability
from asked a
join shown s on s.id = a.id
order by a.ordinal`

// Lookup reads the products that refs name, each as id, then SKU, then slug,
// in the order asked; missing is the refs that name nothing the caller may see.
func Lookup(ctx context.Context, db postgres.DB, refs []string, drafts bool) (found []Document, missing []string, err error) {
	ids := make([]*uuid.UUID, len(refs))
	for i, ref := range refs {
		if id, err := uuid.Parse(ref); err == nil && len(ref) == 36 {
			ids[i] = &id
		}
	}
	rows, err := db.Query(ctx, lookupSQL, pgx.NamedArgs{"refs": refs, "ids": ids})
	if err != nil {
		return nil, nil, fmt.Errorf("look up %d products: %w", len(refs), err)
	}
	type hit struct {
		Ordinal int64
		view
	}
	hits, err := pgx.CollectRows(rows, pgx.RowToStructByName[hit])
	if err != nil {
		return nil, nil, fmt.Errorf("look up %d products: %w", len(refs), err)
	}
	found, missing = []Document{}, []string{}
	for i, ref := range refs {
		if len(hits) == 0 || hits[0].Ordinal != int64(i)+1 {
			missing = append(missing, ref)
			continue
		}
		v := hits[0].view
		hits = hits[1:]
		if v.State != visible && (!drafts || v.State == deleted) {
			missing = append(missing, ref)
			continue
		}
		d, err := v.read()
		if err != nil {
			return nil, nil, err
		}
		found = append(found, d)
	}
	return found, missing, nil
}
