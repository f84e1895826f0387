package price

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/money"
	"github.com/mallhive/product-service/shared/postgres"
)

// Record is a price with its time, as callers see it.
type Record struct {
	ID   uuid.UUID `json:"id"`
	Kind string    `json:"kind" enum:"base,sale"`
	Price
	StartsAt    time.Time  `json:"starts_at"`
	EndsAt      *time.Time `json:"ends_at" doc:"It holds until before then; null: until another is set"`
	CancelledAt *time.Time `json:"cancelled_at,omitempty" doc:"It never held: it was cancelled before it began"`
}

// Record is the row as callers see it.
func (r Row) Record() Record {
	return Record{ID: r.ID, Kind: r.Kind, Price: r.Price(), StartsAt: r.StartsAt, EndsAt: r.EndsAt, CancelledAt: r.CancelledAt}
}

// Paid is what a variant costs at a moment.
type Paid struct {
	ID   uuid.UUID `json:"id" doc:"The base price or sale that decides"`
	Kind string    `json:"kind" enum:"base,sale"`
	Price
}

// Lowest is the lowest price that was paid in 30 days.
type Lowest struct {
	Price  money.Money `json:"price"`
	Before time.Time   `json:"before" doc:"The end of the 30 days: the start of the sale that runs, else the moment asked for"`
}

// Ask is what of a variant's history is wanted.
type Ask struct {
	Variant   uuid.UUID
	Currency  string     // empty: all
	At        *time.Time // only what holds then, instead of all by pages
	Scheduled bool       // also what has not begun, and what was cancelled before
	After     *Place
	Limit     int
}

// Place is the end of a page, and the moment that its first is judged at.
type Place struct {
	Now      time.Time `json:"now"`
	StartsAt time.Time `json:"starts_at"`
	ID       uuid.UUID `json:"id"`
}

// History is one page of a variant's prices.
type History struct {
	Items  []Record
	Next   *Place
	Paid   []Paid
	Lowest []Lowest
}

// That it begins some time is what the index of histories asks for.
const pageSQL = rowColumns + `
where variant_id = @variant
    and starts_at > '-infinity'
    and (@currency = '' or currency = @currency)
    and (@scheduled or cancelled_at is null and starts_at <= @now)
    and (starts_at, id) < (
        coalesce(@after_start::timestamptz, 'infinity'),
        coalesce(@after_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
order by starts_at desc, id desc
limit @limit`

const holdingSQL = rowColumns + `
where variant_id = @variant
    and (@currency = '' or currency = @currency)
    and starts_at <= @at
    and coalesce(ends_at, 'infinity') > @at
    and cancelled_at is null
order by currency, kind`

// Read reads prices newest first, what is paid at the moment, and the lowest
// of the 30 days before.
func Read(ctx context.Context, db postgres.DB, ask Ask) (History, error) {
	var h History
	now, err := ask.now(ctx, db)
	if err != nil {
		return h, err
	}
	at := now
	if ask.At != nil {
		at = *ask.At
	}
	if at.After(now) && !ask.Scheduled {
		return h, fault.InvalidInput(fault.Field{Pointer: "/at", In: "query", Code: "out_of_range", Detail: "a time that has come; later ones need catalog:read_drafts"})
	}
	var rows, held []Row
	into := func(list *[]Row) func(pgx.Rows) error {
		return func(r pgx.Rows) (err error) {
			*list, err = pgx.CollectRows(r, pgx.RowToStructByName[Row])
			return err
		}
	}
	batch := &pgx.Batch{}
	batch.Queue(holdingSQL, pgx.NamedArgs{"variant": ask.Variant, "currency": ask.Currency, "at": at}).Query(into(&held))
	if ask.At == nil {
		batch.Queue(pageSQL, ask.args(now)).Query(into(&rows))
	}
	if err := db.SendBatch(ctx, batch).Close(); err != nil {
		return h, fmt.Errorf("history of prices: %w", err)
	}
	if ask.At != nil {
		rows = held
	} else if len(rows) > ask.Limit {
		rows = rows[:ask.Limit]
		last := rows[ask.Limit-1]
		h.Next = &Place{Now: now, StartsAt: last.StartsAt, ID: last.ID}
	}
	h.Items = make([]Record, len(rows))
	for i, r := range rows {
		// When a base price ends tells of the next one before its time.
		if !ask.Scheduled && r.Kind == Base && !r.endsBy(now) {
			r.EndsAt = nil
		}
		h.Items[i] = r.Record()
	}
	h.Paid = paid(held)
	h.Lowest, err = lowest(ctx, db, ask.Variant, h.Paid, held, at)
	return h, err
}

