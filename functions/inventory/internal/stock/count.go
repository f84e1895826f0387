package stock

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Counting is an absolute number of things found at a location.
type Counting struct {
	SKU      string
	Location string
	OnHand   int64
	// Faults that were found before; it is only to be looked for others.
	Faults fault.List
}

// Counted is what became of a counting: created, updated or unchanged, or the
// fault it has.
type Counted struct {
	Result string
	Err    error
}

type place struct{ SKU, Location string }

// CountAll records countings in their order, all in the caller's transaction;
// one with a fault changes nothing and leaves the others alone. A count below
// what is reserved is taken as it is: what lacks becomes the level's shortfall.
func CountAll(ctx context.Context, tx postgres.DB, c Cause, countings []Counting) ([]Counted, error) {
	results := make([]Counted, len(countings))
	known, err := codes(ctx, tx)
	if err != nil {
		return nil, err
	}
	var places []place
	for i, n := range countings {
		if results[i].Err = n.check(known); results[i].Err == nil {
			places = append(places, place{n.SKU, n.Location})
		}
	}
	book, fresh, err := openPlaces(ctx, tx, places)
	if err != nil {
		return nil, err
	}
	request := c.Request
	for i, n := range countings {
		if results[i].Err != nil {
			continue
		}
		// Two rows of one import may count the same level.
		c.Request = request + "/" + strconv.Itoa(i)
		results[i].Result = book.count(c, n, fresh)
	}
	return results, book.Post(ctx, tx)
}

func (n Counting) check(known map[string]bool) error {
	faults := slices.Clone(n.Faults)
	if len(faults) == 0 {
		checkID(&faults, "/sku", n.SKU)
		checkOnHand(&faults, n.OnHand)
		checkID(&faults, "/location", n.Location)
	}
	checkKnown(&faults, "/location", n.Location, known)
	return faults.Err()
}

func checkKnown(faults *fault.List, pointer, location string, known map[string]bool) {
	if ValidID(location) && !known[location] {
		faults.Add(pointer, "unknown_location", "no such location; PUT /v1/locations/{code} creates one")
	}
}

func (b *Book) count(c Cause, n Counting, fresh map[place]bool) string {
	e := b.entry(n.SKU, n.Location)
	at := place{n.SKU, n.Location}
	switch {
	case fresh[at]:
		delete(fresh, at)
		b.apply(c, Count, e, n.OnHand-e.OnHand, 0)
		return "created"
	case e.OnHand == n.OnHand:
		return "unchanged"
	default:
		b.apply(c, Count, e, n.OnHand-e.OnHand, 0)
		return "updated"
	}
}

const insertStock = `
	insert into inventory.stock (sku)
	select distinct sku
	from unnest(@skus::text[]) as n (sku)
	order by sku
	on conflict do nothing
	returning sku`

const insertLevels = `
	insert into inventory.levels (sku, location)
	select distinct sku, location
	from unnest(@skus::text[], @locations::text[]) as n (sku, location)
	order by sku, location
	on conflict do nothing
	returning sku, location`

// openPlaces opens the book of the places' SKUs; levels that were not there
// are made, and are the fresh ones. A SKU's first count crosses no threshold.
func openPlaces(ctx context.Context, tx postgres.DB, places []place) (*Book, map[place]bool, error) {
	skus, locations := make([]string, len(places)), make([]string, len(places))
	for i, p := range places {
		skus[i], locations[i] = p.SKU, p.Location
	}
	var newSKUs []string
	fresh := map[place]bool{}
	batch := &pgx.Batch{}
	batch.Queue(insertStock, pgx.NamedArgs{"skus": skus}).Query(func(rows pgx.Rows) (err error) {
		newSKUs, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	batch.Queue(insertLevels, pgx.NamedArgs{"skus": skus, "locations": locations}).Query(func(rows pgx.Rows) error {
		var p place
		_, err := pgx.ForEachRow(rows, []any{&p.SKU, &p.Location}, func() error {
			fresh[p] = true
			return nil
		})
		return err
	})
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, nil, fmt.Errorf("make %d levels: %w", len(places), err)
	}
	book, err := Open(ctx, tx, skus)
	if err != nil {
		return nil, nil, err
	}
	for _, sku := range newSKUs {
		book.pages[sku].fresh = true
	}
	return book, fresh, nil
}

// MaxOnHand bounds a count: far above any warehouse, far below an overflow.
const MaxOnHand = 1_000_000_000

func checkOnHand(faults *fault.List, n int64) {
	if n < 0 || n > MaxOnHand {
		faults.Add("/on_hand", "out_of_range", "on_hand takes 0 to %d", MaxOnHand)
	}
}

func checkID(faults *fault.List, pointer, id string) {
	if !ValidID(id) {
		faults.Add(pointer, "format", "takes 1 to 64 characters of A-Z a-z 0-9 . _ ~ -")
	}
}

// ValidID says whether a SKU, order id or location code is well formed.
func ValidID(id string) bool {
	if len(id) == 0 || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '~', c == '-':
		default:
			return false
		}
	}
	return true
}
