package category

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	names "github.com/mallhive/product-service/functions/catalog/internal/slug"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Moved is the answer to a slug that its category no longer has.
type Moved struct{ Slug string }

func (m *Moved) Error() string { return "the category is now at " + m.Slug }

const ledToSQL = `
select c.slug
from catalog.old_category_slugs o
join catalog.categories c on c.id = o.category_id
where o.slug = @slug`

// missing is why there is no category with this slug.
func missing(ctx context.Context, db postgres.DB, slug string) error {
	if !names.Valid(slug) {
		return fault.Missing("there is no such category")
	}
	var now string
	err := db.QueryRow(ctx, ledToSQL, pgx.NamedArgs{"slug": slug}).Scan(&now)
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.Missing("there is no category %s", slug)
	}
	if err != nil {
		return fmt.Errorf("old slug %s: %w", slug, err)
	}
	return &Moved{Slug: now}
}

// A slug in use again no longer leads elsewhere.
const reuseSlugSQL = `
delete from catalog.old_category_slugs
where slug = @slug`

const keepSlugSQL = `
insert into catalog.old_category_slugs (slug, category_id)
values (@slug, @id)
on conflict (slug) do update
set category_id = excluded.category_id,
    created_at = now()`

const inheritSlugsSQL = `
update catalog.old_category_slugs
set category_id = @to
where category_id = @from`

// bequeath lets all slugs of a category that goes lead to the one that takes
// over.
func bequeath(ctx context.Context, tx pgx.Tx, old Category, to uuid.UUID) error {
	batch := &pgx.Batch{}
	batch.Queue(inheritSlugsSQL, pgx.NamedArgs{"from": old.ID, "to": to})
	batch.Queue(keepSlugSQL, pgx.NamedArgs{"slug": old.Slug, "id": to})
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("old slugs of %s: %w", old.Slug, err)
	}
	return nil
}
