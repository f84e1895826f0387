package listing

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mallhive/product-service/functions/catalog/internal/price"
	"github.com/mallhive/product-service/functions/catalog/internal/search"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// shelf is products as they are written, for the service and for the model.
type shelf struct {
	entries    []Entry
	spans      []price.Span
	stocked    map[string]bool
	now        time.Time
	categories []uuid.UUID // the first above all others
}

// numbered makes ids that are in the order they are made in.
func (s *shelf) id(kind, n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("01900000-0000-7000-8000-%04x%08x", kind, n))
}

// fill makes products that share few values, so that conditions meet; several
// variants, currencies, prices over time, and times of publishing.
func fill(from, to int) *shelf {
	s := &shelf{now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), stocked: map[string]bool{}}
	for i := range 6 {
		s.categories = append(s.categories, s.id(9, i))
	}
	for i := from; i < to; i++ {
		e := Entry{
			ProductID: s.id(1, i*7919%1000003), Name: fmt.Sprintf("Name %d", i%11), Brand: []string{"", "Smith", "Jones"}[i%3], Featured: i%5 == 0,
			PublishedAt: s.now.Add(-time.Duration(i%13) * time.Hour), Attributes: map[string]any{"wireless": i%2 == 0, "weight": float64(i % 9)},
		}
		if i%23 == 0 {
			e.Attributes["weight"] = 1e300
		}
		if i%17 == 0 { // too long for an index
			var notes []any
			for n := range mostIndexed / factSize {
				notes = append(notes, fmt.Sprint(n))
			}
			e.Attributes["notes"] = notes
		}
		if i%4 > 0 {
			e.Attributes["colour"] = []any{[]string{"Black", "Grey", "Red"}[i%3], "Mixed"}
		}
		for c := range s.categories[1:] {
			if (i+c)%4 == 0 {
				e.Categories = append(e.Categories, s.categories[c+1])
			}
		}
		if i%6 == 0 {
			e.Positions = map[uuid.UUID]int{}
			for j, c := range e.Categories {
				e.Positions[c] = 1 + (i+j)%4
			}
		}
		if i%10 == 3 {
			at := s.now.Add(time.Duration(i%3-1) * time.Hour)
			e.VisibleFrom = &at
		}
		if i%10 == 7 {
			at := s.now.Add(time.Duration(i%3-1) * time.Hour)
			e.VisibleUntil = &at
		}
		for j := range 1 + i%3 {
			v := Variant{ID: s.id(2, i*10+j), SKU: fmt.Sprintf("S-%d-%d", i, j), Options: map[string]string{"size": []string{"S", "M", "L"}[j]}}
			if i%7 == 0 {
				v.Options["colour"] = []string{"Black", "Blue"}[j%2]
			}
			s.stocked[v.SKU] = (i+j)%3 == 0
			s.price(v.ID, i, j)
			e.Variants = append(e.Variants, v)
		}
		s.entries = append(s.entries, e)
	}
	return s
}

// price gives a variant a past, a present and a future, or none of them.
func (s *shelf) price(variant uuid.UUID, i, j int) {
	for c, currency := range []string{"USD", "JPY"} {
		cuts := []time.Time{s.now.Add(-3 * time.Hour), s.now.Add(-time.Hour), s.now.Add(time.Hour), s.now.Add(2 * time.Hour)}
		for k := range cuts[:3] {
			if (i+2*j+3*k+c)%4 == 0 {
				continue
			}
			span := price.Span{VariantID: variant, Currency: currency, Amount: int64(100 * (1 + (i*7+j*3+k*5)%11)), StartsAt: cuts[k], EndsAt: &cuts[k+1]}
			if k == 2 {
				span.EndsAt = nil
			}
			s.spans = append(s.spans, span)
		}
	}
}

func (s *shelf) store(t testing.TB, db *testdb.Database, pool *postgres.Pool) {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, postgres.InTx(ctx, pool, func(tx pgx.Tx) error {
		return Write(ctx, tx, nil, s.entries, s.spans)
	}))
	for sku, stocked := range s.stocked {
		if stocked {
			_, err := db.Owner(t).Exec(ctx, `insert into inventory.stock (sku, track) values ($1, false)`, sku)
			require.NoError(t, err)
		}
	}
}

