package availability

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/postgres"
)

// facts are what was found of some SKUs. Many callers look at the same ones:
// they are not changed.
type facts struct {
	offers map[string]offer
	stocks map[string]stock.Total
}

type offer struct {
	SKU      string
	Name     string
	Status   string
	Sellable bool
	Amount   *int64
}

const readOffers = `
	select
		sku,
		name,
		status,
		sellable,
		(
			select p.amount
			from catalog.prices_now p
			where p.variant_id = v.variant_id and p.currency = $2
		)
	from catalog.variants_now v
	where sku = any($1)`

// read asks for both at once: one round trip.
func read(ctx context.Context, db postgres.DB, c cart) (facts, error) {
	found := facts{offers: make(map[string]offer, len(c.skus)), stocks: make(map[string]stock.Total, len(c.skus))}
	batch := &pgx.Batch{}
	batch.Queue(readOffers, c.skus, c.currency).Query(func(rows pgx.Rows) error {
		var o offer
		_, err := pgx.ForEachRow(rows, []any{&o.SKU, &o.Name, &o.Status, &o.Sellable, &o.Amount}, func() error {
			found.offers[o.SKU] = o
			return nil
		})
		return err
	})
	stock.QueueTotals(batch, c.skus, c.most, found.stocks)
	return found, db.SendBatch(ctx, batch).Close()
}
