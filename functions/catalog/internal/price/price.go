// Package price is what variants cost and when: base prices, each of which
// holds until the next, and sales, which go before them for a while. Prices
// are append-only: an amount and its start never change, a price only ends, or
// is cancelled before it has begun. It owns catalog.prices.
package price

import (
	"time"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/money"
)

// Price is what a variant costs in one currency, and the price it is compared
// with.
type Price struct {
	Price     money.Money  `json:"price"`
	CompareAt *money.Money `json:"compare_at,omitempty" doc:"The price before, in the same currency and not lower"`
}

// Check notes the faults of a price; pointer is where it stands.
func (p Price) Check(faults *fault.List, pointer string) {
	if p.Price == (money.Money{}) {
		faults.Add(pointer+"/price", "required", "an amount and its currency")
		return
	}
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

// The kinds of prices.
const (
	Base = "base"
	Sale = "sale"
)

// Row is one price of a variant, for the time from StartsAt until before
// EndsAt; one that was cancelled never holds.
type Row struct {
	ID          uuid.UUID
	VariantID   uuid.UUID
	Currency    string
	Kind        string
	Amount      int64
	CompareAt   *int64
	StartsAt    time.Time
	EndsAt      *time.Time
	CancelledAt *time.Time
}

const rowColumns = `
select id, variant_id, currency, kind, amount, compare_at, starts_at, ends_at, cancelled_at
from catalog.prices`

// Price is the row without its time.
func (r Row) Price() Price { return priceOf(r.Amount, r.CompareAt, r.Currency) }

func priceOf(amount int64, compareAt *int64, currency string) Price {
	p := Price{Price: money.Money{Amount: amount, Currency: currency}}
	if compareAt != nil {
		p.CompareAt = &money.Money{Amount: *compareAt, Currency: currency}
	}
	return p
}

func (r Row) endsBy(at time.Time) bool { return r.EndsAt != nil && !r.EndsAt.After(at) }

// Changed is the event that a price was set, scheduled, ended or cancelled.
func Changed(sku string, product uuid.UUID, r Row) (event.Event, error) {
	p := r.Price()
	data := event.PriceData{
		SKU: sku, ProductID: product.String(), Kind: r.Kind, Price: event.Amount(p.Price),
		StartsAt: r.StartsAt, EndsAt: r.EndsAt, CancelledAt: r.CancelledAt,
	}
	if p.CompareAt != nil {
		data.CompareAt = (*event.Amount)(p.CompareAt)
	}
	return event.New(event.PriceChanged, event.FromCatalog, sku, data)
}
