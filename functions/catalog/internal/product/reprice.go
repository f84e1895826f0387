package product

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/price"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
)

// PriceIntent is one price of a variant to set, schedule or take back.
type PriceIntent struct {
	SKU      string
	Kind     string // price.Base or price.Sale
	Price    price.Price
	StartsAt *time.Time // nil: now
	EndsAt   *time.Time // of a sale; nil: never
	Again    bool       // a sale that is there already is unchanged, not a conflict
	Withdraw *uuid.UUID // the price to take back, instead of setting one
	// Allow is asked with the version of the variant's product.
	Allow func(current *int64) error
}

// PriceOutcome is what became of a price intent: created, updated or unchanged,
// or a fault that concerns it alone.
type PriceOutcome struct {
	Result  string
	Sale    price.Row
	Version int64 // of the product, after the write
	Fault   error
}

// Reprice changes prices, in a number of statements that does not grow with
// them. Currencies that are not named keep their prices; what holds already is
// unchanged. An error is the database's.
func Reprice(ctx context.Context, tx pgx.Tx, intents []PriceIntent) ([]PriceOutcome, error) {
	sold, err := lockSold(ctx, tx, intents)
	if err != nil {
		return nil, err
	}
	book, err := price.Open(ctx, tx, sold.variants(), starts(intents)...)
	if err != nil {
		return nil, err
	}
	outcomes := make([]PriceOutcome, len(intents))
	for i, in := range intents {
		outcomes[i] = sold.apply(ctx, tx, book, in)
		if f := outcomes[i].Fault; f != nil && fault.As(f).Kind == fault.Internal {
			return nil, f
		}
	}
	if err := book.Write(ctx, tx); err != nil {
		return nil, err
	}
	if err := sold.finish(ctx, tx, book); err != nil {
		return nil, err
	}
	for i, in := range intents {
		if v := sold[in.SKU]; v != nil {
			outcomes[i].Version = v.Version
		}
	}
	return outcomes, nil
}

// starts is when the prices begin that name a time.
func starts(intents []PriceIntent) []time.Time {
	var list []time.Time
	for _, in := range intents {
		if in.StartsAt != nil {
			list = append(list, *in.StartsAt)
		}
	}
	return list
}

// offered is a variant whose product is locked.
type offered struct {
	ID        uuid.UUID
	ProductID uuid.UUID
	SKU       string
	Version   int64 // of the product
	Deleted   bool
	changed   bool
}

// sold is variants by SKU.
type sold map[string]*offered

const soldSQL = `
select v.id, v.product_id, v.sku, p.version, p.deleted_at is not null as deleted
from catalog.variants v
join catalog.products p on p.id = v.product_id
where v.sku = any(@skus)
    and v.removed_at is null`

const lockSoldSQL = `
select id
from catalog.products
where id in (
    select product_id
    from catalog.variants
    where sku = any(@skus))
order by id
for update`

// lockSold takes the products of the variants, always in one order, and then
// reads them.
func lockSold(ctx context.Context, tx pgx.Tx, intents []PriceIntent) (sold, error) {
	found := sold{}
	skus := make([]string, len(intents))
	for i, in := range intents {
		skus[i] = in.SKU
	}
	batch := &pgx.Batch{}
	batch.Queue(lockSoldSQL, pgx.NamedArgs{"skus": skus})
	batch.Queue(soldSQL, pgx.NamedArgs{"skus": skus}).Query(func(rows pgx.Rows) error {
		list, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[offered])
		for _, v := range list {
			found[v.SKU] = v
		}
		return err
	})
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("lock the products of %d variants: %w", len(skus), err)
	}
	return found, nil
}

func (s sold) variants() []uuid.UUID {
	list := make([]uuid.UUID, 0, len(s))
	for _, v := range s {
		list = append(list, v.ID)
	}
	return list
}

// apply judges one intent alone.
func (s sold) apply(ctx context.Context, tx pgx.Tx, book *price.Book, in PriceIntent) (out PriceOutcome) {
	v := s[in.SKU]
	switch {
	case v == nil:
		out.Fault = fault.Missing("there is no such variant")
	case v.Deleted:
		out.Fault = fault.Deleted("the product is deleted")
	default:
		out.Fault = in.Allow(&v.Version)
	}
	if out.Fault != nil {
		return out
	}
	switch {
	case in.Withdraw != nil:
		out.Result, out.Fault = price.Updated, withdraw(ctx, tx, book, v.ID, in)
	case in.Kind == price.Sale:
		out.Sale, out.Result, out.Fault = book.Sell(v.ID, in.Price, in.StartsAt, in.EndsAt, in.Again)
	default:
		out.Result, out.Fault = book.Set(v.ID, in.Price, in.StartsAt)
	}
	v.changed = v.changed || out.Fault == nil && out.Result != price.Unchanged
	return out
}

func withdraw(ctx context.Context, tx pgx.Tx, book *price.Book, variant uuid.UUID, in PriceIntent) error {
	row, err := price.Find(ctx, tx, variant, *in.Withdraw)
	if err != nil {
		return err
	}
	if row.Kind != in.Kind {
		return fault.Missing("the variant has no such %s price", in.Kind)
	}
	return book.Withdraw(row)
}

const touchSQL = `
update catalog.products
set version = version + 1,
    updated_at = now()
where id = any(@ids)`

// finish is the end of the write for the variants that have changed.
func (s sold) finish(ctx context.Context, tx pgx.Tx, book *price.Book) error {
	var f finished
	products, byID := map[uuid.UUID]bool{}, map[uuid.UUID]*offered{}
	for _, v := range s {
		byID[v.ID] = v
		if v.changed {
			f.repriced = append(f.repriced, v.ID)
			products[v.ProductID] = true
		}
	}
	if len(products) == 0 {
		return nil
	}
	for _, v := range s {
		if products[v.ProductID] {
			v.Version++
		}
	}
	for id := range products {
		f.touched = append(f.touched, id)
		e, err := stateEvent(event.ProductUpdated, id)
		if err != nil {
			return err
		}
		f.states = append(f.states, e)
	}
	for _, row := range book.Told() {
		e, err := price.Changed(byID[row.VariantID].SKU, byID[row.VariantID].ProductID, row)
		if err != nil {
			return err
		}
		f.prices = append(f.prices, e)
	}
	f.spans = book.Spans(f.repriced)
	if _, err := tx.Exec(ctx, touchSQL, pgx.NamedArgs{"ids": f.touched}); err != nil {
		return fmt.Errorf("touch %d products: %w", len(f.touched), err)
	}
	return finish(ctx, tx, f)
}
