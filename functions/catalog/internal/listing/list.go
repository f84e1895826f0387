package listing

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

// Page is what of a result is wanted.
type Page struct {
	After  *Position // the end of the page before
	Limit  int
	Total  bool
	Facets bool
	Codes  []string // of the facets: a category's filters; nil means those that most products have
}

// Result is a page of what matches, and what was counted.
type Result struct {
	Hits   []Hit
	Total  int // of all matches, when asked for
	Exact  bool
	Facets []Facet
}

// lister answers one query.
type lister struct {
	query   Query
	sort    string
	limit   int
	judge   *judge
	compare order
	extent  extent
	effort  effort
	within  int // products of the categories, at most one more than are small
	size    int // the same without bound, as far as it is known
	places  map[uuid.UUID]int64
	scores  map[uuid.UUID]float64
	sampled int // products of the categories that were looked at
	// pricesAreFew says that few products serve the facet of the price: a walk
	// through all prices would hardly meet them.
	pricesAreFew bool
}

// List reads a page of what matches a query. It may read on several connections
// at once: db is no transaction.
func List(ctx context.Context, db postgres.DB, q Query, p Page) (Result, error) {
	return list(ctx, db, q, p, usual())
}

func list(ctx context.Context, db postgres.DB, q Query, p Page, e effort) (Result, error) {
	l := &lister{query: q, sort: q.effectiveSort(), limit: p.Limit, judge: newJudge(q), effort: e}
	l.compare = ordered(l.sort)
	l.extent = extent{named: l.sort == "name", stocked: q.InStock}
	var after *match
	if p.After != nil {
		var err error
		if after, err = p.After.match(l.sort); err != nil {
			return Result{}, err
		}
	}
	if err := l.prepare(ctx, db); err != nil {
		return Result{}, err
	}
	if p.Total || p.Facets {
		return l.counted(ctx, db, p, after)
	}
	found, err := l.page(ctx, db, after)
	return Result{Hits: l.hits(found)}, err
}

const placesSQL = `
select p.product_id, p.position
from catalog.listed_categories p
where p.category_id = @category
    and p.position is not null`

// prepare reads what the way to the result depends on, and what the order knows
// and products do not.
func (l *lister) prepare(ctx context.Context, db postgres.DB) error {
	if err := l.measure(ctx, db); err != nil {
		return err
	}
	for i := range l.judge.selections {
		if err := l.judge.selections[i].resolve(ctx, db, l.effort.numbers); err != nil {
			return err
		}
	}
	if l.query.Text != "" {
		l.scores = make(map[uuid.UUID]float64, len(l.query.Hits))
		for _, h := range l.query.Hits {
			l.scores[h.ProductID] = h.Score
		}
	}
	if l.sort != "position" {
		return nil
	}
	rows, err := db.Query(ctx, placesSQL, pgx.NamedArgs{"category": *l.query.Category})
	if err != nil {
		return fmt.Errorf("places in a category: %w", err)
	}
	l.places = map[uuid.UUID]int64{}
	var id uuid.UUID
	var place int64
	_, err = pgx.ForEachRow(rows, []any{&id, &place}, func() error {
		l.places[id] = place
		return nil
	})
	if err != nil {
		return fmt.Errorf("places in a category: %w", err)
	}
	return nil
}

// matchOf is a candidate as it is sorted, its price still unknown.
func (l *lister) matchOf(c *candidate) match {
	m := match{id: c.id, price: unpriced, published: c.published, featured: c.featured, place: nowhere, score: l.scores[c.id]}
	if l.extent.named {
		m.name = string(c.name)
	}
	if place, placed := l.places[c.id]; placed {
		m.place = place
	}
	return m
}

// page finds a page by the way that is likely the shortest, and by the others
// when it is not.
func (l *lister) page(ctx context.Context, db postgres.DB, after *match) ([]match, error) {
	f := l.find("")
	if most := l.first(f); most > 0 {
		g, err := l.gather(ctx, db, f, most, after, nil)
		if err != nil || g.complete {
			return g.page, err
		}
	}
	w := l.walk(after)
	if done, err := w.proceed(ctx, db, l.effort.while); err != nil || done {
		return w.found, err
	}
	g, err := l.gather(ctx, db, f, l.effort.first, after, nil)
	if err != nil || g.complete {
		return g.page, err
	}
	_, err = w.proceed(ctx, db, forever)
	return w.found, err
}

// first is how many candidates are read before a walk is tried.
func (l *lister) first(f finder) int {
	q := l.query
	plain := len(l.judge.selections) == 0 && !q.InStock
	indexed := l.sort == "newest" || l.sort == "position"
	switch {
	case !f.narrow(), plain && q.Text == "" && indexed && (q.Featured != (len(q.Categories) > 0)):
		return 0 // each step of the walk is a match
	case plain && len(q.Categories) > 0 && l.within <= l.effort.exact:
		return l.effort.first
	}
	return l.effort.few
}

const forever = 1 << 62

// gathered is what a reading of candidates has found.
type gathered struct {
	matches  int     // of candidates without bound, at most one more than are counted exactly
	complete bool    // there are no others
	page     []match // those that come next, if it is complete
}

// collector judges candidates and keeps the page after a match.
type collector struct {
	*lister
	gathered
	after   *match
	bounded bool                           // matches are few: all are wanted
	count   func(c *candidate, v *verdict) // told of each that serves anything; nil when nobody counts
}

func (g *collector) take(c *candidate) {
	if g.matches > g.effort.exact && !g.bounded || !g.judge.consider(c) {
		return
	}
	v := &g.judge.verdict
	if g.count != nil {
		g.count(c, v)
	}
	if !v.matches {
		return
	}
	g.matches++
	m := g.matchOf(c)
	m.price = v.lowest
	if g.after == nil || g.compare(&m, g.after) > 0 {
		g.gathered.page = g.keep(g.gathered.page, m)
	}
}

// gather reads at most so many candidates and keeps the page after a match.
// Facets are counted on the way.
func (l *lister) gather(ctx context.Context, db postgres.DB, f finder, most int, after *match, count func(c *candidate, v *verdict)) (gathered, error) {
	c := collector{lister: l, after: after, bounded: f.bounded, count: count}
	all, err := f.read(ctx, db, l.extent, l.judge, most, c.take)
	c.complete = all && (c.matches <= l.effort.exact || f.bounded)
	return c.gathered, err
}

// keep adds a match to a page that is in order, of which the last may leave.
func (l *lister) keep(page []match, m match) []match {
	if len(page) == l.limit && l.compare(&m, &page[len(page)-1]) > 0 {
		return page
	}
	at, _ := slices.BinarySearchFunc(page, &m, func(a match, b *match) int { return l.compare(&a, b) })
	page = slices.Insert(page, at, m)
	return page[:min(len(page), l.limit)]
}

func (l *lister) hits(found []match) []Hit {
	found = found[:min(len(found), l.limit)]
	hits := make([]Hit, len(found))
	for i := range found {
		hits[i] = found[i].hit(l.sort)
	}
	return hits
}

// Clock is the moment to judge a result at. It is the database's: by another
// clock a price that was just set might not hold yet.
func Clock(ctx context.Context, db postgres.DB) (time.Time, error) {
	var at time.Time
	if err := db.QueryRow(ctx, `select clock_timestamp()`).Scan(&at); err != nil {
		return at, fmt.Errorf("clock of listings: %w", err)
	}
	return at.UTC(), nil
}
