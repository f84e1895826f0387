package listing

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/attribute"
	"github.com/mallhive/product-service/shared/postgres"
)

const (
	maxFacets = 20
	maxValues = 50
	// spareValues are looked up besides: another code may have the same 16 bits.
	spareValues = 14
	// tiedValues bounds how many values of the same count are looked up to show
	// the first of them by name.
	tiedValues = 300
)

// Facet is what a result says about one filter: how many of its products have
// each value, or from where to where its numbers go.
type Facet struct {
	Code   string       `json:"code" doc:"Attribute code, brand or price"`
	Name   string       `json:"name"`
	Type   string       `json:"type" enum:"text,number,boolean,price"`
	Unit   *string      `json:"unit,omitempty"`
	Values []FacetValue `json:"values,omitempty" nullable:"false" doc:"Of text and boolean, most products first"`
	Min    *float64     `json:"min,omitempty" doc:"Of number and price (minor units)"`
	Max    *float64     `json:"max,omitempty" doc:"Of number and price (minor units)"`
	Exact  bool         `json:"exact" doc:"False when more than 10,000 products match and not all were counted"`
}

// FacetValue is one value and how many products of the result have it.
type FacetValue struct {
	Value    string `json:"value"`
	Count    int64  `json:"count" doc:"Products, not variants"`
	Selected bool   `json:"selected"`
}

func blank(code string, definitions map[string]attribute.Attribute) (Facet, bool) {
	switch code {
	case Brand:
		return Facet{Code: code, Name: "Brand", Type: attribute.Text}, true
	case Price:
		return Facet{Code: code, Name: "Price", Type: Price}, true
	}
	a, exists := definitions[code]
	return Facet{Code: code, Name: a.Name, Type: a.Type, Unit: a.Unit}, exists && a.Filterable
}

// tallied is a facet and what it is made of.
type tallied struct {
	Facet
	*tally
	top []int64
}

// facets makes the facets of codes from what was counted: by all selections, and
// by all but a code's own.
func (l *lister) facets(ctx context.Context, db postgres.DB, codes []string, main *tally, own map[string]*tally) ([]Facet, error) {
	definitions, err := attribute.Definitions(ctx, db, codes)
	if err != nil {
		return nil, err
	}
	var list []tallied
	for _, code := range codes {
		f, known := blank(code, definitions)
		if !known || len(list) == maxFacets {
			continue
		}
		t := tallied{Facet: f, tally: main}
		if o := own[code]; o != nil {
			t.tally = o
		}
		t.Exact = t.products <= l.effort.exact && !l.query.Partial
		if f.Type == attribute.Text || f.Type == attribute.Boolean {
			t.top = t.terms.top(codeBits(code))
		}
		list = append(list, t)
	}
	names, err := namesOf(ctx, db, list)
	if err != nil {
		return nil, err
	}
	facets := []Facet{}
	for _, t := range list {
		if f, any := t.facet(l.query, names); any {
			facets = append(facets, f)
		}
	}
	return facets, nil
}

func (t tallied) facet(q Query, names map[int64]name) (f Facet, any bool) {
	f = t.Facet
	b := &t.prices
	switch f.Type {
	case attribute.Number:
		b = t.bounds[numberKey(f.Code)]
	case Price:
	default:
		f.Values = t.values(q, names)
		return f, len(f.Values) > 0
	}
	if b == nil || !b.any {
		return f, false
	}
	f.Min, f.Max = &b.min, &b.max
	return f, true
}

func (t tallied) values(q Query, names map[int64]name) []FacetValue {
	selected := q.Values[t.Code]
	if t.Code == Brand {
		selected = q.Brands
	}
	values := make([]FacetValue, 0, len(t.top))
	for _, term := range t.top {
		if n, known := names[term]; known && n.code == t.Code {
			count := int64(t.terms.counts[t.terms.slot(term)])
			values = append(values, FacetValue{Value: n.value, Count: count, Selected: slices.Contains(selected, n.value)})
		}
	}
	slices.SortFunc(values, byCount)
	return values[:min(len(values), maxValues)]
}

