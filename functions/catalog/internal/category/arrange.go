package category

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/fault"
)

const placedSQL = `
select product_id
from catalog.product_categories
where category_id = @id
    and position is not null`

const membersSQL = `
select product_id
from catalog.product_categories
where category_id = @id
    and product_id = any(@products)`

const arrangeSQL = `
update catalog.product_categories pc
set position = a.position
from catalog.product_categories o
left join unnest(@products::uuid[]) with ordinality as a (id, position) on a.id = o.product_id
where o.category_id = @id
    and o.product_id = any(@touched)
    and pc.category_id = o.category_id
    and pc.product_id = o.product_id
    and pc.position is distinct from a.position
returning pc.product_id`

const touchSQL = `
update catalog.categories
set version = version + 1,
    updated_at = now()
where id = @id`

// Arrange gives these products of a category the first places in it, in this
// order, which no other product of it has then. Each must stand in the category
// itself; what is wrong with one is told by its index.
func Arrange(ctx context.Context, tx pgx.Tx, ref string, products []uuid.UUID, allow Allow, members Members) error {
	c, err := locked(ctx, tx, ref)
	if err != nil {
		return err
	}
	if c == nil {
		return missing(ctx, tx, ref)
	}
	if err := allow(&c.Version); err != nil {
		return err
	}
	touched, err := collect(ctx, tx, placedSQL, pgx.NamedArgs{"id": c.ID})
	if err != nil {
		return err
	}
	touched = append(touched, products...)
	if err := members.Lock(ctx, tx, touched); err != nil {
		return err
	}
	if err := strangers(ctx, tx, *c, products); err != nil {
		return err
	}
	changed, err := collect(ctx, tx, arrangeSQL, pgx.NamedArgs{"id": c.ID, "products": products, "touched": touched})
	if err != nil || len(changed) == 0 {
		return err
	}
	if _, err := tx.Exec(ctx, touchSQL, pgx.NamedArgs{"id": c.ID}); err != nil {
		return fmt.Errorf("arrange category %s: %w", ref, err)
	}
	if err := members.Refresh(ctx, tx, changed); err != nil {
		return err
	}
	return tell(ctx, tx, "updated", c.Slug)
}

func strangers(ctx context.Context, tx pgx.Tx, c Category, products []uuid.UUID) error {
	within, err := collect(ctx, tx, membersSQL, pgx.NamedArgs{"id": c.ID, "products": products})
	if err != nil {
		return err
	}
	var faults fault.List
	for i, id := range products {
		if !slices.Contains(within, id) {
			faults.Add("/products/"+strconv.Itoa(i), "not_in_category", "the product does not name this category itself")
		}
	}
	return faults.Err()
}
