package price

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// keptPast is how long a price that has ended can still be listed: the pages of
// a result are judged at the moment of the first.
const keptPast = 24 * time.Hour

// Book is the prices of some variants that held within the last day, hold or
// will. Changes are made in it one after the other and written together.
// Writers open it under the locks of their products: At is then later than
// every start before.
type Book struct {
	At      time.Time
	lines   map[uuid.UUID]map[string]*line
	changed []*entry
	told    []*entry
}

const heldSQL = rowColumns + `
where variant_id = any(@variants)
    and cancelled_at is null
    and coalesce(ends_at, 'infinity') > coalesce(@after, now() - interval '1 day')
order by starts_at, ends_at`

const begunSQL = rowColumns + `
where variant_id = any(@variants)
    and starts_at = any(@starts)
    and cancelled_at is null`

const clockSQL = `
select clock_timestamp()`

// Open reads the prices of variants, and besides, however old, those that
// began exactly then.
func Open(ctx context.Context, db postgres.DB, variants []uuid.UUID, begun ...time.Time) (*Book, error) {
	b := &Book{lines: map[uuid.UUID]map[string]*line{}}
	var rows []Row
	collect := func(r pgx.Rows) error {
		more, err := pgx.CollectRows(r, pgx.RowToStructByName[Row])
		rows = append(rows, more...)
		return err
	}
	batch := &pgx.Batch{}
	if len(variants) > 0 {
		batch.Queue(heldSQL, pgx.NamedArgs{"variants": variants, "after": nil}).Query(collect)
	}
	if len(variants) > 0 && len(begun) > 0 {
		batch.Queue(begunSQL, pgx.NamedArgs{"variants": variants, "starts": begun}).Query(collect)
	}
	batch.Queue(clockSQL).QueryRow(func(row pgx.Row) error { return row.Scan(&b.At) })
	if err := db.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("prices of %d variants: %w", len(variants), err)
	}
	b.At = b.At.UTC()
	b.enter(rows)
	return b, nil
}

// enter takes in rows, each once, in the order of their starts.
func (b *Book) enter(rows []Row) {
	slices.SortFunc(rows, func(x, y Row) int {
		if c := x.StartsAt.Compare(y.StartsAt); c != 0 {
			return c
		}
		return slices.Compare(x.ID[:], y.ID[:])
	})
	rows = slices.CompactFunc(rows, func(x, y Row) bool { return x.ID == y.ID })
	for _, r := range rows {
		r.StartsAt = r.StartsAt.UTC()
		if r.EndsAt != nil {
			utc := r.EndsAt.UTC()
			r.EndsAt = &utc
		}
		list := b.line(r.VariantID, r.Currency).of(r.Kind)
		*list = append(*list, &entry{Row: r, until: r.EndsAt})
	}
}

func (b *Book) line(variant uuid.UUID, currency string) *line {
	if b.lines[variant] == nil {
		b.lines[variant] = map[string]*line{}
	}
	if b.lines[variant][currency] == nil {
		b.lines[variant][currency] = &line{}
	}
	return b.lines[variant][currency]
}

// Base is the base price that holds now.
func (b *Book) Base(variant uuid.UUID, currency string) (Price, bool) {
	if e := holding(b.line(variant, currency).base, b.At); e != nil {
		return e.Price(), true
	}
	return Price{}, false
}

// Bases is the base prices that hold now, by currency.
func (b *Book) Bases(variant uuid.UUID) []Price {
	var prices []Price
	for _, currency := range slices.Sorted(maps.Keys(b.lines[variant])) {
		if p, priced := b.Base(variant, currency); priced {
			prices = append(prices, p)
		}
	}
	return prices
}

// Paid is what the variant costs now.
func (b *Book) Paid(variant uuid.UUID, currency string) (Price, bool) {
	l := b.line(variant, currency)
	amount, compareAt, priced := over(holding(l.base, b.At), holding(l.sale, b.At))
	return priceOf(amount, compareAt, currency), priced
}

// Spans is what the variants cost from a day before now on: for each variant
// and currency a line of time without overlaps.
func (b *Book) Spans(variants []uuid.UUID) []Span { return b.spans(variants, b.At) }

func (b *Book) spans(variants []uuid.UUID, at time.Time) []Span {
	var spans []Span
	for _, v := range variants {
		for _, currency := range slices.Sorted(maps.Keys(b.lines[v])) {
			spans = append(spans, b.lines[v][currency].spans(v, currency, at.Add(-keptPast))...)
		}
	}
	return spans
}

// Spans is what the variants cost from a day before the time on.
func Spans(ctx context.Context, db postgres.DB, at time.Time, variants []uuid.UUID) ([]Span, error) {
	rows, err := db.Query(ctx, heldSQL, pgx.NamedArgs{"variants": variants, "after": at.Add(-keptPast)})
	if err != nil {
		return nil, fmt.Errorf("spans of prices: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Row])
	if err != nil {
		return nil, fmt.Errorf("spans of prices: %w", err)
	}
	b := &Book{lines: map[uuid.UUID]map[string]*line{}}
	b.enter(list)
	return b.spans(variants, at), nil
}

const findSQL = rowColumns + `
where variant_id = @variant
    and id = @id`

// Find reads one price of a variant, however old.
func Find(ctx context.Context, db postgres.DB, variant, id uuid.UUID) (Row, error) {
	rows, err := db.Query(ctx, findSQL, pgx.NamedArgs{"variant": variant, "id": id})
	if err != nil {
		return Row{}, fmt.Errorf("price %s: %w", id, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[Row])
	if err != nil {
		return Row{}, fmt.Errorf("price %s: %w", id, err)
	}
	if len(found) == 0 {
		return Row{}, fault.Missing("the variant has no such price")
	}
	return found[0], nil
}
