package product

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/price"
	"github.com/mallhive/product-service/shared/event"
)

// priceChange is a base price that a document asks for.
type priceChange struct {
	variant uuid.UUID
	price   price.Price
}

// costs reports whether a price in a document is the one that holds. Documents
// speak of base prices; but one that was read while a sale runs shows the sale,
// and may be written back as it is.
func (s *scene) costs(variant uuid.UUID, wanted price.Price) bool {
	currency := wanted.Price.Currency
	if base, priced := s.prices.Base(variant, currency); priced && base.Same(wanted) {
		return true
	}
	paid, priced := s.prices.Paid(variant, currency)
	return priced && paid.Same(wanted)
}

// writePrices begins the new prices and returns what every listed variant
// costs from now on.
func writePrices(ctx context.Context, tx pgx.Tx, plans []plan, book *price.Book) ([]price.Span, error) {
	var listed []uuid.UUID
	for _, p := range plans {
		for _, c := range p.changes {
			if _, err := book.Set(c.variant, c.price, nil); err != nil {
				return nil, err
			}
		}
		if p.doc.Status != Active {
			continue
		}
		for _, v := range p.doc.Variants {
			listed = append(listed, *v.ID)
		}
	}
	if err := book.Write(ctx, tx); err != nil {
		return nil, err
	}
	return book.Spans(listed), nil
}

// priceEvents tells of prices; those that a product begins with are in its own
// event.
func priceEvents(told []price.Row, plans []plan) ([]event.Event, error) {
	if len(told) == 0 {
		return nil, nil
	}
	type owner struct {
		sku     string
		product uuid.UUID
	}
	owners := map[uuid.UUID]owner{}
	for _, p := range plans {
		if p.old == nil {
			continue
		}
		for _, v := range p.doc.Variants {
			owners[*v.ID] = owner{sku: v.SKU, product: p.id}
		}
	}
	var events []event.Event
	for _, row := range told {
		o, known := owners[row.VariantID]
		if !known {
			continue
		}
		e, err := price.Changed(o.sku, o.product, row)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}
