// Package price is what variants cost and when. Prices are append-only: an
// amount and its start never change, a price only ends. It owns
// catalog.prices.
package price

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/money"
	"github.com/mallhive/product-service/shared/postgres"
)

// Price is what a variant costs in one currency, and the price it is compared
// with.
type Price struct {
	Price     money.Money  `json:"price"`
	CompareAt *money.Money `json:"compare_at,omitempty" doc:"The price before, in the same currency and not lower"`
}

// Check notes the faults of a price; pointer is where it stands.
func (p Price) Check(faults *fault.List, pointer string) {
	checkMoney(faults, pointer+"/price", p.Price)
	if p.CompareAt == nil {
		return
	}
	checkMoney(faults, pointer+"/compare_at", *p.CompareAt)
	switch {
	case p.CompareAt.Currency != p.Price.Currency:
		faults.Add(pointer+"/compare_at/currency", "other_currency", "the same currency as the price")
	case p.CompareAt.Amount < p.Price.Amount:
		faults.Add(pointer+"/compare_at/amount", "out_of_range", "not lower than the price")
	}
}

func checkMoney(faults *fault.List, pointer string, m money.Money) {
	if m.Amount < 0 || m.Amount > money.Max {
		faults.Add(pointer+"/amount", "out_of_range", "0 to %d minor units", int64(money.Max))
	}
	if _, known := money.Exponent(m.Currency); !known {
		faults.Add(pointer+"/currency", "unknown_currency", "an ISO 4217 code such as USD")
	}
}

// Same reports whether two prices are equal.
func (p Price) Same(q Price) bool {
	if p.Price != q.Price || (p.CompareAt == nil) != (q.CompareAt == nil) {
		return false
	}
	return p.CompareAt == nil || *p.CompareAt == *q.CompareAt
}

// Current is what variants cost now, by currency, and the database's now.
type Current struct {
	Of map[uuid.UUID]map[string]Price
	At time.Time
}

const currentSQL = `
select distinct on (p.variant_id, p.currency) p.variant_id, p.currency, p.amount, p.compare_at
from catalog.prices p
where p.variant_id = any(@variants)
    and p.cancelled_at is null
    and p.starts_at <= @at
    and (p.ends_at is null or p.ends_at > @at)
order by p.variant_id, p.currency, p.kind desc`

// Now reads what the variants cost now. Writers call it under the lock of
// their products: its clock is then later than every price before.
func Now(ctx context.Context, db postgres.DB, variants []uuid.UUID) (Current, error) {
	c := Current{Of: map[uuid.UUID]map[string]Price{}}
	if err := db.QueryRow(ctx, `select clock_timestamp()`).Scan(&c.At); err != nil {
		return c, fmt.Errorf("prices now: %w", err)
	}
	if len(variants) == 0 {
		return c, nil
	}
	rows, err := db.Query(ctx, currentSQL, pgx.NamedArgs{"variants": variants, "at": c.At})
	if err != nil {
		return c, fmt.Errorf("prices now: %w", err)
	}
	var variant uuid.UUID
	var currency string
	var amount int64
	var compareAt *int64
	_, err = pgx.ForEachRow(rows, []any{&variant, &currency, &amount, &compareAt}, func() error {
		p := Price{Price: money.Money{Amount: amount, Currency: currency}}
		if compareAt != nil {
			p.CompareAt = &money.Money{Amount: *compareAt, Currency: currency}
		}
		if c.Of[variant] == nil {
			c.Of[variant] = map[string]Price{}
		}
		c.Of[variant][currency] = p
		return nil
	})
	if err != nil {
		return c, fmt.Errorf("prices now: %w", err)
	}
	return c, nil
}

// Change is a base price that holds from now on.
type Change struct {
	VariantID uuid.UUID `json:"variant_id"`
	Currency  string    `json:"currency"`
	Amount    int64     `json:"amount"`
	CompareAt *int64    `json:"compare_at"`
	ID        uuid.UUID `json:"id"`
}

