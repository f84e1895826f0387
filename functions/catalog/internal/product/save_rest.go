package product

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/functions/catalog/internal/listing"
	"github.com/mallhive/product-service/functions/catalog/internal/price"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
)

// writeRest brings everything that hangs on the products up to date.
func writeRest(ctx context.Context, tx pgx.Tx, plans []plan, prices *price.Book) error {
	if err := writeVariants(ctx, tx, plans); err != nil {
		return err
	}
	places := make([]category.Place, len(plans))
	for i, p := range plans {
		places[i] = category.Place{ProductID: p.id, Categories: p.places, New: p.old == nil}
	}
	positions, err := category.Assign(ctx, tx, places)
	if err != nil {
		return err
	}
	for i := range plans {
		plans[i].positions = positions[plans[i].id]
	}
	spans, err := writePrices(ctx, tx, plans, prices)
	if err != nil {
		return err
	}
	f := finished{spans: spans}
	for _, p := range plans {
		if p.known != nil {
			f.stems = &p.known.stems
		}
		f.touched = append(f.touched, p.id)
		if p.old != nil {
			f.cleared = append(f.cleared, p.id)
		}
		if p.doc.Status == Active {
			f.pages = append(f.pages, p.page())
		}
		if p.doc.Status == Active && len(p.doc.Variants) > 0 {
			f.entries = append(f.entries, p.entry())
		}
	}
	if f.states, err = states(plans); err != nil {
		return err
	}
	if f.prices, err = priceEvents(prices.Told(), plans); err != nil {
		return err
	}
	return finish(ctx, tx, f)
}

// The owner is compared here, where the unique SKU makes rivals wait.
const variantsSQL = `
insert into catalog.variants (id, product_id, sku, position, mpn, gtins, options, weight_grams)
select id, product_id, sku, position, nullif(mpn, ''), string_to_array(gtins, ' '), options::jsonb, weight_grams
from unnest(
    @ids::uuid[], @products::uuid[], @skus::text[], @positions::smallint[],
    @mpns::text[], @gtins::text[], @options::text[], @weights::integer[]
) as r (id, product_id, sku, position, mpn, gtins, options, weight_grams)
order by sku
on conflict (sku) do update
set position = excluded.position,
    mpn = excluded.mpn,
    gtins = excluded.gtins,
    options = excluded.options,
    weight_grams = excluded.weight_grams,
    removed_at = null
where variants.product_id = excluded.product_id`

const removeVariantsSQL = `
update catalog.variants
set removed_at = now()
where product_id = any(@products)
    and id <> all(@kept)
    and removed_at is null`

// variantColumns is rows of variants, column by column.
type variantColumns struct {
	ids, products  []uuid.UUID
	skus, mpns     []string
	gtins, options []string
	positions      []int16
	weights        []*int32
}

func (c *variantColumns) add(product uuid.UUID, position int, v Variant) error {
	options := "{}"
	if len(v.Options) > 0 {
		b, err := json.Marshal(v.Options)
		if err != nil {
			return err
		}
		options = string(b)
	}
	c.ids, c.products, c.skus = append(c.ids, *v.ID), append(c.products, product), append(c.skus, v.SKU)
	c.positions = append(c.positions, int16(position)) //nolint:gosec // at most 500
	c.mpns, c.gtins = append(c.mpns, v.MPN), append(c.gtins, strings.Join(v.GTINs, " "))
	c.options, c.weights = append(c.options, options), append(c.weights, v.WeightGrams)
	return nil
}

func (c *variantColumns) args() pgx.NamedArgs {
	return pgx.NamedArgs{
		"ids": c.ids, "products": c.products, "skus": c.skus, "positions": c.positions,
		"mpns": c.mpns, "gtins": c.gtins, "options": c.options, "weights": c.weights,
	}
}

func writeVariants(ctx context.Context, tx pgx.Tx, plans []plan) error {
	var rows variantColumns
	var changed []uuid.UUID
	kept := []uuid.UUID{}
	for _, p := range plans {
		for i, v := range p.doc.Variants {
			if err := rows.add(p.id, i, v); err != nil {
				return fmt.Errorf("write variants: %w", err)
			}
			if p.old != nil {
				kept = append(kept, *v.ID)
			}
		}
		if p.old != nil {
			changed = append(changed, p.id)
		}
	}
	written, err := tx.Exec(ctx, variantsSQL, rows.args())
	if err != nil {
		return fmt.Errorf("write variants: %w", err)
	}
	if written.RowsAffected() != int64(len(rows.ids)) {
		return fault.Clash("duplicate", "a SKU was taken by another product meanwhile")
	}
	if len(changed) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, removeVariantsSQL, pgx.NamedArgs{"products": changed, "kept": kept}); err != nil {
		return fmt.Errorf("remove variants: %w", err)
	}
	return nil
}

func (p plan) entry() listing.Entry {
	d := p.doc
	e := listing.Entry{
		ProductID: p.id, Name: d.Name, Description: d.Description, Categories: p.places, Positions: p.positions, Attributes: d.Attributes,
		Featured: d.Featured, PublishedAt: *d.PublishedAt, VisibleFrom: d.PublishAt, VisibleUntil: d.UnpublishAt,
		Learned: p.known != nil,
	}
	if d.Brand != nil {
		e.Brand = *d.Brand
	}
	for _, v := range d.Variants {
		e.Variants = append(e.Variants, listing.Variant{ID: *v.ID, SKU: v.SKU, MPN: v.MPN, GTINs: v.GTINs, Options: v.Options})
	}
	return e
}

// states is what a write tells of its products.
func states(plans []plan) ([]event.Event, error) {
	list := make([]event.Event, len(plans))
	for i, p := range plans {
		typ := event.ProductUpdated
		if p.old == nil {
			typ = event.ProductCreated
		}
		var err error
		if list[i], err = stateEvent(typ, p.id); err != nil {
			return nil, err
		}
	}
	return list, nil
}
