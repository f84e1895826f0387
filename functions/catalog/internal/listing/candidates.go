package listing

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/mallhive/product-service/shared/postgres"
)

// candidateColumns are what a product is judged by. What is not always needed is
// asked for.
const candidateColumns = `
select
    l.product_id,
    l.packed,
    case when @named then l.name_key end as name_key,
    case when @stocked then (
        select string_agg(
            case when (select i.availability from inventory.sellability i where i.sku = s.sku) in ('in_stock', 'low_stock') then '1' else '0' end,
            '' order by s.place)
        from unnest(string_to_array(l.skus, ' ')) with ordinality as s (sku, place)
    ) end as stock`

// extent is what of the columns a reading needs.
type extent struct{ named, stocked bool }

func (e extent) args(more pgx.NamedArgs) pgx.NamedArgs {
	args := pgx.NamedArgs{"named": e.named, "stocked": e.stocked}
	maps.Copy(args, more)
	return args
}

// forEach calls do with every candidate that the statement finds.
func forEach(ctx context.Context, db postgres.DB, sql string, args pgx.NamedArgs, do func(c *candidate)) error {
	rows, err := db.Query(ctx, sql, args)
	if err != nil {
		return fmt.Errorf("candidates: %w", err)
	}
	defer rows.Close()
	var c candidate
	for rows.Next() {
		if err := c.read(rows); err != nil {
			return err
		}
		do(&c)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("candidates: %w", err)
	}
	return nil
}

var errFormat = errors.New("candidates: the database sent text where binary was expected")

// read takes the row as it came: scanning ten thousand would take longer than
// judging them.
func (c *candidate) read(rows pgx.Rows) error {
	for _, f := range rows.FieldDescriptions()[:2] {
		if f.Format != pgtype.BinaryFormatCode {
			return errFormat
		}
	}
	v := rows.RawValues()
	c.id, c.name, c.stock, c.key = uuid.UUID(v[0]), v[2], v[3], 0
	if len(v) > 4 {
		c.key = termAt(v[4])
	}
	c.packed = packed{}
	if c.whole = v[1] != nil; !c.whole {
		return nil
	}
	var err error
	c.packed, err = unpack(v[1])
	return err
}

// The terms stand in a subquery so that the planner does not see them: whatever
// they are, it takes them for rare and goes by the index. Else it would read the
// whole table because many of them look like much.
const withTermsSQL = candidateColumns + `
from catalog.listed_products l
where l.terms @> (select @all::bigint[])`

const withAnyTermSQL = candidateColumns + `
from catalog.listed_products l
where l.terms && (select @any::bigint[])`

// Products are fetched one by one: where they are many, a join would read the
// whole table for a part of it.
const eachOne = `
cross join lateral (
    select p.product_id, p.name_key, p.packed, p.skus
    from catalog.listed_products p
    where p.product_id = i.product_id
    offset 0
) l`

const costingSQL = candidateColumns + `
from (
    select p.product_id
    from catalog.listed_prices p
    where p.currency = @currency
        and p.amount between @low and @high
    order by p.amount, p.product_id
    limit @most
) i` + eachOne

const everySQL = candidateColumns + `
from catalog.listed_products l
order by l.product_id
limit @most`

const foundSQL = candidateColumns + `
from catalog.listed_products l
where l.product_id = any(@products)`

// finder is a way to the candidates of a query: all that match, and others.
type finder struct {
	sql       string
	args      pgx.NamedArgs
	within    []uuid.UUID // categories that are scanned, instead of a statement
	repeating bool        // products may come more than once
	bounded   bool        // there is no limit to set: there are few
}

// narrow says that all candidates may be few.
func (f finder) narrow() bool { return f.sql != everySQL && f.within == nil }

// wide says that candidates are found by the text or the category alone.
func (l *lister) wide() bool {
	return l.query.Text != "" || len(l.query.Categories) > 0 && l.within <= l.effort.whole
}

