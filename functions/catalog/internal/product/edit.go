package product

import (
	"context"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/price"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Edit is a change of one variant of a product.
type Edit struct {
	Product uuid.UUID
	// Allow is asked with the version of the product.
	Allow func(current *int64) error
	// Change changes the variants of the document, in which each shows its base
	// prices, and tells which one it is about; -1 is none that is left.
	Change func(d *Document) (at int, err error)
	// Judge is given the rules that the changed variant breaks.
	Judge func(rules fault.List) error
}

// EditVariants does one edit under the lock of its product: whatever else is
// written meanwhile, no other variant is touched.
func EditVariants(ctx context.Context, db postgres.DB, e Edit) (out Outcome, err error) {
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		if err := lockOne(ctx, tx, e.Product, e.Allow); err != nil {
			return err
		}
		d, err := readBase(ctx, tx, e.Product)
		if err != nil {
			return err
		}
		at, err := e.Change(&d)
		if err != nil {
			return err
		}
		for i := range d.Variants {
			if i != at {
				d.Variants[i].dropPrices()
			}
		}
		d.Normalise()
		// What else there is in the product was judged when it was written.
		rules, _ := about(at, d.Check())
		if err := e.Judge(rules); err != nil {
			return err
		}
		outcomes, err := SaveAll(ctx, tx, []Intent{{Doc: d, Target: &e.Product}})
		if err != nil {
			return err
		}
		out = outcomes[0]
		return faultOf(at, out.Fault)
	})
	return out, taken(err)
}

// readBase is the product with the base prices of its variants, which are what
// its writer means, in place of what they cost now.
func readBase(ctx context.Context, tx pgx.Tx, id uuid.UUID) (Document, error) {
	documents, err := Documents(ctx, tx, []uuid.UUID{id})
	if err != nil {
		return Document{}, err
	}
	d := documents[id]
	variants := make([]uuid.UUID, len(d.Variants))
	for i, v := range d.Variants {
		variants[i] = *v.ID
	}
	book, err := price.Open(ctx, tx, variants)
	if err != nil {
		return d, err
	}
	for i := range d.Variants {
		v := &d.Variants[i]
		v.dropPrices()
		v.Prices = book.Bases(*v.ID)
		if len(v.Prices) == 1 {
			v.Price, v.CompareAt, v.Prices = &v.Prices[0].Price, v.Prices[0].CompareAt, nil
		}
	}
	return d, nil
}

func (v *Variant) dropPrices() { v.Price, v.CompareAt, v.Prices = nil, nil, nil }

// WithoutPrices is the document as one that leaves all prices as they are.
func (d Document) WithoutPrices() Document {
	d.Variants = append([]Variant(nil), d.Variants...)
	for i := range d.Variants {
		d.Variants[i].dropPrices()
	}
	return d
}

// about parts faults of a product into those of the variant that was changed,
// with pointers into it, and the others. What it shares with a later variant is
// told there.
func about(at int, faults fault.List) (variant, others fault.List) {
	for _, f := range faults {
		rest, in := strings.CutPrefix(f.Pointer, "/variants")
		place, member, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
		if !in || place != "" && place != strconv.Itoa(at) && f.Code != "duplicate" {
			others = append(others, f)
			continue
		}
		f.Pointer = strings.TrimSuffix("/"+member, "/")
		variant = append(variant, f)
	}
	return variant, others
}

func faultOf(at int, err error) error {
	if err == nil {
		return nil
	}
	told := *fault.As(err)
	variant, others := about(at, told.Fields)
	told.Fields = append(variant, others...)
	return &told
}
