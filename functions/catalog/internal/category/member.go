package category

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	names "github.com/mallhive/product-service/functions/catalog/internal/slug"
	"github.com/mallhive/product-service/shared/postgres"
)

const idsSQL = `
select slug, id
from catalog.categories
where slug = any(@slugs)`

// IDs resolves those of the slugs that exist.
func IDs(ctx context.Context, db postgres.DB, slugs []string) (map[string]uuid.UUID, error) {
	found := make(map[string]uuid.UUID, len(slugs))
	slugs = slices.DeleteFunc(slices.Clone(slugs), func(s string) bool { return !names.Valid(s) })
	if len(slugs) == 0 {
		return found, nil
	}
	rows, err := db.Query(ctx, idsSQL, pgx.NamedArgs{"slugs": slugs})
	if err != nil {
		return nil, fmt.Errorf("category ids: %w", err)
	}
	var slug string
	var id uuid.UUID
	_, err = pgx.ForEachRow(rows, []any{&slug, &id}, func() error {
		found[slug] = id
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("category ids: %w", err)
	}
	return found, nil
}

// Place is one product's categories, in the product's order.
type Place struct {
	ProductID  uuid.UUID   `json:"product_id"`
	Categories []uuid.UUID `json:"categories"`
}

const leaveSQL = `
delete from catalog.product_categories pc
using json_to_recordset(@rows) as r (product_id uuid, categories uuid[])
where pc.product_id = r.product_id
    and pc.category_id <> all(r.categories)`

const enterSQL = `
insert into catalog.product_categories (product_id, category_id, ordinal)
select r.product_id, c.id, c.ordinal
from json_to_recordset(@rows) as r (product_id uuid, categories uuid[])
cross join unnest(r.categories) with ordinality as c (id, ordinal)
on conflict (product_id, category_id) do update
set ordinal = excluded.ordinal`

// Assign makes these the categories of the products. Positions that were given
// by hand stay with the categories a product keeps.
func Assign(ctx context.Context, tx pgx.Tx, places []Place) error {
	if len(places) == 0 {
		return nil
	}
	rows, err := json.Marshal(places)
	if err != nil {
		return fmt.Errorf("assign categories: %w", err)
	}
	batch := &pgx.Batch{}
	batch.Queue(leaveSQL, pgx.NamedArgs{"rows": string(rows)})
	batch.Queue(enterSQL, pgx.NamedArgs{"rows": string(rows)})
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("assign categories: %w", err)
	}
	return nil
}