func byCount(a, b FacetValue) int {
	return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
}

// top is the terms of a code that most products have, and those that as many
// have as the last.
func (t *termCounts) top(code uint16) []int64 {
	type counted struct {
		term  int64
		count int32
	}
	var list []counted
	for i, count := range t.counts {
		if count > 0 && codeOf(t.terms[i]) == code {
			list = append(list, counted{t.terms[i], count})
		}
	}
	slices.SortFunc(list, func(a, b counted) int { return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.term, b.term)) })
	n := min(len(list), maxValues+spareValues)
	for n < min(len(list), tiedValues) && n > 0 && list[n].count == list[n-1].count {
		n++
	}
	terms := make([]int64, n)
	for i := range terms {
		terms[i] = list[i].term
	}
	return terms
}

const namesSQL = `
select id, code, value
from catalog.terms
where id = any(@ids)`

func namesOf(ctx context.Context, db postgres.DB, list []tallied) (map[int64]name, error) {
	var ids []int64
	for _, t := range list {
		ids = append(ids, t.top...)
	}
	return names(ctx, db, ids)
}

// names is what terms stand for.
func names(ctx context.Context, db postgres.DB, ids []int64) (map[int64]name, error) {
	found := make(map[int64]name, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	rows, err := db.Query(ctx, namesSQL, pgx.NamedArgs{"ids": ids})
	if err != nil {
		return nil, fmt.Errorf("names of terms: %w", err)
	}
	var id int64
	var n name
	_, err = pgx.ForEachRow(rows, []any{&id, &n.code, &n.value}, func() error {
		found[id] = n
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("names of terms: %w", err)
	}
	return found, nil
}

// asked is how many codes are looked up at once when the most used are sought.
const asked = 64

// common is brand, price and the filterable attributes that most products of
// the result have.
func (t *tally) common(ctx context.Context, db postgres.DB) ([]string, error) {
	found := []string{Brand, Price}
	used := t.used()
	for len(used) > 0 && len(found) < maxFacets {
		n := min(asked, len(used))
		codes, err := t.codesOf(ctx, db, used[:n])
		if err != nil {
			return nil, err
		}
		definitions, err := attribute.Definitions(ctx, db, codes)
		if err != nil {
			return nil, err
		}
		for _, code := range codes {
			if definitions[code].Filterable && len(found) < maxFacets {
				found = append(found, code)
			}
		}
		used = used[n:]
	}
	return found, nil
}

// used is the codes of what was counted, those first that most products have.
func (t *tally) used() []uint16 {
	var list []uint16
	for code, n := range t.byCode {
		if n > 0 && uint16(code) != categoryBits { //nolint:gosec // it has 16 bits
			list = append(list, uint16(code)) //nolint:gosec // it has 16 bits
		}
	}
	slices.SortFunc(list, func(a, b uint16) int {
		return cmp.Or(cmp.Compare(t.byCode[b], t.byCode[a]), cmp.Compare(a, b))
	})
	return list
}

// examples of a code's terms tell its name, and those of codes with the same 16
// bits.
const examples = 3

func (t *tally) codesOf(ctx context.Context, db postgres.DB, used []uint16) ([]string, error) {
	of := make(map[uint16][]int64, len(used))
	for _, code := range used {
		of[code] = make([]int64, 0, examples)
	}
	var ids []int64
	for i, count := range t.terms.counts {
		if count == 0 {
			continue
		}
		term := t.terms.terms[i]
		if some, is := of[codeOf(term)]; is && len(some) < examples {
			of[codeOf(term)] = append(some, term)
			ids = append(ids, term)
		}
	}
	known, err := names(ctx, db, ids)
	if err != nil {
		return nil, err
	}
	var codes []string
	for _, code := range used {
		var alike []string
		for _, term := range of[code] {
			if n := known[term].code; n != "" && n != Brand && !slices.Contains(alike, n) {
				alike = append(alike, n)
			}
		}
		slices.Sort(alike)
		codes = append(codes, alike...)
	}
	return codes, nil
}
