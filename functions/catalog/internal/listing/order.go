package listing

import (
	"bytes"
	"cmp"
	"math"
	"strconv"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/shared/fault"
)

// Hit is one product of a page.
type Hit struct {
	ProductID uuid.UUID
	Price     *int64 // the lowest of its matching variants
	Keys      []string
}

// Position is where a page ends.
type Position struct {
	Keys []string  `json:"k"`
	ID   uuid.UUID `json:"id"`
}

// Position is where the page that ends with this hit ends.
func (h Hit) Position() Position { return Position{Keys: h.Keys, ID: h.ProductID} }

// match is a product of the result with what results are sorted by.
type match struct {
	id        uuid.UUID
	price     int64 // lowest of the matching variants, or unpriced
	published int64
	name      string
	featured  bool
	place     int64 // in the category, or nowhere
	score     float64
}

// nowhere is behind every place that somebody gave a product.
const nowhere = math.MaxInt32

// order compares matches; nothing is equal but the same product.
type order func(a, b *match) int

// ordered is the order that a query asks for.
func ordered(sort string) order {
	var by order
	switch sort {
	case "price":
		by = func(a, b *match) int { return cmp.Compare(uint64(a.price), uint64(b.price)) } //nolint:gosec // unpriced is the largest
	case "-price":
		by = func(a, b *match) int { return cmp.Compare(b.price, a.price) }
	case "name":
		by = func(a, b *match) int { return cmp.Compare(a.name, b.name) }
	case "featured":
		by = func(a, b *match) int {
			return cmp.Or(compareBool(b.featured, a.featured), cmp.Compare(b.published, a.published))
		}
	case "position":
		by = func(a, b *match) int {
			return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(b.published, a.published))
		}
	case "relevance":
		by = func(a, b *match) int { return cmp.Compare(b.score, a.score) }
	default:
		by = func(a, b *match) int { return cmp.Compare(b.published, a.published) }
	}
	return func(a, b *match) int {
		if c := by(a, b); c != 0 {
			return c
		}
		return bytes.Compare(a.id[:], b.id[:])
	}
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// hit is the match as a page has it, with its keys in the order of sort.
func (m *match) hit(sort string) Hit {
	h := Hit{ProductID: m.id}
	if m.price != unpriced {
		h.Price = &m.price
	}
	published := strconv.FormatInt(m.published, 10)
	switch sort {
	case "price", "-price":
		h.Keys = []string{strconv.FormatInt(m.price, 10)}
	case "name":
		h.Keys = []string{m.name}
	case "featured":
		h.Keys = []string{strconv.FormatBool(m.featured), published}
	case "position":
		h.Keys = []string{strconv.FormatInt(m.place, 10), published}
	case "relevance":
		h.Keys = []string{strconv.FormatFloat(m.score, 'g', -1, 64)}
	default:
		h.Keys = []string{published}
	}
	return h
}

// match is what a position in the order of sort says of the match it ends with.
func (p Position) match(sort string) (*match, error) {
	m := &match{id: p.ID, price: unpriced, place: nowhere}
	var err error
	read := func(i int, into func(key string) error) {
		if i >= len(p.Keys) {
			err = strconv.ErrSyntax
		} else if wrong := into(p.Keys[i]); wrong != nil {
			err = wrong
		}
	}
	whole := func(n *int64) func(string) error {
		return func(key string) (wrong error) { *n, wrong = strconv.ParseInt(key, 10, 64); return wrong }
	}
	keys := 1
	switch sort {
	case "price", "-price":
		read(0, whole(&m.price))
	case "name":
		read(0, func(key string) error { m.name = key; return nil })
	case "featured":
		read(0, func(key string) (wrong error) { m.featured, wrong = strconv.ParseBool(key); return wrong })
		read(1, whole(&m.published))
		keys = 2
	case "position":
		read(0, whole(&m.place))
		read(1, whole(&m.published))
		keys = 2
	case "relevance":
		read(0, func(key string) (wrong error) { m.score, wrong = strconv.ParseFloat(key, 64); return wrong })
	default:
		read(0, whole(&m.published))
	}
	if err != nil || len(p.Keys) != keys || !storable(m) {
		return nil, fault.New(fault.Malformed, "bad_cursor", "the cursor is not one of this query; begin again without it")
	}
	return m, nil
}
