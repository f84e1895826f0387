package listing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Hit is one product of a page.
type Hit struct {
	ProductID uuid.UUID
	Price     *int64 // the lowest of its matching variants
	Keys      []string
}

// Position is where a page ends.
type Position struct {
	Keys []string  `json:"k"`
	ID   uuid.UUID `json:"id"`
}

// Position is where the page that ends with this hit ends.
func (h Hit) Position() Position { return Position{Keys: h.Keys, ID: h.ProductID} }

// key is one thing a listing is sorted by.
type key struct {
	expression string
	typ        string
	descending bool
	aggregate  bool // of a product's matching variants
}

// keysOf is what a sort order compares, before the product's id.
func (q Query) keysOf(s *statement) []key {
	newest := key{expression: "l.published_at", typ: "timestamptz", descending: true}
	switch q.Sort {
	case "price":
		// Without a price in this currency: last.
		return []key{{expression: "coalesce(min(p.amount), 9223372036854775807)", typ: "bigint", aggregate: true}}
	case "-price":
		return []key{{expression: "coalesce(min(p.amount), -1)", typ: "bigint", descending: true, aggregate: true}}
	case "name":
		return []key{{expression: "l.name_key", typ: "text"}}
	case "featured":
		return []key{{expression: "l.featured", typ: "boolean", descending: true}, newest}
	case "position":
		if q.Category != nil {
			place := "coalesce((l.positions ->> " + s.arg(q.Category.String()) + ")::int, 2147483647)"
			return []key{{expression: place, typ: "int"}, newest}
		}
	case "relevance":
		if q.Text != "" {
			return []key{{expression: "h.score", typ: "float8", descending: true}}
		}
	}
	return []key{newest}
}

// Page reads products in their order, those after a position.
func Page(ctx context.Context, db postgres.DB, q Query, after *Position, limit int) ([]Hit, error) {
	s := q.matching("")
	keys := q.keysOf(s)
	group, order, texts := "l.product_id", "", []string{}
	having := ""
	for _, k := range keys {
		direction := ""
		if k.descending {
			direction = " desc"
		}
		order += k.expression + direction + ", "
		texts = append(texts, "("+k.expression+")::text")
		if !k.aggregate {
			group += ", " + k.expression
		}
	}
	if after != nil {
		if len(after.Keys) != len(keys) {
			return nil, fault.New(fault.Malformed, "bad_cursor", "the cursor is not one of this query; begin again without it")
		}
		if condition := s.beyond(keys, *after); keys[0].aggregate {
			having = "\nhaving " + condition
		} else {
			s.and("%s", condition)
		}
	}
	sql := s.text("l.product_id, min(p.amount) as price, array["+strings.Join(texts, ", ")+"] as keys") +
		"\ngroup by " + group + having + "\norder by " + order + "l.product_id\nlimit " + s.arg(limit)
	rows, err := db.Query(ctx, sql, s.args)
	if err != nil {
		return nil, fmt.Errorf("page of listings: %w", err)
	}
	hits, err := pgx.CollectRows(rows, pgx.RowToStructByName[Hit])
	if after != nil && unreadable(err) {
		return nil, fault.New(fault.Malformed, "bad_cursor", "the cursor is not one of this query; begin again without it")
	}
	if err != nil {
		return nil, fmt.Errorf("page of listings: %w", err)
	}
	return hits, nil
}

// unreadable says that PostgreSQL could not read a value (class 22).
func unreadable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && strings.HasPrefix(pg.Code, "22")
}

// beyond is the rows after a position: later in the first key, or equal there
// and later in the next, and so on down to the id.
func (s *statement) beyond(keys []key, p Position) string {
	id := s.arg(p.ID)
	condition := "l.product_id > " + id
	for i := len(keys) - 1; i >= 0; i-- {
		k := keys[i]
		value := s.arg(p.Keys[i]) + "::text::" + k.typ
		than := " > "
		if k.descending {
			than = " < "
		}
		condition = fmt.Sprintf("(%s%s%s or (%s = %s and %s))", k.expression, than, value, k.expression, value, condition)
	}
	return condition
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

// MaxExact is how many matches are counted exactly.
const MaxExact = 10000

// Count is how many products match, exact up to MaxExact.
func Count(ctx context.Context, db postgres.DB, q Query) (n int, exact bool, err error) {
	s := q.matching("")
	sql := "select count(*) from (" + s.text("distinct l.product_id") + "\nlimit " + s.arg(MaxExact+1) + ") m"
	if err := db.QueryRow(ctx, sql, s.args).Scan(&n); err != nil {
		return 0, false, fmt.Errorf("count listings: %w", err)
	}
	if n > MaxExact {
		return MaxExact, false, nil
	}
	return n, true, nil
}

const countProductsSQL = `
select w.category, count(distinct l.product_id)
from unnest(@categories::uuid[], @terms::bigint[]) as w (category, term)
join catalog.listings l on l.terms @> array[w.term]
where (l.visible_from is null or l.visible_from <= now())
    and (l.visible_until is null or l.visible_until > now())
group by w.category`

// CountProducts counts, for each category, the products shown in any of those
// within it.
func CountProducts(ctx context.Context, db postgres.DB, within map[uuid.UUID][]uuid.UUID) (map[uuid.UUID]int64, error) {
	var categories []uuid.UUID
	var terms []int64
	for c, list := range within {
		for _, member := range list {
			categories, terms = append(categories, c), append(terms, categoryTerm(member))
		}
	}
	counts := make(map[uuid.UUID]int64, len(within))
	rows, err := db.Query(ctx, countProductsSQL, pgx.NamedArgs{"categories": categories, "terms": terms})
	if err != nil {
		return nil, fmt.Errorf("count products of categories: %w", err)
	}
	var category uuid.UUID
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&category, &n}, func() error {
		counts[category] = n
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count products of categories: %w", err)
	}
	return counts, nil
}
