package listing

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mallhive/product-service/shared/postgres"
)

// counted reads a page of a result that is counted too. Where the facets are
// known from the start, those with a selection of their own are counted
// meanwhile.
func (l *lister) counted(ctx context.Context, db postgres.DB, p Page, after *match) (Result, error) {
	own := l.ownTallies(p)
	ahead := p.Codes != nil && !l.wide()
	meanwhile, alongside := errgroup.WithContext(ctx)
	if ahead {
		meanwhile.Go(func() error { return l.countOwn(alongside, db, own) })
	}
	r, main, err := l.matches(ctx, db, p, after, own)
	if failed := meanwhile.Wait(); err != nil || failed != nil || !p.Facets {
		return r, errors.Join(err, failed)
	}
	codes := p.Codes
	if codes == nil {
		if codes, err = main.common(ctx, db); err != nil {
			return Result{}, err
		}
	}
	if !ahead && !l.wide() {
		own = l.ownTallies(Page{Facets: true, Codes: codes})
		if err := l.countOwn(ctx, db, own); err != nil {
			return Result{}, err
		}
	}
	r.Facets, err = l.facets(ctx, db, codes, main, own)
	return r, err
}

// matches reads all that match, as far as they are counted exactly, so that the
// page is among them unless they are many.
func (l *lister) matches(ctx context.Context, db postgres.DB, p Page, after *match, own map[string]*tally) (Result, *tally, error) {
	main, g, err := l.gatherAll(ctx, db, p, after, own)
	if err != nil {
		return Result{}, nil, err
	}
	r := Result{Total: min(g.matches, l.effort.exact), Exact: g.matches <= l.effort.exact && !l.query.Partial}
	if g.complete {
		r.Hits = l.hits(g.page)
		return r, main, nil
	}
	w := l.walk(after)
	_, err = w.proceed(ctx, db, forever)
	r.Hits = l.hits(w.found)
	return r, main, err
}

// gatherAll reads candidates until all are read or more match than are counted.
// What they serve besides is counted where they are the same for every facet.
func (l *lister) gatherAll(ctx context.Context, db postgres.DB, p Page, after *match, own map[string]*tally) (main *tally, g gathered, err error) {
	f := l.find("")
	for most := l.effort.first; ; most *= 4 {
		var count func(c *candidate, v *verdict)
		if p.Facets {
			main = newTally(none, p.Codes)
			count = main.add
			if l.wide() {
				count = alsoFor(main, own)
			}
		}
		g, err = l.gather(ctx, db, f, most, after, count)
		if err != nil || g.complete || g.matches > l.effort.exact {
			return main, g, err
		}
	}
}

// alsoFor counts for the facets with a selection of their own too.
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
	f, judge := l.find(code), newJudge(l.query)
	for most := l.effort.first; ; most *= 4 {
		t.reset()
		all, err := f.read(ctx, db, l.extent, most, most == l.effort.first, func(c *candidate) {
			if t.products <= l.effort.exact && judge.consider(c) {
				t.add(c, &judge.verdict)
			}
		})
		if err != nil || all || t.products > l.effort.exact {
			return err
		}
	}
}