func drawQuery(t *rapid.T, s *shelf) Query {
	seldom := func(name string) bool { return rapid.IntRange(0, 3).Draw(t, name+"?") == 0 }
	some := func(name string, from ...string) []string {
		if !seldom(name) {
			return nil
		}
		return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, 3, rapid.ID).Draw(t, name)
	}
	amount := func(name string) *int64 {
		if !seldom(name) {
			return nil
		}
		n := rapid.Int64Range(0, 1200).Draw(t, name)
		return &n
	}
	q := Query{
		Brands: some("brands", "Smith", "Jones", "Nobody"), Values: map[string][]string{}, Ranges: map[string]Range{},
		Currency: rapid.SampledFrom([]string{"USD", "JPY", "KWD"}).Draw(t, "currency"), PriceMin: amount("from"), PriceMax: amount("to"),
		InStock: seldom("in stock"), Featured: seldom("featured"),
		At:   s.now.Add(time.Duration(rapid.IntRange(-150, 150).Draw(t, "minutes")) * time.Minute),
		Sort: rapid.SampledFrom([]string{"newest", "price", "-price", "name", "featured", "position", "relevance"}).Draw(t, "sort"),
	}
	for _, of := range [][]string{{"colour", "Black", "Grey", "Blue"}, {"size", "S", "M", "L"}, {"weight", "1", "2", "3"}} {
		if chosen := some(of[0], of[1:]...); chosen != nil {
			q.Values[of[0]] = chosen
		}
	}
	if seldom("weight from") {
		n := rapid.SampledFrom([]float64{0, 1.5, 3, 8, 100, 1e290}).Draw(t, "weight from")
		q.Ranges["weight"] = Range{Min: &n}
	}
	switch rapid.IntRange(0, 3).Draw(t, "where") {
	case 0:
		q.Category, q.Categories = &s.categories[0], s.categories
	case 1:
		q.Category, q.Categories = &s.categories[1], s.categories[1:2]
	case 2:
		q.Text = "x"
		for i, e := range s.entries {
			if i%3 == 0 {
				q.Hits = append(q.Hits, search.Hit{ProductID: e.ProductID, Score: float64(i % 5)})
			}
		}
	}
	return q
}

// model judges by hand; variants that match the query, its selection of one
// code left out, and what they cost.
func (s *shelf) model(q Query, e Entry, except string) (matching []Variant, costs map[uuid.UUID]int64) {
	costs = map[uuid.UUID]int64{}
	for _, p := range s.spans {
		if p.Currency == q.Currency && !p.StartsAt.After(q.At) && (p.EndsAt == nil || p.EndsAt.After(q.At)) {
			costs[p.VariantID] = p.Amount
		}
	}
	found := q.Text == "" || slices.ContainsFunc(q.Hits, func(h search.Hit) bool { return h.ProductID == e.ProductID })
	within := q.Categories == nil || slices.ContainsFunc(e.Categories, func(c uuid.UUID) bool { return slices.Contains(q.Categories, c) })
	begun := e.VisibleFrom == nil || !e.VisibleFrom.After(q.At)
	ended := e.VisibleUntil != nil && !e.VisibleUntil.After(q.At)
	if !found || !within || !begun || ended || q.Featured && !e.Featured {
		return nil, costs
	}
	for _, v := range e.Variants {
		if s.meets(q, e, v, costs, except) {
			matching = append(matching, v)
		}
	}
	return matching, costs
}

func (s *shelf) meets(q Query, e Entry, v Variant, costs map[uuid.UUID]int64, except string) bool {
	cost, priced := costs[v.ID]
	wrongPrice := q.PriceMin != nil && (!priced || cost < *q.PriceMin) || q.PriceMax != nil && (!priced || cost > *q.PriceMax)
	wrongBrand := q.Brands != nil && !slices.Contains(q.Brands, e.Brand)
	if q.InStock && !s.stocked[v.SKU] || except != Price && wrongPrice || except != Brand && wrongBrand {
		return false
	}
	for code, wanted := range q.Values {
		have := append(texts(e.Attributes[code]), v.Options[code])
		if code != except && !slices.ContainsFunc(have, func(h string) bool { return slices.Contains(wanted, h) }) {
			return false
		}
	}
	r, ranged := q.Ranges["weight"]
	return !ranged || except == "weight" || e.Attributes["weight"].(float64) >= *r.Min
}

