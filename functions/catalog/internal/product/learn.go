package product

import (
	"context"

	"github.com/mallhive/product-service/functions/catalog/internal/listing"
	"github.com/mallhive/product-service/functions/catalog/internal/recent"
	"github.com/mallhive/product-service/functions/catalog/internal/search"
	"github.com/mallhive/product-service/shared/postgres"
)

// Memory is what is known to be in the database of what products share: values
// and words, which are never taken out again. Besides it saves work.
type Memory struct {
	terms, words *recent.Set
	stems        search.Stems
}

// NewMemory makes an empty one, of some megabytes when it is full.
func NewMemory() *Memory {
	const terms, words = 100_000, 50_000
	return &Memory{terms: recent.New(terms), words: recent.New(words)}
}

// Learn writes ahead what products share, in transactions of its own, and notes
// in the intents that it has: sets of products that are written at once then do
// not wait for each other.
func Learn(ctx context.Context, db postgres.DB, known *Memory, intents []Intent) error {
	entries := make([]listing.Entry, 0, len(intents))
	for _, in := range intents {
		if in.Doc.Status == Active {
			entries = append(entries, shared(in.Doc))
		}
	}
	if err := listing.Learn(ctx, db, known.terms, entries); err != nil {
		return err
	}
	if err := search.Learn(ctx, db, known.words, searched(entries)); err != nil {
		return err
	}
	for i := range intents {
		intents[i].known = known
	}
	return nil
}

// shared is what of a product others may have as well.
func shared(d Document) listing.Entry {
	e := listing.Entry{Name: d.Name, Attributes: d.Attributes}
	if d.Brand != nil {
		e.Brand = *d.Brand
	}
	for _, v := range d.Variants {
		e.Variants = append(e.Variants, listing.Variant{Options: v.Options})
	}
	return e
}
