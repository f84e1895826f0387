package listing

import (
	"context"
	"errors"
	"maps"
	"math"
	"reflect"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mallhive/product-service/shared/postgres"
)

// counted reads a page of a result that is counted too.
func (l *lister) counted(ctx context.Context, db postgres.DB, p Page, after *match) (Result, error) {
	own := l.ownTallies(p)
	main, g, err := l.tallied(ctx, db, p, after, own)
	if err != nil {
		return Result{}, err
	}
	r := Result{Total: min(g.matches, l.effort.exact), Exact: g.matches <= l.effort.exact && !l.query.Partial}
	if !g.complete {
		w := l.walk(after)
		if _, err := w.proceed(ctx, db, forever); err != nil {
			return Result{}, err
		}
		g.page = w.found
	}
	r.Hits = l.hits(g.page)
	if !p.Facets {
		return r, nil
	}
	codes := p.Codes
	if codes == nil {
		if codes, err = main.common(ctx, db); err != nil {
			return Result{}, err
		}
	}
	r.Facets, err = l.facets(ctx, db, codes, main, own)
	return r, err
}

// tallied reads all that match, as far as they are counted exactly, so that the
// page is among them unless they are many, and fills the tallies.
func (l *lister) tallied(ctx context.Context, db postgres.DB, p Page, after *match, own map[string]*tally) (*tally, gathered, error) {
	counted := map[string]bool{}
	if len(l.query.Categories) > 0 && l.query.Text == "" {
		main, g, done, err := l.scanned(ctx, db, p, after, own)
		if err != nil || done {
			return main, g, err
		}
		for code, t := range own {
			counted[code] = t.products > l.effort.exact
		}
		l.pricesAreFew = own[Price] != nil && l.expected(own[Price].products) <= float64(l.effort.first)
	}
	// Facets with a selection of their own are counted meanwhile.
	shared, apart := l.divide(own)
	maps.DeleteFunc(apart, func(code string, _ *tally) bool { return counted[code] })
	meanwhile, alongside := errgroup.WithContext(ctx)
	meanwhile.Go(func() error { return l.countOwn(alongside, db, apart) })
	main, g, err := l.gatherAll(ctx, db, p, after, shared)
	return main, g, errors.Join(err, meanwhile.Wait())
}

// gatherAll reads candidates until all are read or more match than are counted.
// What they serve besides is counted where they are the same for every facet.
func (l *lister) gatherAll(ctx context.Context, db postgres.DB, p Page, after *match, own map[string]*tally) (main *tally, g gathered, err error) {
	f := l.find("")
	for most := l.effort.first; ; most = l.more(most, g.matches) {
		var count func(c *candidate, v *verdict)
		if p.Facets {
			main = newTally(none, p.Codes)
			count = main.add
			if len(own) > 0 {
				count = alsoFor(main, own)
			}
		}
		g, err = l.gather(ctx, db, f, most, after, count)
		if err != nil || g.complete || g.matches > l.effort.exact {
			return main, g, err
		}
	}
}

// more is how many candidates to read when so many had so few matches: as many
// as are likely to have all that are counted.
func (l *lister) more(read, matches int) int {
	likely := float64(read) * float64(l.effort.exact) / float64(max(matches, 1))
	return int(min(max(4*float64(read), 1.5*likely), math.MaxInt32))
}

// divide tells the facets that the candidates of the result serve too from those
// whose own selection had a part in finding these.
func (l *lister) divide(own map[string]*tally) (shared, apart map[string]*tally) {
	shared, apart = map[string]*tally{}, map[string]*tally{}
	found := l.find("")
	for code, t := range own {
		if reflect.DeepEqual(l.find(code), found) {
			shared[code] = t
		} else {
			apart[code] = t
		}
	}
	return shared, apart
}

// alsoFor counts for the facets with a selection of their own too, from nothing.
func alsoFor(main *tally, own map[string]*tally) func(c *candidate, v *verdict) {
	for _, t := range own {
		t.reset()
	}
	return func(c *candidate, v *verdict) {
		main.add(c, v)
		for _, t := range own {
			t.add(c, v)
		}
	}
}

// ownTallies are for the codes that something is selected of: their facets leave
// out their own selection.
func (l *lister) ownTallies(p Page) map[string]*tally {
	own := map[string]*tally{}
	if !p.Facets {
		return own
	}
	for i, s := range l.judge.selections {
		if p.Codes == nil || slices.Contains(p.Codes, s.code) {
			own[s.code] = newTally(int16(i), []string{s.code}) //nolint:gosec // a request is not that long
		}
	}
	return own
}

// atOnce is how many facets are counted at once, each on a connection of its own.
const atOnce = 3

// countOwn counts each of them among candidates of its own.
func (l *lister) countOwn(ctx context.Context, db postgres.DB, own map[string]*tally) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for code, t := range own {
		group.Go(func() error { return l.countOne(ctx, db, code, t) })
	}
	return group.Wait()
}

func (l *lister) countOne(ctx context.Context, db postgres.DB, code string, t *tally) error {
	if code == Price && !l.pricesAreFew {
		if found, err := l.boundPrices(ctx, db, t); err != nil || found {
			return err
		}
	}
	f, judge := l.find(code), newJudge(l.query)
	for most := l.effort.first; ; most = l.more(most, t.products) {
		t.reset()
		all, err := f.read(ctx, db, l.extent, judge, most, func(c *candidate) {
			if t.products <= l.effort.exact && judge.consider(c) {
				t.add(c, &judge.verdict)
			}
		})
		if err != nil || all || t.products > l.effort.exact {
			return err
		}
	}
}

// boundPrices finds the lowest and the highest price without the selection of
// prices, by walks from both ends: in a large result they are soon met, and
// reading it would be long. False says that they were not met.
func (l *lister) boundPrices(ctx context.Context, db postgres.DB, t *tally) (bool, error) {
	var ends bounds
	for _, sort := range []string{"price", "-price"} {
		end, found, err := l.endOfPrices(ctx, db, sort)
		if err != nil || !found {
			return false, err
		}
		ends.add(end)
	}
	t.prices = ends
	return true, nil
}

func (l *lister) endOfPrices(ctx context.Context, db postgres.DB, sort string) (end float64, met bool, err error) {
	q := l.query
	q.PriceMin, q.PriceMax = nil, nil
	o := &lister{query: q, sort: sort, limit: 1, judge: newJudge(q), compare: ordered(sort), effort: l.effort, within: l.within}
	o.extent = extent{stocked: q.InStock}
	w := o.walk(nil)
	w.left, w.most = w.left[:1], max(1, l.effort.few/10)
	// Any variant that serves counts, not only a product's cheapest.
	var prices bounds
	w.left[0].wanted = func(_ *match, key int64) bool {
		v, here := &o.judge.verdict, false
		for place, missed := range v.missed {
			here = here || missed == none && v.prices[place] == key
		}
		for place, missed := range v.missed {
			if here && missed == none && v.prices[place] != unpriced {
				prices.add(float64(v.prices[place]))
			}
		}
		return here
	}
	if _, err = w.proceed(ctx, db, l.effort.while); sort == "price" {
		return prices.min, prices.any, err
	}
	return prices.max, prices.any, err
}
