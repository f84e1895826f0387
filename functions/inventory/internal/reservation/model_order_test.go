package reservation_test

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/mallhive/product-service/shared/event"
)

// order is a reservation.
type order struct {
	state   string
	buried  bool // cancelled before it was placed
	late    bool // its time is over and nobody has recorded it
	expires time.Time
	lines   []event.OrderLine           // as placed
	told    []event.ReservationLineData // as told to whoever placed it
	reason  string                      // of a rejection
	parts   []*part                     // by SKU and location
	placed  *event.Event
	settled *event.Event // the reply that led to the present state
}

// part is what an order took at one location, or nowhere.
type part struct {
	sku, location                        string
	unpaid, owed, sold, returned, undone int64
}

func (p *part) held() int64 { return p.unpaid + p.owed }
func (p *part) kept() int64 { return p.sold - p.returned }

func (o *order) running() bool { return o.state == "locked" || o.state == "partially_locked" }

func (o *order) some(of func(*part) int64) bool {
	return slices.ContainsFunc(o.parts, func(p *part) bool { return of(p) > 0 })
}

func (o *order) sum(sku string, of func(*part) int64) int64 {
	var n int64
	for _, p := range o.parts {
		if p.sku == sku {
			n += of(p)
		}
	}
	return n
}

// stateNow is what a reader sees.
func (o *order) stateNow() string {
	switch {
	case !o.late:
		return o.state
	case o.some(func(p *part) int64 { return p.sold + p.owed }):
		return "committed"
	default:
		return "expired"
	}
}

func (o *order) part(sku, location string) *part {
	for _, p := range o.parts {
		if p.sku == sku && p.location == location {
			return p
		}
	}
	p := &part{sku: sku, location: location}
	o.parts = append(o.parts, p)
	slices.SortFunc(o.parts, func(a, b *part) int {
		return cmp.Or(strings.Compare(a.sku, b.sku), strings.Compare(a.location, b.location))
	})
	return p
}

// document is the order as its readers see it.
func (o *order) document(id string) event.ReservationData {
	d := event.ReservationData{OrderID: id, State: o.stateNow(), Lines: []event.ReservationLineData{}}
	if o.stateNow() == "rejected" {
		d.Reason = o.reason
	}
	if o.running() && !o.late {
		d.ExpiresAt = &o.expires
	}
	for _, l := range o.told {
		l.Committed = o.sum(l.SKU, func(p *part) int64 { return p.sold })
		l.Returned = o.sum(l.SKU, func(p *part) int64 { return p.returned })
		d.Lines = append(d.Lines, l)
	}
	return d
}