// find is the way to candidates, the selection of except left out.
func (l *lister) find(except string) finder {
	q := l.query
	if q.Text != "" {
		ids := make([]uuid.UUID, len(q.Hits))
		for i, h := range q.Hits {
			ids[i] = h.ProductID
		}
		return finder{sql: foundSQL, args: pgx.NamedArgs{"products": ids}, bounded: true}
	}
	all, any, priced := l.preselection(except)
	if l.wide() {
		all, any = nil, nil
	}
	within := make([]int64, len(q.Categories))
	for i, c := range q.Categories {
		within[i] = categoryTerm(c)
	}
	few := l.within <= l.effort.small && len(within) <= l.effort.categories
	switch {
	case len(within) > 0 && len(all)+len(any) == 0 && !few:
		return finder{within: q.Categories}
	case len(within) == 1:
		all = append(all, within[0])
	case len(within) > 1 && len(within) <= l.effort.categories:
		any = append(any, within)
	case len(all) == 0 && len(any) == 1 && priced:
		low, high := q.costs()
		return finder{sql: costingSQL, args: pgx.NamedArgs{"currency": q.Currency, "low": low, "high": high}, repeating: true}
	}
	return byTerms(all, any)
}

// preselection is the terms that every match has, and lists of which it has one
// each. priced says that the price is among them.
func (l *lister) preselection(except string) (all []int64, any [][]int64, priced bool) {
	q := l.query
	if q.Featured {
		all = append(all, termID(featuredCode, ""))
	}
	for _, s := range l.judge.selections {
		if s.code == except {
			continue
		}
		switch {
		case s.few:
			any = append(any, s.inside)
		case s.bounded:
			any = append(any, octaveTerms(s.code, s.min, s.max))
		}
		switch {
		case s.priced:
			priced = true
		case len(s.terms) == 1:
			all = append(all, s.terms[0])
		case len(s.terms) > 1:
			any = append(any, s.terms)
		}
	}
	low, high := q.costs()
	if low > high {
		high = low // nothing matches; the judge says so
	}
	priced = priced && (len(all)+len(any) == 0 || bucket(high)-bucket(max(low, 0)) <= selective)
	if priced {
		any = append(any, rangeTerms(q.Currency, low, high))
	}
	return all, any, priced
}

// selective is how many steps a range of prices may have to be looked up beside
// other terms: of a wider one the index has so many products that to find those
// takes longer than to judge a few more.
const selective = 8

func byTerms(all []int64, any [][]int64) finder {
	f := finder{args: pgx.NamedArgs{}}
	switch {
	case len(all) > 0:
		f.sql, f.args["all"] = withTermsSQL, all
	case len(any) > 0:
		f.sql, f.args["any"] = withAnyTermSQL, any[0]
		any = any[1:]
	default:
		f.sql = everySQL
		return f
	}
	for i, terms := range any {
		name := "any" + strconv.Itoa(i)
		f.sql += "\n    and l.terms && (select @" + name + "::bigint[])"
		f.args[name] = terms
	}
	f.sql += "\nlimit @most"
	return f
}

// read reads at most so many candidates; all says that there are no more. judge
// is asked for those that are worth reading further.
func (f finder) read(ctx context.Context, db postgres.DB, e extent, judge *judge, most int, do func(c *candidate)) (all bool, err error) {
	if f.within != nil {
		s := newScan(f.within, e, judge.consider)
		err := s.proceed(ctx, db, most, most, do)
		return s.ended(), err
	}
	args := e.args(f.args)
	args["most"] = most
	seen := map[uuid.UUID]bool{}
	n := 0
	err = forEach(ctx, db, f.sql, args, func(c *candidate) {
		n++
		if f.repeating {
			if seen[c.id] {
				return
			}
			seen[c.id] = true
		}
		do(c)
	})
	return f.bounded || n < most, err
}