// NewChange makes a Change of a price.
func NewChange(variant uuid.UUID, p Price) (Change, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Change{}, fmt.Errorf("id of a price: %w", err)
	}
	c := Change{ID: id, VariantID: variant, Currency: p.Price.Currency, Amount: p.Price.Amount}
	if p.CompareAt != nil {
		c.CompareAt = &p.CompareAt.Amount
	}
	return c, nil
}

const endSQL = `
update catalog.prices p
set ends_at = @at
from json_to_recordset(@rows) as r (variant_id uuid, currency text)
where p.variant_id = r.variant_id
    and p.currency = r.currency
    and p.kind = 'base'
    and p.cancelled_at is null
    and p.starts_at <= @at
    and (p.ends_at is null or p.ends_at > @at)`

// A new price holds until the next one that is scheduled already.
const insertSQL = `
insert into catalog.prices (id, variant_id, currency, kind, amount, compare_at, starts_at, ends_at)
select r.id, r.variant_id, r.currency, 'base', r.amount, r.compare_at, @at, (
    select min(n.starts_at)
    from catalog.prices n
    where n.variant_id = r.variant_id
        and n.currency = r.currency
        and n.kind = 'base'
        and n.cancelled_at is null
        and n.starts_at > @at)
from json_to_recordset(@rows) as r (id uuid, variant_id uuid, currency text, amount bigint, compare_at bigint)`

// Set ends the base prices that hold at the time and begins the new ones.
// fresh says that none of the variants has had a price before.
func Set(ctx context.Context, tx pgx.Tx, at time.Time, changes []Change, fresh bool) error {
	if len(changes) == 0 {
		return nil
	}
	rows, err := json.Marshal(changes)
	if err != nil {
		return fmt.Errorf("set prices: %w", err)
	}
	batch := &pgx.Batch{}
	args := pgx.NamedArgs{"at": at, "rows": string(rows)}
	if !fresh {
		batch.Queue(endSQL, args)
	}
	batch.Queue(insertSQL, args)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("set prices: %w", err)
	}
	return nil
}

// Span is a time in which a variant costs so much.
type Span struct {
	VariantID uuid.UUID  `json:"variant_id"`
	Currency  string     `json:"currency"`
	Amount    int64      `json:"amount"`
	CompareAt *int64     `json:"compare_at"`
	StartsAt  time.Time  `json:"starts_at"`
	EndsAt    *time.Time `json:"ends_at"`
}

// keptPast is how long a price that has ended can still be listed: the pages of
// a result are judged at the moment of the first.
const keptPast = 24 * time.Hour

const spansSQL = `
select variant_id, currency, amount, compare_at, starts_at, ends_at
from catalog.prices
where variant_id = any(@variants)
    and kind = 'base'
    and cancelled_at is null
    and starts_at is distinct from ends_at
    and (ends_at is null or ends_at > @after)`

// Spans is what the variants cost from a day before the time on.
func Spans(ctx context.Context, db postgres.DB, at time.Time, variants []uuid.UUID) ([]Span, error) {
	rows, err := db.Query(ctx, spansSQL, pgx.NamedArgs{"variants": variants, "after": at.Add(-keptPast)})
	if err != nil {
		return nil, fmt.Errorf("spans of prices: %w", err)
	}
	spans, err := pgx.CollectRows(rows, pgx.RowToStructByName[Span])
	if err != nil {
		return nil, fmt.Errorf("spans of prices: %w", err)
	}
	return spans, nil
}

// Changed is the event that a price was set, with the time it holds.
func Changed(sku string, product uuid.UUID, p Price, from time.Time) (event.Event, error) {
	data := event.PriceData{
		SKU: sku, ProductID: product.String(), Kind: "base",
		Price: event.Amount(p.Price), StartsAt: from,
	}
	if p.CompareAt != nil {
		data.CompareAt = (*event.Amount)(p.CompareAt)
	}
	return event.New(event.PriceChanged, event.FromCatalog, sku, data)
}
