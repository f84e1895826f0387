package attribute

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

const deleteSQL = `
delete from catalog.attributes
where code = @code`

// Delete removes an attribute that no product and no category's filter list
// names; else it is a conflict.
func Delete(ctx context.Context, tx pgx.Tx, code string, allow func(current *int64) error, used InUse) error {
	if !validCode(code) {
		return fault.Missing("there is no such attribute")
	}
	stored, err := lock(ctx, tx, []Attribute{{Code: code}})
	if err != nil {
		return err
	}
	old, exists := stored[code]
	if !exists {
		return fault.Missing("there is no attribute %s", code)
	}
	if err := allow(&old.Version); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, claimSQL); err != nil {
		return fmt.Errorf("claim attributes: %w", err)
	}
	having, err := used(ctx, tx, []string{code})
	if err != nil {
		return err
	}
	if having[code] {
		return fault.Clash("in_use", "products have values of %s", code)
	}
	_, err = tx.Exec(ctx, deleteSQL, pgx.NamedArgs{"code": code})
	if postgres.IsForeignKey(err, "category_filters_attribute") {
		return fault.Clash("in_use", "a category filters by %s", code)
	}
	if err != nil {
		return fmt.Errorf("delete attribute %s: %w", code, err)
	}
	return nil
}
