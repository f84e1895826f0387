package listing

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/recent"
	"github.com/mallhive/product-service/shared/postgres"
)

// Learn writes the terms of entries ahead of them, each at once for everybody:
// two writers of the same new term wait for each other only as long as that
// takes, and not until one of them has written all else. A term that nothing
// has after all does no harm. seen remembers those that are there for certain.
// Entries are then marked as Learned.
func Learn(ctx context.Context, db postgres.DB, seen *recent.Set, entries []Entry) error {
	all, fresh := newDictionary(), newDictionary()
	for _, e := range entries {
		all.take(e)
	}
	var ids []uint64
	for i, id := range all.ids {
		key := uint64(id) //nolint:gosec // any 64 bits do
		if all.numbers[i] != nil {
			key = ^key // what was learned as a text is not known as a number
		}
		if !seen.Has(key) {
			ids = append(ids, key)
			fresh.ids, fresh.codes = append(fresh.ids, id), append(fresh.codes, all.codes[i])
			fresh.values, fresh.numbers = append(fresh.values, all.values[i]), append(fresh.numbers, all.numbers[i])
		}
	}
	if len(ids) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	fresh.queue(batch)
	if err := db.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("learn %d terms: %w", len(ids), err)
	}
	seen.Add(ids...)
	return nil
}

// take adds all terms of an entry that are looked up again.
func (d *dictionary) take(e Entry) {
	d.add(nil, brandCode, e.Brand)
	for code, value := range e.Attributes {
		for _, text := range texts(value) {
			d.add(nil, code, text)
		}
		if n, isNumber := value.(float64); isNumber {
			d.number(code, n)
		}
	}
	for _, v := range e.Variants {
		for code, value := range v.Options {
			d.add(nil, code, value)
		}
	}
}

// learned reports whether no entry has a term left to write.
func learned(entries []Entry) bool {
	for _, e := range entries {
		if !e.Learned {
			return false
		}
	}
	return true
}
