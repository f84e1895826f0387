package product

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

const ownerSQL = `
select id, product_id
from catalog.variants
where sku = @sku
    and removed_at is null`

// Owner is the product that a SKU belongs to, and its variant there.
func Owner(ctx context.Context, db postgres.DB, sku string) (product, variant uuid.UUID, err error) {
	if !ValidSKU(sku) {
		return product, variant, fault.Missing("there is no such variant")
	}
	err = db.QueryRow(ctx, ownerSQL, pgx.NamedArgs{"sku": sku}).Scan(&variant, &product)
	if errors.Is(err, pgx.ErrNoRows) {
		return product, variant, fault.Missing("there is no such variant")
	}
	if err != nil {
		return product, variant, fmt.Errorf("variant %.64s: %w", sku, err)
	}
	return product, variant, nil
}

const shownVariantSQL = `
select v.id,` + stateColumn + `
from catalog.variants v
join catalog.products p on p.id = v.product_id
where v.sku = @sku
    and v.removed_at is null`

// ShownVariant is the variant of a SKU whose product a visitor sees, or, with
// drafts, whatever its status.
func ShownVariant(ctx context.Context, db postgres.DB, sku string, drafts bool) (variant uuid.UUID, err error) {
	if !ValidSKU(sku) {
		return variant, fault.Missing("there is no such variant")
	}
	var state string
	err = db.QueryRow(ctx, shownVariantSQL, pgx.NamedArgs{"sku": sku}).Scan(&variant, &state)
	if errors.Is(err, pgx.ErrNoRows) {
		return variant, fault.Missing("there is no such variant")
	}
	if err != nil {
		return variant, fmt.Errorf("variant %.64s: %w", sku, err)
	}
	return variant, seen(state, drafts)
}
