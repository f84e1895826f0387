package interaction

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/event"
)

const lookupSQL = `
select '' as sku, p.product_id
from catalog.known_products p
where p.product_id = any(@products::uuid[])
union all
select s.sku, s.product_id
from catalog.known_skus s
where s.sku = any(@skus::text[])`

// found is which products and SKUs the catalog has; nil when nobody knows.
type found struct {
	products map[uuid.UUID]bool
	skus     map[string]uuid.UUID
}

// lookup asks the catalog about all items at once. An error is no reason to
// drop them: they go on unchecked.
func (t *Intake) lookup(ctx context.Context, items []Interaction) (*found, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupLimit)
	defer cancel()
	products, skus := map[uuid.UUID]bool{}, map[string]bool{}
	for _, item := range items {
		if id, err := uuid.Parse(item.ProductID); err == nil {
			products[id] = true
		} else if item.ProductID == "" {
			skus[item.SKU] = true
		}
	}
	f := &found{products: map[uuid.UUID]bool{}, skus: map[string]uuid.UUID{}}
	if len(products)+len(skus) == 0 {
		return f, nil
	}
	rows, err := t.DB.Query(ctx, lookupSQL, pgx.NamedArgs{"products": keys(products), "skus": keys(skus)})
	if err == nil {
		var sku string
		var product uuid.UUID
		_, err = pgx.ForEachRow(rows, []any{&sku, &product}, func() error {
			if sku == "" {
				f.products[product] = true
			} else {
				f.skus[sku] = product
			}
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("look up the products of interactions: %w", err)
	}
	return f, nil
}

// mark says in the data whether the product is known, and names it by id when
// only its SKU was given.
func (f *found) mark(item Interaction, data *event.InteractionData) {
	if f == nil {
		return
	}
	known := false
	if item.ProductID != "" {
		id, err := uuid.Parse(item.ProductID)
		known = err == nil && f.products[id]
	} else if id, ok := f.skus[item.SKU]; ok {
		known = true
		text := id.String()
		data.ProductID = &text
	}
	data.ProductKnown = &known
}

func keys[K comparable](set map[K]bool) []K {
	list := make([]K, 0, len(set))
	for k := range set {
		list = append(list, k)
	}
	return list
}
