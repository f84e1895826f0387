package listing

import (
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/functions/catalog/internal/search"
)

// Query is what a visitor asks for. Conditions on price, stock and options
// hold for one variant together.
type Query struct {
	Text       string
	Hits       []search.Hit // what the text finds
	Partial    bool         // the text finds more than that
	Category   *uuid.UUID   // whose positions sort=position means
	Categories []uuid.UUID  // itself and all below it
	Brands     []string
	Values     map[string][]string // by attribute or option code: any of the values
	Ranges     map[string]Range
	Currency   string
	PriceMin   *int64
	PriceMax   *int64
	InStock    bool
	Featured   bool
	Sort       string
	At         time.Time // the moment prices and publishing are judged at
}

// Range bounds a number, ends included.
type Range struct {
	Min *float64 `json:"min"`
	Max *float64 `json:"max"`
}

// The codes of the two filters that every product has.
const (
	Brand = brandCode
	Price = "price"
)

// selection is all that a query asks of one code. A facet leaves out the
// selection of its own code, and nothing else.
type selection struct {
	code    string
	terms   []int64 // any of them
	key     uint64  // of the number that must be in bounds
	min     float64
	max     float64
	bounded bool
	few     bool    // inside is all values in bounds
	inside  []int64 // their terms
	priced  bool    // it is the price that must be in bounds
}

// selections are the query's by code, in one order.
func (q Query) selections() []selection {
	var list []selection
	if len(q.Brands) > 0 {
		list = append(list, selection{code: Brand, terms: termIDs(Brand, q.Brands)})
	}
	codes := sortedKeys(q.Values)
	for code := range q.Ranges {
		if _, also := q.Values[code]; !also {
			codes = append(codes, code)
		}
	}
	slices.Sort(codes)
	for _, code := range codes {
		s := selection{code: code}
		if values := q.Values[code]; len(values) > 0 {
			s.terms = termIDs(code, values)
		}
		if r, ranged := q.Ranges[code]; ranged {
			s.bounded, s.key, s.min, s.max = true, numberKey(code), math.Inf(-1), math.Inf(1)
			if r.Min != nil {
				s.min = *r.Min
			}
			if r.Max != nil {
				s.max = *r.Max
			}
		}
		list = append(list, s)
	}
	if q.PriceMin != nil || q.PriceMax != nil {
		list = append(list, selection{code: Price, priced: true})
	}
	return list
}

// costs are the bounds of the price, ends included.
func (q Query) costs() (low, high int64) {
	low, high = 0, math.MaxInt64
	if q.PriceMin != nil {
		low = *q.PriceMin
	}
	if q.PriceMax != nil {
		high = *q.PriceMax
	}
	return low, high
}

// effectiveSort is the order that is meant: two of them need something that the
// query may not have.
func (q Query) effectiveSort() string {
	switch {
	case q.Sort == "position" && q.Category == nil, q.Sort == "relevance" && q.Text == "", q.Sort == "":
		return "newest"
	}
	return q.Sort
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
