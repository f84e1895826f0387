package listing

import (
	"context"
	"fmt"
	"math"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

// An index holds the products of a category as they are judged, one beside the
// other: a scan reads that alone. A product is there once for each of the
// categories that it stands in.
const scanSQL = `
select i.product_id, i.packed, null::text as name_key, null::text as stock, c.place
from unnest(@categories::uuid[], @after::uuid[]) with ordinality as c (id, after, place)
cross join lateral (
    select p.product_id, p.packed
    from catalog.listed_categories p
    where p.category_id = c.id
        and p.product_id > c.after
    order by p.product_id
    limit @each
) i
limit @most`

// scan reads the products of categories in the order they are stored in, and
// can be gone on with where it stopped.
type scan struct {
	extent     extent
	likely     func(c *candidate) bool // says, without name and stock, that a product may serve
	categories []uuid.UUID             // those that are not read to their end
	after      []uuid.UUID             // where the reading of each stopped
	seen       map[uuid.UUID]bool
	read       int
}

func newScan(categories []uuid.UUID, e extent, likely func(c *candidate) bool) *scan {
	return &scan{extent: e, likely: likely, categories: categories, after: make([]uuid.UUID, len(categories)), seen: map[uuid.UUID]bool{}}
}

func (s *scan) ended() bool { return len(s.categories) == 0 }

// proceed reads at most so many more, and of each category at most so many.
func (s *scan) proceed(ctx context.Context, db postgres.DB, most, each int, do func(c *candidate)) error {
	args := pgx.NamedArgs{"categories": s.categories, "after": s.after, "most": most, "each": each}
	taken, last, n := make([]int, len(s.categories)), 0, 0
	var further []uuid.UUID
	err := forEach(ctx, db, scanSQL, args, func(c *candidate) {
		n++
		last = int(c.key) - 1
		taken[last]++
		s.after[last] = c.id
		switch {
		case !c.whole || (s.extent.named || s.extent.stocked) && s.likely(c):
			further = append(further, c.id)
		case s.extent.named || s.extent.stocked:
		case c.alone || s.first(c.id):
			do(c)
		}
	})
	if err != nil {
		return err
	}
	s.read += n
	if n < most {
		last = len(s.categories)
	}
	s.leave(func(at int) bool { return at < last && taken[at] < each })
	return s.fetch(ctx, db, further, do)
}

// fetch reads what an index does not hold: products that are too long for it,
// their names and what is in stock.
func (s *scan) fetch(ctx context.Context, db postgres.DB, products []uuid.UUID, do func(c *candidate)) error {
	if len(products) == 0 {
		return nil
	}
	return forEach(ctx, db, foundSQL, s.extent.args(pgx.NamedArgs{"products": products}), func(c *candidate) {
		if s.first(c.id) {
			do(c)
		}
	})
}

// first says that a product of several categories is met for the first time.
func (s *scan) first(id uuid.UUID) bool {
	if s.seen[id] {
		return false
	}
	s.seen[id] = true
	return true
}

// leave lets categories out of which nothing is left.
func (s *scan) leave(read func(at int) bool) {
	var categories, after []uuid.UUID
	for at, c := range s.categories {
		if !read(at) {
			categories, after = append(categories, c), append(after, s.after[at])
		}
	}
	s.categories, s.after = categories, after
}

// scanned counts all that a page is to tell in one scan of its categories. It
// begins with a sample of all of them; done is false when that says that to look
// up what is selected is quicker.
func (l *lister) scanned(ctx context.Context, db postgres.DB, p Page, after *match, own map[string]*tally) (main *tally, g gathered, done bool, err error) {
	main = newTally(none, p.Codes)
	c := collector{lister: l, after: after}
	if p.Facets {
		c.count = alsoFor(main, own)
	}
	s := newScan(l.query.Categories, l.extent, l.judge.consider)
	most, each := l.effort.small, l.effort.small
	if l.within > l.effort.small {
		most = l.effort.sample
		each = most/len(l.query.Categories) + 1
	}
	for first := true; ; first = false {
		if err := s.proceed(ctx, db, most, each, c.take); err != nil {
			return nil, g, false, err
		}
		l.sampled = s.read
		switch {
		case s.ended():
			c.complete = c.matches <= l.effort.exact
			return main, c.gathered, true, nil
		case c.matches > l.effort.exact:
			return main, c.gathered, true, nil
		case first && l.quicker(c.matches, own):
			return main, c.gathered, false, nil
		}
		most = l.rest(c.matches)
		each = most
	}
}

// expected is how many there are likely to be of what so many of the sample are.
func (l *lister) expected(n int) float64 {
	return float64(n) * float64(l.size) / float64(max(l.sampled, 1))
}

// rest is how many more products of a category are likely to be read until so
// many match that they are not counted any more, or none is left.
func (l *lister) rest(matches int) int {
	left := max(l.size-l.sampled, l.effort.sample)
	needed := float64(l.effort.exact+1-matches) * float64(l.sampled) / float64(max(matches, 1))
	return int(math.Min(float64(left), 1.1*needed+float64(l.effort.sample)))
}

const (
	// scattered is how much longer it takes to read a product that an index of
	// terms has found than the next one of a scan.
	scattered = 5
	// beginning is how many products an index of terms takes as long as to find
	// the first.
	beginning = 800
)

// quicker says, from a sample, that looking up what is selected, for the result
// and for each facet that leaves a selection out, is likely to be quicker than
// the rest of the scan.
func (l *lister) quicker(matches int, own map[string]*tally) bool {
	lookup := func(code string, n int) float64 {
		if l.find(code).within != nil {
			return math.Inf(1)
		}
		return beginning + math.Min(l.expected(n+1), float64(l.effort.first))
	}
	cost := lookup("", matches)
	for code, t := range own {
		if t.products <= l.effort.exact {
			cost += lookup(code, t.products)
		}
	}
	return scattered*cost < float64(l.rest(matches))
}

// Products of several categories, or with a time of publishing, are not counted
// ahead: of a category that seems small they are counted one by one.
const sizeSQL = `
with known as (
    select coalesce(sum(n.products), 0)::bigint as products
    from catalog.listed_counts n
    where n.category_id = any(@categories::uuid[])
)
select greatest(k.products, case when k.products < @most then (
    select count(*)
    from (
        select
        from unnest(@categories::uuid[]) as c (id)
        cross join lateral (
            select
            from catalog.listed_categories p
            where p.category_id = c.id
            order by p.published_at desc, p.product_id
            limit @most
        ) p
        limit @most
    ) p
) else 0 end)
from known k`

// measure counts the products of the categories, as far as it matters; of more
// it only takes what is likely.
func (l *lister) measure(ctx context.Context, db postgres.DB) error {
	if len(l.query.Categories) == 0 {
		return nil
	}
	most := l.effort.small + 1
	if err := db.QueryRow(ctx, sizeSQL, pgx.NamedArgs{"categories": l.query.Categories, "most": most}).Scan(&l.size); err != nil {
		return fmt.Errorf("size of a category: %w", err)
	}
	l.within = min(l.size, most)
	return nil
}
