package category

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/outbox"
)

const occupantsSQL = `
select
    (select count(*) from catalog.categories where parent_id = @id) as children,
    (select count(*) from catalog.product_categories where category_id = @id) as products`

const moveChildrenSQL = `
update catalog.categories
set parent_id = @to,
    version = version + 1,
    updated_at = now()
where parent_id = @id
returning slug`

// A product that stands in both already keeps its place in the other.
const moveProductsSQL = `
with gone as (
    delete from catalog.product_categories
    where category_id = @id
    returning product_id, ordinal
), moved as (
    insert into catalog.product_categories (product_id, category_id, ordinal)
    select product_id, @to, ordinal from gone
    on conflict (product_id, category_id) do nothing
)
select product_id from gone`

const deleteSQL = `
delete from catalog.categories
where id = @id`

// Delete removes a category. One with children or products is a conflict,
// unless reassignTo names the category that takes them over; moved then
// brings the products that changed hands up to date.
func Delete(ctx context.Context, tx pgx.Tx, slug, reassignTo string, allow func(current *int64) error,
	moved func(ctx context.Context, tx pgx.Tx, products []uuid.UUID) error,
) error {
	if _, err := tx.Exec(ctx, lockTreeSQL); err != nil {
		return fmt.Errorf("lock the category tree: %w", err)
	}
	old, err := Get(ctx, tx, slug)
	if err != nil {
		return err
	}
	if err := allow(&old.Version); err != nil {
		return err
	}
	if err := vacate(ctx, tx, old, reassignTo, moved); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, deleteSQL, pgx.NamedArgs{"id": old.ID}); err != nil {
		return fmt.Errorf("delete category %s: %w", slug, err)
	}
	e, err := event.New(event.CategoryChanged, event.FromCatalog, old.ID.String(), event.CategoryData{
		ID: old.ID.String(), Change: "deleted", Slug: old.Slug, Name: old.Name, Parent: old.Parent,
	})
	if err != nil {
		return err
	}
	return outbox.Append(ctx, tx, e)
}

func vacate(ctx context.Context, tx pgx.Tx, old Stored, reassignTo string,
	moved func(ctx context.Context, tx pgx.Tx, products []uuid.UUID) error,
) error {
	var children, products int64
	if err := tx.QueryRow(ctx, occupantsSQL, pgx.NamedArgs{"id": old.ID}).Scan(&children, &products); err != nil {
		return fmt.Errorf("look into category %s: %w", old.Slug, err)
	}
	if children == 0 && products == 0 {
		return nil
	}
	if reassignTo == "" {
		return fault.Clash("not_empty", "it has %d categories and %d products; reassign_to names the category that takes them over", children, products)
	}
	to, err := heir(ctx, tx, old, reassignTo)
	if err != nil {
		return err
	}
	if err := adopt(ctx, tx, old.ID, to); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, moveProductsSQL, pgx.NamedArgs{"id": old.ID, "to": to})
	if err != nil {
		return fmt.Errorf("move products of %s: %w", old.Slug, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return fmt.Errorf("move products of %s: %w", old.Slug, err)
	}
	return moved(ctx, tx, ids)
}

// heir is the category that takes over: neither the one that goes nor one
// below it.
func heir(ctx context.Context, tx pgx.Tx, old Stored, slug string) (uuid.UUID, error) {
	wrong := func(detail string) error {
		return fault.InvalidInput(fault.Field{Pointer: "/reassign_to", In: "query", Code: "unknown_category", Detail: detail})
	}
	ids, err := IDs(ctx, tx, []string{slug})
	if err != nil {
		return uuid.Nil, err
	}
	to, exists := ids[slug]
	if !exists {
		return uuid.Nil, wrong("there is no such category")
	}
	below, err := Descendants(ctx, tx, old.Slug)
	if err != nil {
		return uuid.Nil, err
	}
	for _, id := range below {
		if id == to {
			return uuid.Nil, wrong("it is the category that goes, or stands below it")
		}
	}
	return to, nil
}

func adopt(ctx context.Context, tx pgx.Tx, from, to uuid.UUID) error {
	rows, err := tx.Query(ctx, moveChildrenSQL, pgx.NamedArgs{"id": from, "to": to})
	if err != nil {
		return fmt.Errorf("move categories: %w", err)
	}
	slugs, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("move categories: %w", err)
	}
	for _, s := range slugs {
		if err := tell(ctx, tx, s, "updated"); err != nil {
			return err
		}
	}
	return nil
}