func (a Ask) now(ctx context.Context, db postgres.DB) (now time.Time, err error) {
	if a.After != nil {
		return a.After.Now, nil
	}
	if err = db.QueryRow(ctx, clockSQL).Scan(&now); err != nil {
		return now, fmt.Errorf("history of prices: %w", err)
	}
	return now, nil
}

func (a Ask) args(now time.Time) pgx.NamedArgs {
	args := pgx.NamedArgs{
		"variant": a.Variant, "currency": a.Currency, "scheduled": a.Scheduled, "now": now, "limit": a.Limit + 1,
		"after_start": nil, "after_id": nil,
	}
	if a.After != nil {
		args["after_start"], args["after_id"] = a.After.StartsAt, a.After.ID
	}
	return args
}

// paid is what these prices, sorted by currency and kind, come to.
func paid(held []Row) []Paid {
	list := []Paid{}
	for i := 0; i < len(held); i++ {
		l := line{}
		deciding := held[i]
		*l.of(held[i].Kind) = []*entry{{Row: held[i]}}
		if i+1 < len(held) && held[i+1].Currency == held[i].Currency {
			i++
			deciding, l.sale = held[i], []*entry{{Row: held[i]}}
		}
		amount, compareAt, _ := over(first(l.base), first(l.sale))
		list = append(list, Paid{ID: deciding.ID, Kind: deciding.Kind, Price: priceOf(amount, compareAt, deciding.Currency)})
	}
	return list
}

func first(list []*entry) *entry {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// A base price counts when some of its time was in no sale.
const lowestSQL = `
with held as (
    select w.currency, p.kind, p.amount, tstzrange(p.starts_at, p.ends_at) * tstzrange(w.until - interval '30 days', w.until) as during
    from unnest(@currencies::text[], @untils::timestamptz[]) as w (currency, until)
    join catalog.prices p
        on p.currency = w.currency
        and p.starts_at < w.until
        and coalesce(p.ends_at, 'infinity') > w.until - interval '30 days'
    where p.variant_id = @variant
        and p.cancelled_at is null
), sales as (
    select currency, range_agg(during) as during
    from held
    where kind = 'sale'
    group by currency
)
select h.currency, min(h.amount)
from held h
left join sales s on s.currency = h.currency
where not isempty(h.during::tstzmultirange - case when h.kind = 'base' then coalesce(s.during, '{}') else '{}' end)
group by h.currency
order by h.currency`

// lowest is for each currency the lowest price that was paid in the 30 days
// before the sale that runs began, as Directive 98/6/EC, article 6a wants it
// shown; when none runs, before the moment itself.
func lowest(ctx context.Context, db postgres.DB, variant uuid.UUID, now []Paid, held []Row, at time.Time) ([]Lowest, error) {
	list := []Lowest{}
	if len(now) == 0 {
		return list, nil
	}
	before := map[string]time.Time{}
	for _, r := range held {
		before[r.Currency] = at
		if r.Kind == Sale {
			before[r.Currency] = r.StartsAt
		}
	}
	currencies, untils := make([]string, len(now)), make([]time.Time, len(now))
	for i, p := range now {
		currencies[i], untils[i] = p.Price.Price.Currency, before[p.Price.Price.Currency]
	}
	rows, err := db.Query(ctx, lowestSQL, pgx.NamedArgs{"variant": variant, "currencies": currencies, "untils": untils})
	if err != nil {
		return nil, fmt.Errorf("lowest prices: %w", err)
	}
	var m money.Money
	_, err = pgx.ForEachRow(rows, []any{&m.Currency, &m.Amount}, func() error {
		list = append(list, Lowest{Price: m, Before: before[m.Currency].UTC()})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("lowest prices: %w", err)
	}
	return list, nil
}
