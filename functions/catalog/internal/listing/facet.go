package listing

import (
	"context"
	"fmt"
	"slices"
	"sort"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/attribute"
	"github.com/mallhive/product-service/shared/postgres"
)

const (
	maxFacets = 20
	maxValues = 50
	// sampled is how many products the choice of facets looks at when no
	// category makes it.
	sampled = 500
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
	Max    *float64     `json:"max,omitempty"`
	Exact  bool         `json:"exact" doc:"False when more than 10,000 products match and not all were counted"`
}

// FacetValue is one value and how many products of the result have it.
type FacetValue struct {
	Value    string `json:"value"`
	Count    int64  `json:"count" doc:"Products, not variants"`
	Selected bool   `json:"selected"`
}

// Facets counts a result by filters. codes is a category's filters; nil means
// the attributes that most products of the result have. A filter's own
// selection does not narrow its own counts.
func Facets(ctx context.Context, db postgres.DB, q Query, codes []string) ([]Facet, error) {
	var err error
	if codes == nil {
		if codes, err = common(ctx, db, q); err != nil {
			return nil, err
		}
	}
	definitions, err := attribute.Definitions(ctx, db, codes)
	if err != nil {
		return nil, err
	}
	facets := []Facet{}
	var shared []Facet // those that nothing is selected of are counted at once
	for _, code := range codes {
		f, known := blank(code, definitions)
		if !known || len(facets) == maxFacets {
			continue
		}
		facets = append(facets, f)
		if !q.selects(code) {
			shared = append(shared, f)
		}
	}
	counted, err := countFacets(ctx, db, q, "", shared)
	if err != nil {
		return nil, err
	}
	for i := range facets {
		found := counted
		if q.selects(facets[i].Code) {
			if found, err = countFacets(ctx, db, q, facets[i].Code, facets[i:i+1]); err != nil {
				return nil, err
			}
		}
		facets[i].fill(q, found)
	}
	return slices.DeleteFunc(facets, func(f Facet) bool { return len(f.Values) == 0 && f.Min == nil }), nil
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

func (q Query) selects(code string) bool {
	switch code {
	case Brand:
		return len(q.Brands) > 0
	case Price:
		return q.PriceMin != nil || q.PriceMax != nil
	}
	_, ranged := q.Ranges[code]
	return ranged || len(q.Values[code]) > 0
}

// counts is what one pass over a result found.
type counts struct {
	values map[string][]FacetValue
	bounds map[string][2]float64
	exact  bool
}

func (f *Facet) fill(q Query, c counts) {
	f.Exact = c.exact
	if b, found := c.bounds[f.Code]; found && (f.Type == attribute.Number || f.Type == Price) {
		f.Min, f.Max = &b[0], &b[1]
		return
	}
	if f.Type == attribute.Number || f.Type == Price {
		return
	}
	selected := q.Values[f.Code]
	if f.Code == Brand {
		selected = q.Brands
	}
	f.Values = c.values[f.Code]
	for i := range f.Values {
		f.Values[i].Selected = slices.Contains(selected, f.Values[i].Value)
	}
	sort.SliceStable(f.Values, func(i, j int) bool {
		a, b := f.Values[i], f.Values[j]
		if a.Count != b.Count {
			return a.Count > b.Count
		}
		return a.Value < b.Value
	})
	if len(f.Values) > maxValues {
		f.Values = f.Values[:maxValues]
	}
}

// maxRows is how many variants a count goes over: enough for MaxExact products
// of a few variants each.
const maxRows = 3 * MaxExact

// matched is the variants a count goes over.
func (q Query) matched(s *statement, most int) string {
	return "with matched as materialized (" + s.text("l.product_id, l.terms, l.numbers, p.amount") + "\nlimit " + s.arg(most) + ")"
}

const commonSQL = `
select t.code
from matched m
cross join unnest(m.terms) as u (id)
join catalog.terms t on t.id = u.id
group by t.code
order by count(distinct m.product_id) desc, t.code`

// common is brand, price and the filterable attributes that most products of a
// sample of the result have.
func common(ctx context.Context, db postgres.DB, q Query) ([]string, error) {
	s := q.matching("")
	rows, err := db.Query(ctx, q.matched(s, sampled)+commonSQL, s.args)
	if err != nil {
		return nil, fmt.Errorf("choose facets: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("choose facets: %w", err)
	}
	definitions, err := attribute.Definitions(ctx, db, found)
	if err != nil {
		return nil, err
	}
	codes := []string{Brand, Price}
	for _, code := range found {
		if definitions[code].Filterable && len(codes) < maxFacets {
			codes = append(codes, code)
		}
	}
	return codes, nil
}

const valuesSQL = `
select t.code, t.value, count(distinct m.product_id)
from matched m
cross join unnest(m.terms) as u (id)
join catalog.terms t on t.id = u.id
where t.code = any(@codes)
group by t.code, t.value`

const boundsSQL = `
select c.code, min((m.numbers ->> c.code)::float8), max((m.numbers ->> c.code)::float8)
from matched m
cross join unnest(@codes::text[]) as c (code)
where m.numbers ? c.code
group by c.code
union all
select 'price', min(amount), max(amount)
from matched
having min(amount) is not null`

const rowsSQL = `
select count(*)
from matched`

// countFacets counts facets over the result without the selection of except.
func countFacets(ctx context.Context, db postgres.DB, q Query, except string, facets []Facet) (counts, error) {
	c := counts{values: map[string][]FacetValue{}, bounds: map[string][2]float64{}, exact: true}
	if len(facets) == 0 {
		return c, nil
	}
	var valued, bounded []string
	for _, f := range facets {
		if f.Type == attribute.Number || f.Type == Price {
			bounded = append(bounded, f.Code)
		} else {
			valued = append(valued, f.Code)
		}
	}
	s := q.matching(except)
	matched := q.matched(s, maxRows+1)
	batch := &pgx.Batch{}
	batch.Queue(matched+rowsSQL, s.args).QueryRow(func(row pgx.Row) error {
		var n int
		err := row.Scan(&n)
		c.exact = n <= maxRows
		return err
	})
	if len(valued) > 0 {
		batch.Queue(matched+valuesSQL, s.argsAnd("codes", valued)).Query(c.readValues)
	}
	if len(bounded) > 0 {
		batch.Queue(matched+boundsSQL, s.argsAnd("codes", bounded)).Query(c.readBounds)
	}
	if err := db.SendBatch(ctx, batch).Close(); err != nil {
		return c, fmt.Errorf("count facets: %w", err)
	}
	return c, nil
}

func (c counts) readValues(rows pgx.Rows) error {
	var code, value string
	var n int64
	_, err := pgx.ForEachRow(rows, []any{&code, &value, &n}, func() error {
		c.values[code] = append(c.values[code], FacetValue{Value: value, Count: n})
		return nil
	})
	return err
}

func (c counts) readBounds(rows pgx.Rows) error {
	var code string
	var low, high float64
	_, err := pgx.ForEachRow(rows, []any{&code, &low, &high}, func() error {
		c.bounds[code] = [2]float64{low, high}
		return nil
	})
	return err
}
