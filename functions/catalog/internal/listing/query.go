package listing

import (
	"fmt"
	"maps"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/search"
)

// Query is what a visitor asks for. Conditions on price, stock and options
// hold for one variant together.
type Query struct {
	Text       string
	Hits       []search.Hit // what the text finds
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

// statement is a query under construction.
type statement struct {
	with  []string
	from  strings.Builder
	where []string
	args  pgx.NamedArgs
}

// arg adds an argument and returns how the text names it.
func (s *statement) arg(value any) string {
	name := "a" + strconv.Itoa(len(s.args))
	s.args[name] = value
	return "@" + name
}

// argsAnd is the arguments and one more.
func (s *statement) argsAnd(name string, value any) pgx.NamedArgs {
	args := maps.Clone(s.args)
	args[name] = value
	return args
}

func (s *statement) and(format string, args ...any) {
	s.where = append(s.where, fmt.Sprintf(format, args...))
}

// text puts the parts together around a select list.
func (s *statement) text(selects string) string {
	var b strings.Builder
	if len(s.with) > 0 {
		b.WriteString("with " + strings.Join(s.with, ", "))
	}
	b.WriteString("\nselect " + selects + s.from.String() + "\nwhere " + strings.Join(s.where, "\n    and "))
	return b.String()
}

// matching is the rows that a query matches, all conditions but those of one
// code, whose facet must not be narrowed by its own selection.
func (q Query) matching(except string) *statement {
	s := &statement{args: pgx.NamedArgs{}}
	at := s.arg(q.At)
	s.from.WriteString("\nfrom catalog.listings l")
	if q.Text != "" {
		s.with = append(s.with, q.hits(s))
		s.from.WriteString("\njoin hits h on h.product_id = l.product_id")
	}
	// The price that began last is the one that may hold: found in the index row
	// by row, whatever the planner believes of how many there are.
	fmt.Fprintf(&s.from, `
left join lateral (
    select r.amount, r.ends_at
    from catalog.listing_prices r
    where r.variant_id = l.variant_id
        and r.currency = %s
        and r.starts_at <= %s
    order by r.starts_at desc
    limit 1
) p on p.ends_at is null or p.ends_at > %s`, s.arg(q.Currency), at, at)
	s.and("(l.visible_from is null or l.visible_from <= %s)", at)
	s.and("(l.visible_until is null or l.visible_until > %s)", at)
	q.terms(s, except)
	if except != Price {
		q.prices(s)
	}
	if q.Featured {
		s.and("l.featured")
	}
	if q.InStock {
		s.and("exists (select from inventory.sellability i where i.sku = l.sku and i.availability in ('in_stock', 'low_stock'))")
	}
	return s
}

func (q Query) terms(s *statement, except string) {
	if q.Categories != nil {
		ids := make([]int64, len(q.Categories))
		for i, c := range q.Categories {
			ids[i] = categoryTerm(c)
		}
		s.and("l.terms && %s::bigint[]", s.arg(ids))
	}
	if len(q.Brands) > 0 && except != Brand {
		s.and("l.terms && %s::bigint[]", s.arg(termIDs(Brand, q.Brands)))
	}
	for _, code := range sortedKeys(q.Values) {
		if code != except {
			s.and("l.terms && %s::bigint[]", s.arg(termIDs(code, q.Values[code])))
		}
	}
	for _, code := range sortedKeys(q.Ranges) {
		if code == except {
			continue
		}
		name := s.arg(code)
		if r := q.Ranges[code]; r.Min != nil {
			s.and("(l.numbers ->> %s)::float8 >= %s", name, s.arg(*r.Min))
		}
		if r := q.Ranges[code]; r.Max != nil {
			s.and("(l.numbers ->> %s)::float8 <= %s", name, s.arg(*r.Max))
		}
	}
}

func (q Query) prices(s *statement) {
	if q.PriceMin != nil {
		s.and("p.amount >= %s", s.arg(*q.PriceMin))
	}
	if q.PriceMax != nil {
		s.and("p.amount <= %s", s.arg(*q.PriceMax))
	}
}

// hits is the products that the text finds and their scores.
func (q Query) hits(s *statement) string {
	ids, scores := make([]uuid.UUID, len(q.Hits)), make([]float64, len(q.Hits))
	for i, h := range q.Hits {
		ids[i], scores[i] = h.ProductID, h.Score
	}
	return "hits as (select product_id, score from unnest(" + s.arg(ids) + "::uuid[], " + s.arg(scores) + "::float8[]) as f (product_id, score))"
}

func termIDs(code string, values []string) []int64 {
	ids := make([]int64, len(values))
	for i, v := range values {
		ids[i] = termID(code, v)
	}
	return ids
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
