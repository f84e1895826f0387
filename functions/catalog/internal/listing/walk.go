package listing

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

// The statements below read the next products in an order, from where the last
// reading ended; key is what the index says of each, where the product does not
// say it itself. Within one reading their order is made here.

const walked = `,
    i.key
from (`

const joined = `
) i
join catalog.listed_products l on l.product_id = i.product_id`

const newestSQL = candidateColumns + walked + `
    (
        select p.product_id, 0::bigint as key
        from catalog.listed_products p
        where p.published_at = @published
            and p.product_id > @id
        order by p.product_id
        limit @most
    )
    union all
    (
        select p.product_id, 0
        from catalog.listed_products p
        where p.published_at < @published
        order by p.published_at desc, p.product_id
        limit @most
    )
    limit @most` + joined

const newestFeaturedSQL = candidateColumns + walked + `
    (
        select p.product_id, 0::bigint as key
        from catalog.listed_products p
        where p.featured
            and p.published_at = @published
            and p.product_id > @id
        order by p.product_id
        limit @most
    )
    union all
    (
        select p.product_id, 0
        from catalog.listed_products p
        where p.featured
            and p.published_at < @published
        order by p.published_at desc, p.product_id
        limit @most
    )
    limit @most` + joined

// Each category is walked by itself; what they have is merged.
const newestWithinSQL = candidateColumns + walked + `
    select distinct n.published_at, n.product_id, 0::bigint as key
    from unnest(@categories::uuid[]) as c (id)
    cross join lateral (
        (
            select p.published_at, p.product_id
            from catalog.listed_categories p
            where p.category_id = c.id
                and p.published_at = @published
                and p.product_id > @id
            order by p.product_id
            limit @most
        )
        union all
        (
            select p.published_at, p.product_id
            from catalog.listed_categories p
            where p.category_id = c.id
                and p.published_at < @published
            order by p.published_at desc, p.product_id
            limit @most
        )
        limit @most
    ) n
    order by n.published_at desc, n.product_id
    limit @most` + joined

const placedWithinSQL = candidateColumns + walked + `
    select p.product_id, p.position::bigint as key
    from catalog.listed_categories p
    where p.category_id = @category
        and p.position is not null
        and (p.position > @place or p.position = @place and (p.published_at < @published or p.published_at = @published and p.product_id > @id))
    order by p.position, p.published_at desc, p.product_id
    limit @most` + joined

const namedSQL = candidateColumns + walked + `
    select p.product_id, 0::bigint as key
    from catalog.listed_products p
    where (p.name_key, p.product_id) > (@name, @id)
    order by p.name_key, p.product_id
    limit @most` + joined

const cheapestSQL = candidateColumns + walked + `
    select p.product_id, p.amount as key
    from catalog.listed_prices p
    where p.currency = @currency
        and p.amount <= @high
        and (p.amount, p.product_id) > (@price, @id)
    order by p.amount, p.product_id
    limit @most` + joined

const dearestSQL = candidateColumns + walked + `
    (
        select p.product_id, p.amount as key
        from catalog.listed_prices p
        where p.currency = @currency
            and p.amount = @price
            and p.product_id > @id
        order by p.product_id
        limit @most
    )
    union all
    (
        select p.product_id, p.amount
        from catalog.listed_prices p
        where p.currency = @currency
            and p.amount < @price
            and p.amount >= @low
        order by p.amount desc, p.product_id
        limit @most
    )
    limit @most` + joined

const unpricedSQL = candidateColumns + walked + `
    select p.product_id, 0::bigint as key
    from catalog.listed_products p
    where p.product_id > @id
    order by p.product_id
    limit @most` + joined

// stage is a part of a walk: products in one order, of which the wanted are
// taken, each once.
type stage struct {
	sql    string
	args   pgx.NamedArgs
	wanted func(m *match, key int64) bool
	// visited is the match by which the order knows a candidate.
	visited func(m *match, key int64)
	start   *match
}

func asItIs(*match, int64) {}

