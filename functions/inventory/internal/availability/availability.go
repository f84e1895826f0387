// Package availability answers whether a cart can be ordered now: every line,
// with every reason why not. It is advice: only a lock promises. It owns no
// table; names and prices come from the catalog's view of what it offers.
package availability

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/money"
	"github.com/mallhive/product-service/shared/postgres"
)

// Wish is a line of a cart. Lines of one SKU are judged as one.
type Wish struct {
	SKU           string
	Quantity      int64
	ExpectedPrice *money.Money // what the buyer has been shown
}

// The reasons, in the order in which they become the status; OK is a status
// only.
const (
	NotForSale        = "not_for_sale"
	UnknownSKU        = "unknown_sku"
	OverLimit         = "over_limit"
	InsufficientStock = "insufficient_stock"
	PriceChanged      = "price_changed"
	OK                = "ok"
)

// Line is what is to be said about one SKU.
type Line struct {
	SKU              string
	Name             *string
	UnitPrice        *money.Money
	Requested        int64
	AvailableToOrder int64 // never more than requested; see mostTold
	// Delivery says when all of AvailableToOrder can be sent; empty when there
	// is none. AvailableOn is the date of what is not there now, if it has one.
	Delivery    string
	AvailableOn *time.Time
	Reasons     []string
}

// When what can be ordered is sent. Beyond now, it is the policy's word.
const (
	Now       = "now"
	Backorder = stock.Backorder
	Preorder  = stock.Preorder
)

// mostTold is the most that is told of a line that asks for more than there
// is: whoever asks for a billion does not get to know the stock.
const mostTold = 99

// Status is the first of the reasons, or OK.
func (l Line) Status() string {
	if len(l.Reasons) == 0 {
		return OK
	}
	return l.Reasons[0]
}

// Report is the answer for a cart at one time.
type Report struct {
	Orderable bool
	CheckedAt time.Time
	Lines     []Line
}

// secret says that nobody was shown it yet.
func (o offer) secret() bool { return o.Status == "draft" || o.Status == "scheduled" }

// Checker judges carts by the primary. Carts that are asked about at the same
// time are read together. It is safe for concurrent use.
type Checker struct{ reads *reader }

// NewChecker makes a Checker; it runs nothing while nobody asks.
func NewChecker(db postgres.DB) *Checker {
	return &Checker{reads: &reader{read: func(ctx context.Context, c cart) (facts, error) {
		return read(ctx, db, c)
	}}}
}

// Check judges the wishes, prices in one currency.
func (c *Checker) Check(ctx context.Context, currency string, wishes []Wish) (Report, error) {
	sums, skus := sum(wishes)
	skus = slices.DeleteFunc(skus, func(sku string) bool { return !stock.ValidID(sku) })
	found, err := c.reads.ask(ctx, cart{currency, skus, mostOf(sums)})
	if err != nil {
		return Report{}, fmt.Errorf("availability of %d skus: %w", len(skus), err)
	}
	report := Report{Orderable: true, CheckedAt: found.at, Lines: make([]Line, len(sums))}
	for i, w := range sums {
		o, offered := found.offers[w.SKU]
		report.Lines[i] = judge(w, o, offered, found.stocks[w.SKU], currency, report.CheckedAt)
		report.Orderable = report.Orderable && len(report.Lines[i].Reasons) == 0
	}
	return report, nil
}

// wish is all of one SKU; it may have been shown at several prices.
type wish struct {
	SKU      string
	Quantity int64
	Expected []money.Money
}

func sum(wishes []Wish) ([]wish, []string) {
	at := make(map[string]int, len(wishes))
	sums, skus := make([]wish, 0, len(wishes)), make([]string, 0, len(wishes))
	for _, w := range wishes {
		i, seen := at[w.SKU]
		if !seen {
			i = len(sums)
			at[w.SKU] = i
			sums, skus = append(sums, wish{SKU: w.SKU}), append(skus, w.SKU)
		}
		sums[i].Quantity += w.Quantity
		if w.ExpectedPrice != nil {
			sums[i].Expected = append(sums[i].Expected, *w.ExpectedPrice)
		}
	}
	return sums, skus
}

func mostOf(wishes []wish) (n int64) {
	for _, w := range wishes {
		n = max(n, w.Quantity)
	}
	return n
}

func judge(w wish, o offer, offered bool, s stock.Total, currency string, at time.Time) Line {
	l := Line{SKU: w.SKU, Requested: w.Quantity}
	switch {
	case !offered:
		l.Reasons = []string{UnknownSKU}
		return l
	case o.secret():
		l.Reasons = []string{NotForSale}
		return l
	}
	l.Name = &o.Name
	if o.Amount != nil {
		l.UnitPrice = &money.Money{Amount: *o.Amount, Currency: currency}
	}
	orderable := int64(0)
	if s.SKU != "" {
		orderable = s.Orderable()
	}
	if !o.Sellable || l.UnitPrice == nil {
		l.Reasons = append(l.Reasons, NotForSale)
	}
	if s.MaxPerOrder != nil && w.Quantity > *s.MaxPerOrder {
		l.Reasons = append(l.Reasons, OverLimit)
	}
	if orderable < w.Quantity {
		l.Reasons = append(l.Reasons, InsufficientStock)
	}
	if l.priceChanged(w.Expected) {
		l.Reasons = append(l.Reasons, PriceChanged)
	}
	if l.Status() != NotForSale {
		l.promise(s, min(w.Quantity, orderable), at)
	}
	return l
}

// promise says how much of the line can be had, and when. A date that has
// passed, and nothing came, is none.
func (l *Line) promise(s stock.Total, most int64, at time.Time) {
	if s.MaxPerOrder != nil {
		most = min(most, *s.MaxPerOrder)
	}
	if most == 0 {
		return
	}
	l.Delivery = Now
	if s.Track && most > max(s.Available(), 0) {
		l.Delivery = s.WhenOutOfStock
		if s.AvailableOn != nil && s.AvailableOn.After(at) {
			l.AvailableOn = s.AvailableOn
		}
	}
	l.AvailableToOrder = most
	if slices.Contains(l.Reasons, InsufficientStock) {
		l.AvailableToOrder = min(most, mostTold)
	}
}

func (l Line) priceChanged(expected []money.Money) bool {
	for _, e := range expected {
		if l.UnitPrice != nil && e != *l.UnitPrice {
			return true
		}
	}
	return false
}
