package product

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/feed"
	"github.com/mallhive/product-service/functions/catalog/internal/listing"
	"github.com/mallhive/product-service/functions/catalog/internal/price"
	"github.com/mallhive/product-service/functions/catalog/internal/search"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
)

// finished is what a write leaves to be done once its rows are written.
type finished struct {
	touched  []uuid.UUID     // products whose version has changed
	cleared  []uuid.UUID     // of those, the ones that may be listed already
	entries  []listing.Entry // of those, the ones that are listed now
	pages    []page          // of those, the ones that may be shown
	repriced []uuid.UUID     // variants that only cost something else
	spans    []price.Span    // what variants of pages and repriced cost
	states   []event.Event   // that products changed
	prices   []event.Event   // that prices did
	stems    *search.Stems   // nil, or from the writes before
}

// finish is the end of every write of products: what readers find is brought
// up to date, then the change is told.
func finish(ctx context.Context, tx pgx.Tx, f finished) error {
	if len(f.repriced) > 0 {
		if err := listing.WritePrices(ctx, tx, f.touched, f.repriced, f.spans); err != nil {
			return err
		}
		if err := repricePages(ctx, tx, f.touched); err != nil {
			return err
		}
	} else if err := f.replace(ctx, tx); err != nil {
		return err
	}
	if err := outbox.AppendState(ctx, tx, f.states...); err != nil {
		return err
	}
	if err := outbox.Append(ctx, tx, f.prices...); err != nil {
		return err
	}
	skus := make([]string, len(f.prices))
	for i, e := range f.prices {
		skus[i] = e.Subject
	}
	return feed.AppendPrices(ctx, tx, skus...)
}

// replace brings up to date all that readers find of the products.
func (f finished) replace(ctx context.Context, tx pgx.Tx) error {
	if err := listing.Write(ctx, tx, f.cleared, f.entries, f.spans); err != nil {
		return err
	}
	if err := search.Write(ctx, tx, f.cleared, searched(f.entries), f.stems); err != nil {
		return err
	}
	return writePages(ctx, tx, f.cleared, f.pages, f.spans)
}

// searched is products as search sees them.
func searched(entries []listing.Entry) []search.Entry {
	list := make([]search.Entry, len(entries))
	for i, e := range entries {
		s := search.Entry{
			ProductID: e.ProductID, Name: e.Name, Brand: e.Brand, Description: e.Description, Attributes: e.Attributes,
			VisibleFrom: e.VisibleFrom, VisibleUntil: e.VisibleUntil, Learned: e.Learned,
		}
		for _, v := range e.Variants {
			for _, value := range v.Options {
				s.Options = append(s.Options, value)
			}
			s.Codes = append(append(s.Codes, v.SKU), v.GTINs...)
			s.PartNumbers = append(s.PartNumbers, v.MPN)
		}
		list[i] = s
	}
	return list
}

// stateEvent says that a product is another one now.
func stateEvent(typ string, product uuid.UUID) (event.Event, error) {
	return event.New(typ, event.FromCatalog, product.String(), nil)
}
