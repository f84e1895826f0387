package product

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

const lockOneSQL = `
select version
from catalog.products
where id = @id
    and deleted_at is null
for update`

const deleteSQL = `
update catalog.products
set deleted_at = now(),
    updated_at = now(),
    version = version + 1
where id = @id`

// Delete takes a product out of the catalog. Its row, its variants and their
// prices stay: a SKU belongs to its product for ever.
func Delete(ctx context.Context, db postgres.DB, id uuid.UUID, allow func(current *int64) error) error {
	return postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		if err := lockOne(ctx, tx, id, allow); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, deleteSQL, pgx.NamedArgs{"id": id}); err != nil {
			return fmt.Errorf("delete product %s: %w", id, err)
		}
		e, err := stateEvent(event.ProductDeleted, id)
		if err != nil {
			return err
		}
		one := []uuid.UUID{id}
		return finish(ctx, tx, finished{touched: one, cleared: one, states: []event.Event{e}})
	})
}

// lockOne takes a live product and asks whether its version is the one the
// caller means.
func lockOne(ctx context.Context, tx pgx.Tx, id uuid.UUID, allow func(current *int64) error) error {
	var version int64
	err := tx.QueryRow(ctx, lockOneSQL, pgx.NamedArgs{"id": id}).Scan(&version)
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.Deleted("the product is deleted")
	}
	if err != nil {
		return fmt.Errorf("lock product %s: %w", id, err)
	}
	return allow(&version)
}