// stages are the parts of a walk in the order of sort. A walk that begins
// behind a stage leaves it out.
func (l *lister) stages(after *match) []stage {
	low, high := l.query.costs()
	everything := func(*match, int64) bool { return true }
	newest := stage{sql: newestSQL, wanted: everything, visited: asItIs, start: l.outset()}
	// A category with so much below it is met soon enough on a walk through all.
	if n := len(l.query.Categories); n > 0 && (n <= l.effort.categories || l.within <= l.effort.small) {
		newest.sql, newest.args = newestWithinSQL, pgx.NamedArgs{"categories": l.query.Categories}
	} else if l.query.Featured {
		newest.sql = newestFeaturedSQL
	}
	switch l.sort {
	case "name":
		return begun(after, []stage{{sql: namedSQL, wanted: everything, visited: asItIs, start: l.outset()}}, false)
	case "price", "-price":
		// A product is taken where the lowest price of its matching variants stands.
		priced := stage{
			sql: cheapestSQL, args: pgx.NamedArgs{"currency": l.query.Currency, "low": low, "high": high}, start: l.outset(),
			wanted:  func(m *match, key int64) bool { return m.price == key },
			visited: func(m *match, key int64) { m.price = key },
		}
		priced.start.price = low
		if l.sort == "-price" {
			priced.sql, priced.start.price = dearestSQL, high
		}
		unpriced := stage{
			sql: unpricedSQL, start: l.outset(),
			wanted:  func(m *match, _ int64) bool { return m.price == unpriced },
			visited: func(m *match, _ int64) { m.price = unpriced },
		}
		unpriced.start.price = -1
		return begun(after, []stage{priced, unpriced}, after != nil && after.price == -1)
	case "featured":
		newest.wanted = func(m *match, _ int64) bool { return !m.featured }
		newest.visited = func(m *match, _ int64) { m.featured = false }
		featured := stage{sql: newestFeaturedSQL, wanted: everything, visited: asItIs, start: l.outset()}
		featured.start.featured = true
		return begun(after, []stage{featured, newest}, after != nil && !after.featured)
	case "position":
		newest.wanted = func(m *match, _ int64) bool { return m.place == nowhere }
		newest.visited = func(m *match, _ int64) { m.place = nowhere }
		placed := stage{
			sql: placedWithinSQL, args: pgx.NamedArgs{"category": *l.query.Category}, wanted: everything, start: l.outset(),
			visited: func(m *match, key int64) { m.place = key },
		}
		placed.start.place = -1
		return begun(after, []stage{placed, newest}, after != nil && after.place == nowhere)
	}
	return begun(after, []stage{newest}, false)
}

// begun lets a walk of stages begin after a match, in the last stage or the
// first.
func begun(after *match, stages []stage, last bool) []stage {
	if last {
		stages = stages[len(stages)-1:]
	}
	if after != nil {
		stages[0].start = after
	}
	return stages
}

// outset is before everything.
func (l *lister) outset() *match {
	return &match{price: -1, published: farAway, place: nowhere}
}

// farAway is later than every time that a document can have.
const farAway = 400_000_000_000_000_000

// longAgo is the first moment that a document can have.
const longAgo = -62_135_596_800_000_000

// storable says that PostgreSQL can be asked about the match.
func storable(m *match) bool {
	return m.published >= longAgo && m.published <= farAway && utf8.ValidString(m.name) && !strings.Contains(m.name, "\x00") &&
		m.place >= -1 && m.place <= nowhere && m.price >= unpriced
}

func (s stage) argsFrom(at *match, most int) pgx.NamedArgs {
	args := pgx.NamedArgs{
		"published": time.UnixMicro(at.published).UTC(), "id": at.id, "name": at.name, "price": at.price, "place": at.place, "most": most,
	}
	for name, value := range s.args {
		args[name] = value
	}
	return args
}

// walk is a walk through an order that can be gone on with.
type walk struct {
	*lister
	left  []stage
	at    *match
	found []match
	steps int
	most  int // candidates of the next reading
}

func (l *lister) walk(after *match) *walk {
	w := &walk{lister: l, left: l.stages(after), most: 4 * l.limit}
	if len(l.judge.selections) == 0 {
		w.most = l.limit
	}
	w.at = w.left[0].start
	return w
}

// proceed goes on until the page is full, the walk has ended or the budget is
// used up.
func (w *walk) proceed(ctx context.Context, db postgres.DB, budget int) (done bool, err error) {
	for len(w.left) > 0 && len(w.found) < w.limit {
		if w.steps >= budget {
			return false, nil
		}
		if err := w.step(ctx, db); err != nil {
			return false, err
		}
		w.most = min(4*w.most, w.effort.step)
	}
	return true, nil
}

func (w *walk) step(ctx context.Context, db postgres.DB) error {
	s := w.left[0]
	var last *match
	seen := map[uuid.UUID]bool{}
	var found []match
	n := 0
	err := forEach(ctx, db, s.sql, w.extent.args(s.argsFrom(w.at, w.most)), func(c *candidate) {
		n++
		m := w.matchOf(c)
		visited := m
		s.visited(&visited, c.key)
		if last == nil || w.compare(&visited, last) > 0 {
			last = &visited
		}
		if !w.judge.consider(c) || !w.judge.verdict.matches || seen[c.id] {
			return
		}
		m.price = w.judge.verdict.lowest
		if s.wanted(&m, c.key) {
			seen[c.id] = true
			found = append(found, m)
		}
	})
	if err != nil {
		return err
	}
	w.steps += n
	slices.SortFunc(found, func(a, b match) int { return w.compare(&a, &b) })
	w.found = append(w.found, found...)
	if n < w.most {
		if w.left = w.left[1:]; len(w.left) > 0 {
			w.at = w.left[0].start
		}
		return nil
	}
	w.at = last
	return nil
}
