package stock

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Expectation is what a writer believes to be there.
type Expectation interface {
	Create() error              // nothing yet
	Change(version int64) error // this version of the SKU's stock
}

// Put records one counting, provided that the stock is as the writer expects
// it, and returns the SKU's stock after it; created says that the location had
// no level of it before.
func Put(ctx context.Context, db postgres.DB, c Cause, n Counting, expect Expectation) (after Stock, created bool, err error) {
	var faults fault.List
	checkID(&faults, "/sku", n.SKU)
	checkOnHand(&faults, n.OnHand)
	if err := faults.Err(); err != nil {
		return Stock{}, false, err
	}
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		if _, err := LocationOf(ctx, tx, n.Location); err != nil {
			return err
		}
		at := place{n.SKU, n.Location}
		book, fresh, err := openPlaces(ctx, tx, []place{at})
		if err != nil {
			return err
		}
		created = fresh[at]
		if err := book.expected(n.SKU, created, expect); err != nil {
			return err
		}
		book.count(c, n, fresh)
		after, err = book.settled(ctx, tx, n.SKU)
		return err
	})
	if err != nil {
		return Stock{}, false, fmt.Errorf("count %s at %s: %w", n.SKU, n.Location, err)
	}
	return after, created, nil
}

// expected judges what was there before the level was made. A new location of
// a known SKU may be created, or be a change of that SKU.
func (b *Book) expected(sku string, created bool, expect Expectation) error {
	p := b.pages[sku]
	revision := p.revision()
	if !created {
		return expect.Change(revision)
	}
	revision-- // of the level that was just made
	if err := expect.Create(); err == nil || p.fresh {
		return err
	}
	return expect.Change(revision)
}

func (p *page) revision() int64 {
	n := p.Version
	for _, e := range p.levels {
		n += e.Version
	}
	return n
}

// settled writes the book and reads what the SKU is like then.
func (b *Book) settled(ctx context.Context, tx postgres.DB, sku string) (Stock, error) {
	if err := b.Post(ctx, tx); err != nil {
		return Stock{}, err
	}
	found, err := Read(ctx, tx, []string{sku})
	if err != nil {
		return Stock{}, fmt.Errorf("read what was changed: %w", err)
	}
	return found[sku], nil
}
