package listing

import (
	"context"
	"slices"

	"github.com/mallhive/product-service/shared/postgres"
)

// counted reads a page of a result that is counted too: all that match, as far
// as they are counted exactly, so that the page is among them unless they are
// many.
func (l *lister) counted(ctx context.Context, db postgres.DB, p Page, after *match) (Result, error) {
	l.extent.numbered = l.extent.numbered || p.Facets
	f, err := l.query.find(ctx, db, "")
	if err != nil {
		return Result{}, err
	}
	main, all, complete, err := l.gatherAll(ctx, db, f, p)
	if err != nil {
		return Result{}, err
	}
	r := Result{Total: min(len(all), MaxExact), Exact: len(all) <= MaxExact && !l.query.Partial}
	if complete {
		r.Hits = l.hits(l.cut(slices.Clone(all), after))
	} else {
		w := l.walk(after)
		if _, err := w.proceed(ctx, db, forever); err != nil {
			return Result{}, err
		}
		r.Hits = l.hits(w.found)
	}
	if !p.Facets {
		return r, nil
	}
	codes := p.Codes
	if codes == nil {
		if codes, err = main.common(ctx, db); err != nil {
			return Result{}, err
		}
	}
	own, err := l.ownCounts(ctx, db, codes)
	if err != nil {
		return Result{}, err
	}
	r.Facets, err = l.facets(ctx, db, codes, main, own)
	return r, err
}

// gatherAll reads candidates until all are read or more match than are counted.
func (l *lister) gatherAll(ctx context.Context, db postgres.DB, f finder, p Page) (main *tally, all []match, complete bool, err error) {
	for most := firstCandidates; ; most *= 4 {
		var count func(c *candidate, v *verdict)
		if p.Facets {
			main = newTally(none, p.Codes)
			count = main.add
		}
		all, complete, err = l.gather(ctx, db, f, most, count)
		if err != nil || complete || len(all) > MaxExact {
			return main, all, complete, err
		}
	}
}

// ownCounts counts the facets of the codes that something is selected of, each
// without its own selection.
func (l *lister) ownCounts(ctx context.Context, db postgres.DB, codes []string) (map[string]*tally, error) {
	own := map[string]*tally{}
	for i, s := range l.judge.selections {
		if !slices.Contains(codes, s.code) {
			continue
		}
		f, err := l.query.find(ctx, db, s.code)
		if err != nil {
			return nil, err
		}
		for most := firstCandidates; ; most *= 4 {
			t := newTally(int16(i), []string{s.code}) //nolint:gosec // a request is not that long
			own[s.code] = t
			all, err := f.read(ctx, db, l.extent, most, func(c *candidate) {
				if t.products <= MaxExact && l.judge.consider(c) {
					t.add(c, &l.judge.verdict)
				}
			})
			if err != nil {
				return nil, err
			}
			if all || t.products > MaxExact {
				break
			}
		}
	}
	return own, nil
}