// answer is the whole result in its order.
func (s *shelf) answer(q Query) []match {
	l := lister{query: q, sort: q.effectiveSort()}
	var all []match
	for _, e := range s.entries {
		matching, costs := s.model(q, e, "")
		if matching == nil {
			continue
		}
		m := match{id: e.ProductID, price: unpriced, published: e.PublishedAt.UnixMicro(), name: nameKey(e.Name), featured: e.Featured, place: nowhere}
		for _, v := range matching {
			if cost, priced := costs[v.ID]; priced && (m.price == unpriced || cost < m.price) {
				m.price = cost
			}
		}
		if q.Category != nil {
			if place, placed := e.Positions[*q.Category]; placed {
				m.place = int64(place)
			}
		}
		for _, h := range q.Hits {
			if h.ProductID == e.ProductID {
				m.score = h.Score
			}
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b match) int { return ordered(l.sort)(&a, &b) })
	return all
}

func hitsOf(all []match, sort string) []Hit {
	hits := make([]Hit, len(all))
	for i := range all {
		hits[i] = all[i].hit(sort)
	}
	return hits
}

// pages follows a result to its end, each page with another effort.
func pages(t *rapid.T, db postgres.DB, q Query, limit int, between func(last Hit)) []Hit {
	var all []Hit
	p := Page{Limit: limit}
	for {
		p.Total = rapid.Bool().Draw(t, "total")
		r, err := list(context.Background(), db, q, p, drawEffort(t))
		require.NoError(t, err)
		if len(r.Hits) == 0 {
			return all
		}
		all = append(all, r.Hits...)
		last := r.Hits[len(r.Hits)-1]
		at := last.Position()
		p.After = &at
		between(last)
	}
}

// drawEffort makes efforts so small that few products go all ways.
func drawEffort(t *rapid.T) effort {
	n := func(name string, from ...int) int { return rapid.SampledFrom(from).Draw(t, name) }
	small := n("small", 0, 50, 1000)
	return effort{
		exact: n("exact", 3, 20, 1000), first: n("first", 4, 25, 1200), few: n("few", 1, 10, 1000), while: n("while", 1, 30, 1000), step: n("step", 10, 100),
		categories: n("categories", 0, 1, 64), whole: min(n("whole", 0, 30, 1000), small), small: small, sample: n("sample", 1, 5, 100), numbers: n("numbers", 0, 4, 200),
	}
}

func TestAResultIsWhatBruteForceFindsWhateverTheEffort(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	pool, s := db.Pool(t, "catalog"), fill(0, 90)
	s.store(t, db, pool)
	rapid.Check(t, func(rt *rapid.T) {
		q := drawQuery(rt, s)
		limit := rapid.SampledFrom([]int{4, 11, 100}).Draw(rt, "limit")
		want := hitsOf(s.answer(q), q.effectiveSort())
		require.Equal(rt, append([]Hit{}, want...), append([]Hit{}, pages(rt, pool, q, limit, func(Hit) {})...))
	})
}

func TestCountsAreWhatBruteForceCountsWhateverTheEffort(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := testdb.New(t)
	pool, s := db.Pool(t, "catalog"), fill(0, 90)
	s.store(t, db, pool)
	_, err := db.Owner(t).Exec(ctx, `insert into catalog.attributes (code, name, type, filterable) values
		('colour', 'Colour', 'text', true), ('wireless', 'Wireless', 'boolean', true), ('weight', 'Weight', 'number', true), ('size', 'Size', 'text', true)`)
	require.NoError(t, err)
	rapid.Check(t, func(rt *rapid.T) {
		q, e := drawQuery(rt, s), drawEffort(rt)
		r, err := list(ctx, pool, q, Page{Limit: 3, Total: true, Facets: true, Codes: rapid.SampledFrom([][]string{
			nil, {Brand, Price, "colour", "wireless", "weight", "size"}, {"size"},
		}).Draw(rt, "codes")}, e)
		require.NoError(rt, err)
		want := s.answer(q)
		require.Equal(rt, min(len(want), e.exact), r.Total)
		require.Equal(rt, len(want) <= e.exact, r.Exact)
		for _, f := range r.Facets {
			if f.Exact {
				require.Equal(rt, s.facet(q, f), f)
			}
		}
	})
}

// facet counts one by hand.
func (s *shelf) facet(q Query, f Facet) Facet {
	counts, b := map[string]int64{}, bounds{}
	for _, e := range s.entries {
		matching, costs := s.model(q, e, f.Code)
		if matching == nil {
			continue
		}
		have := map[string]bool{}
		for _, v := range matching {
			for _, text := range append(texts(e.Attributes[f.Code]), v.Options[f.Code]) {
				have[text] = true
			}
			if cost, priced := costs[v.ID]; priced && f.Code == Price {
				b.add(float64(cost))
			}
		}
		if n, is := e.Attributes[f.Code].(float64); is {
			b.add(n)
		}
		if f.Code == Brand {
			have[e.Brand] = true
		}
		for text := range have {
			counts[text]++
		}
	}
	if f.Min, f.Max, f.Values = nil, nil, nil; b.any {
		f.Min, f.Max = &b.min, &b.max
		return f
	}
	for value, n := range counts {
		if value != "" {
			f.Values = append(f.Values, FacetValue{Value: value, Count: n, Selected: slices.Contains(append(slices.Clone(q.Brands), q.Values[f.Code]...), value)})
		}
	}
	slices.SortFunc(f.Values, byCount)
	return f
}

