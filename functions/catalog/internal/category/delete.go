package category

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// movedAtOnce is how many products a deletion moves in one transaction; a
// category with more is emptied in several before it goes.
const movedAtOnce = 1000

// Members is what a category does with its products, which are another
// package's: lock them before any of their rows here, bring them up to date
// after those have changed.
type Members struct {
	Lock    func(ctx context.Context, tx pgx.Tx, products []uuid.UUID) error
	Refresh func(ctx context.Context, tx pgx.Tx, products []uuid.UUID) error
}

// Delete removes a category. One with children or products is a conflict,
// unless reassignTo names the category that takes them over. Very many products
// are moved in several transactions: when that ends early, what is left can be
// moved by the same call.
func Delete(ctx context.Context, db postgres.DB, slug, reassignTo string, allow Allow, members Members) error {
	for done := false; !done; {
		err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
			var err error
			done, err = deleteSome(ctx, tx, slug, reassignTo, allow, members)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Whoever puts a product into a category holds it before any product (IDs), and
// so does this: nothing enters what goes, and nobody waits for each other.
const closeSQL = `
select id
from catalog.categories
where id = @id
for update`

const deleteSQL = `
delete from catalog.categories
where id = @id`

// deleteSome moves some of the products, and when none are left the category
// goes.
func deleteSome(ctx context.Context, tx pgx.Tx, slug, reassignTo string, allow Allow, members Members) (done bool, err error) {
	old, err := locked(ctx, tx, slug)
	if err != nil {
		return false, err
	}
	if old == nil {
		return false, missing(ctx, tx, slug)
	}
	if err := allow(&old.Version); err != nil {
		return false, err
	}
	if _, err := tx.Exec(ctx, closeSQL, pgx.NamedArgs{"id": old.ID}); err != nil {
		return false, fmt.Errorf("close category %s: %w", slug, err)
	}
	if reassignTo == "" {
		if err := empty(ctx, tx, *old); err != nil {
			return false, err
		}
	} else {
		all, err := handOver(ctx, tx, *old, reassignTo, members)
		if err != nil || !all {
			return false, err
		}
	}
	if _, err := tx.Exec(ctx, deleteSQL, pgx.NamedArgs{"id": old.ID}); err != nil {
		return false, fmt.Errorf("delete category %s: %w", slug, err)
	}
	return true, tellDeleted(ctx, tx, *old)
}

const occupantsSQL = `
select
    (select count(*) from catalog.categories where parent_id = @id) as children,
    (select count(*) from catalog.product_categories where category_id = @id) as products`

func empty(ctx context.Context, tx pgx.Tx, old Category) error {
	var children, products int64
	if err := tx.QueryRow(ctx, occupantsSQL, pgx.NamedArgs{"id": old.ID}).Scan(&children, &products); err != nil {
		return fmt.Errorf("look into category %s: %w", old.Slug, err)
	}
	if children > 0 || products > 0 {
		return fault.Clash("not_empty", "it has %d categories and %d products; reassign_to names the category that takes them over", children, products)
	}
	return nil
}

// handOver gives products to the heir; once it has all of them also the
// categories below and the slugs.
func handOver(ctx context.Context, tx pgx.Tx, old Category, reassignTo string, members Members) (all bool, err error) {
	s, err := lookAt(ctx, tx, reassignTo, &old.ID)
	if err != nil {
		return false, err
	}
	wrong := func(code, detail string) error {
		return fault.InvalidInput(fault.Field{Pointer: "/reassign_to", In: "query", Code: code, Detail: detail})
	}
	switch {
	case s.Parent == nil:
		return false, wrong("unknown_category", "there is no such category")
	case s.Cycle:
		return false, wrong("cycle", "it is the category that goes, or stands below it")
	case s.Depth-1 > MaxDepth: // without the level that goes
		return false, wrong("too_deep", "the tree would have too many levels there")
	}
	moved, err := moveProducts(ctx, tx, old, *s.Parent, members)
	if err != nil || moved == movedAtOnce {
		return false, err
	}
	if err := adopt(ctx, tx, old, *s.Parent); err != nil {
		return false, err
	}
	return true, bequeath(ctx, tx, old, *s.Parent)
}

const someProductsSQL = `
select product_id
from catalog.product_categories
where category_id = @id
order by product_id
limit @limit`

// A product that stands in both already keeps its place in the other.
const moveProductsSQL = `
with gone as (
    delete from catalog.product_categories
    where category_id = @id
        and product_id = any(@products)
    returning product_id, ordinal
), moved as (
    insert into catalog.product_categories (product_id, category_id, ordinal)
    select product_id, @to, ordinal from gone
    on conflict (product_id, category_id) do nothing
)
select product_id from gone`

func moveProducts(ctx context.Context, tx pgx.Tx, old Category, to uuid.UUID, members Members) (int, error) {
	products, err := collect(ctx, tx, someProductsSQL, pgx.NamedArgs{"id": old.ID, "limit": movedAtOnce})
	if err != nil || len(products) == 0 {
		return 0, err
	}
	if err := members.Lock(ctx, tx, products); err != nil {
		return 0, err
	}
	moved, err := collect(ctx, tx, moveProductsSQL, pgx.NamedArgs{"id": old.ID, "to": to, "products": products})
	if err != nil {
		return 0, err
	}
	return len(products), members.Refresh(ctx, tx, moved)
}

func collect(ctx context.Context, tx pgx.Tx, sql string, args pgx.NamedArgs) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, sql, args)
	if err != nil {
		return nil, fmt.Errorf("products of a category: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("products of a category: %w", err)
	}
	return ids, nil
}

const moveChildrenSQL = `
update catalog.categories
set parent_id = @to,
    version = version + 1,
    updated_at = now()
where parent_id = @id
returning slug`

func adopt(ctx context.Context, tx pgx.Tx, old Category, to uuid.UUID) error {
	rows, err := tx.Query(ctx, moveChildrenSQL, pgx.NamedArgs{"id": old.ID, "to": to})
	if err != nil {
		return fmt.Errorf("move categories below %s: %w", old.Slug, err)
	}
	slugs, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("move categories below %s: %w", old.Slug, err)
	}
	return tell(ctx, tx, "updated", slugs...)
}
