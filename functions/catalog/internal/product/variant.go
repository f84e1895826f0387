package product

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/price"
	"github.com/mallhive/product-service/shared/event"
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

const touchSQL = `
update catalog.products
set version = version + 1,
    updated_at = now()
where id = @id`

// SetPrice makes these the base prices of a variant from now on; currencies
// that are not named keep theirs. Prices that hold already change nothing.
func SetPrice(ctx context.Context, db postgres.DB, sku string, prices []price.Price, allow func(current *int64) error) error {
	product, variant, err := Owner(ctx, db, sku)
	if err != nil {
		return err
	}
	return postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		if err := lockOne(ctx, tx, product, allow); err != nil {
			return err
		}
		now, err := price.Now(ctx, tx, []uuid.UUID{variant})
		if err != nil {
			return err
		}
		p := plan{id: product, doc: Document{Variants: []Variant{{ID: &variant, SKU: sku, Prices: prices}}}, old: &stored{}}
		for _, wanted := range prices {
			if err := p.change(variant, wanted, now.Of[variant]); err != nil {
				return err
			}
		}
		if len(p.changes) == 0 {
			return nil
		}
		return p.writePrice(ctx, tx, variant, now)
	})
}

func (p plan) writePrice(ctx context.Context, tx pgx.Tx, variant uuid.UUID, now price.Current) error {
	if err := price.Set(ctx, tx, now.At, p.changes, false); err != nil {
		return err
	}
	spans, err := price.Spans(ctx, tx, now.At, []uuid.UUID{variant})
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, touchSQL, pgx.NamedArgs{"id": p.id}); err != nil {
		return fmt.Errorf("touch product %s: %w", p.id, err)
	}
	prices, err := p.priceEvents(now.At)
	if err != nil {
		return err
	}
	updated, err := stateEvent(event.ProductUpdated, p.id)
	if err != nil {
		return err
	}
	return finish(ctx, tx, finished{
		touched: []uuid.UUID{p.id}, repriced: []uuid.UUID{variant}, spans: spans,
		states: []event.Event{updated}, prices: prices,
	})
}