// What is written between two pages neither repeats nor hides what was there.
func TestPagesSurviveWhatIsWrittenBetweenThem(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	pool, s := db.Pool(t, "catalog"), fill(0, 60)
	s.store(t, db, pool)
	next := 1000
	rapid.Check(t, func(rt *rapid.T) {
		q := drawQuery(rt, s)
		want := hitsOf(s.answer(q), q.effectiveSort())
		var others []uuid.UUID
		got := pages(rt, pool, q, 9, func(Hit) {
			more := fill(next, next+2)
			next += 2
			more.stocked = nil
			more.store(t, db, pool)
			for _, e := range more.entries {
				others = append(others, e.ProductID)
			}
		})
		got = slices.DeleteFunc(got, func(h Hit) bool { return slices.Contains(others, h.ProductID) })
		require.Equal(rt, append([]Hit{}, want...), append([]Hit{}, got...))
		require.NoError(rt, postgres.InTx(context.Background(), pool, func(tx pgx.Tx) error {
			return Write(context.Background(), tx, others, nil, nil)
		}))
	})
}

func TestCategoriesCountEachOfTheirProductsOnceWhateverWasWritten(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := testdb.New(t)
	pool, all := db.Pool(t, "catalog"), fill(0, 40)
	within := map[uuid.UUID][]uuid.UUID{all.categories[0]: all.categories}
	for _, c := range all.categories[1:] {
		within[c] = []uuid.UUID{c}
	}
	listed := map[uuid.UUID]Entry{}
	rapid.Check(t, func(rt *rapid.T) {
		chosen := rapid.SliceOfNDistinct(rapid.SampledFrom(all.entries), 1, 10, func(e Entry) uuid.UUID { return e.ProductID }).Draw(rt, "products")
		var cleared []uuid.UUID
		var entries []Entry
		for _, e := range chosen {
			cleared = append(cleared, e.ProductID)
			delete(listed, e.ProductID)
			if rapid.Bool().Draw(rt, "listed") {
				e.Categories = rapid.SliceOfNDistinct(rapid.SampledFrom(all.categories), 0, 3, rapid.ID).Draw(rt, "categories")
				entries = append(entries, e)
				listed[e.ProductID] = e
			}
		}
		require.NoError(rt, postgres.InTx(ctx, pool, func(tx pgx.Tx) error { return Write(ctx, tx, cleared, entries, all.spans) }))
		want, now := map[uuid.UUID]int64{}, time.Now()
		for c, members := range within {
			for _, e := range listed {
				shown := (e.VisibleFrom == nil || !e.VisibleFrom.After(now)) && (e.VisibleUntil == nil || e.VisibleUntil.After(now))
				if shown && slices.ContainsFunc(e.Categories, func(c uuid.UUID) bool { return slices.Contains(members, c) }) {
					want[c]++
				}
			}
		}
		got, err := countProducts(ctx, pool, within, rapid.Int64Range(0, 20).Draw(rt, "loose"))
		require.NoError(rt, err)
		for c := range within {
			require.Equal(rt, want[c], got[c])
		}
	})
}

// Hashes do not tell a text from a number that reads the same.
func TestANumberIsFoundInARangeAlthoughATextWasThereFirst(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool, s := testdb.New(t).Pool(t, "catalog"), fill(0, 2)
	s.entries[0].Attributes, s.entries[1].Attributes = map[string]any{"weight": "5"}, map[string]any{"weight": 5.0}
	for _, e := range s.entries {
		require.NoError(t, postgres.InTx(ctx, pool, func(tx pgx.Tx) error { return Write(ctx, tx, nil, []Entry{e}, nil) }))
	}
	five := 5.0
	r, err := List(ctx, pool, Query{Currency: "USD", At: s.now, Ranges: map[string]Range{"weight": {Min: &five, Max: &five}}}, Page{Limit: 5})
	require.NoError(t, err)
	require.Len(t, r.Hits, 1)
	require.Equal(t, s.entries[1].ProductID, r.Hits[0].ProductID)
}
