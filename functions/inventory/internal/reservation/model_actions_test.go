package reservation_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
)

var (
	ids       = rapid.SampledFrom([]string{"o1", "o2", "o3", "o4", "o5", "o6"})
	skus      = rapid.SampledFrom([]string{"A", "A", "B", "C", "C", "D"})
	locations = rapid.SampledFrom([]string{"near", "far", "away"})
	someLines = rapid.SliceOfN(rapid.Custom(func(r *rapid.T) event.OrderLine {
		return event.OrderLine{SKU: skus.Draw(r, "sku"), Quantity: rapid.Int64Range(1, 5).Draw(r, "quantity")}
	}), 1, 4)
	orders = rapid.Custom(func(r *rapid.T) reservation.Order {
		o := reservation.Order{
			ID: ids.Draw(r, "order"), Lines: someLines.Draw(r, "lines"), Actor: "test",
			AllowPartial: rapid.IntRange(0, 2).Draw(r, "partial") == 0, Announce: rapid.Bool().Draw(r, "announce"),
		}
		if rapid.IntRange(0, 15).Draw(r, "late") == 0 {
			past := time.Now().Add(-time.Hour)
			o.ExpiresAt = &past
		}
		return o
	})
	policies = rapid.Custom(func(r *rapid.T) stock.Policy {
		p := stock.Policy{
			SKU: skus.Draw(r, "sku"), Track: rapid.IntRange(0, 4).Draw(r, "track") > 0,
			WhenOutOfStock:    rapid.SampledFrom([]string{stock.Deny, stock.Backorder, stock.Preorder}).Draw(r, "when out of stock"),
			SafetyStock:       rapid.Int64Range(0, 3).Draw(r, "safety stock"),
			LowStockThreshold: rapid.Int64Range(0, 4).Draw(r, "low stock threshold"),
			MaxPerOrder:       maybe(r, "max per order", 1, 6),
		}
		if p.WhenOutOfStock != stock.Deny || rapid.IntRange(0, 9).Draw(r, "contradict") == 0 {
			p.BackorderLimit = maybe(r, "limit", 0, 8)
		}
		if p.WhenOutOfStock == stock.Preorder && rapid.IntRange(0, 9).Draw(r, "contradict") > 0 {
			date := time.Date(rapid.SampledFrom([]int{2020, 2090, 2090}).Draw(r, "year"), 1, 1, 0, 0, 0, 0, time.UTC)
			p.AvailableOn = &date
		}
		return p
	})
)

func maybe(r *rapid.T, what string, from, to int64) *int64 {
	if rapid.Bool().Draw(r, "no "+what) {
		return nil
	}
	n := rapid.Int64Range(from, to).Draw(r, what)
	return &n
}

// actions are every operation. What happens more often stands more than once.
func (w *world) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"place": w.placeOne, "place another": w.placeOne, "place several": w.placeSeveral, "place again": w.placeAgain,
		"buy beyond": w.buyBeyond, "buy beyond too": w.buyBeyond,
		"pay": w.sends(reservation.Paid), "pay all": w.sendsAll(reservation.Paid), "pay all of another": w.sendsAll(reservation.Paid),
		"cancel": w.sends(reservation.Cancelled), "cancel all": w.sendsAll(reservation.Cancelled),
		"return": w.sends(reservation.Returned), "redeliver": w.redeliver,
		"grow old": w.growOld, "grow old too": w.growOld,
		"tick": w.tick, "fulfil": w.fulfil, "come in": w.comeIn, "come in too": w.comeIn,
		"extend": func(r *rapid.T) {
			w.extend(r, w.someOrder(r), time.Duration(rapid.IntRange(0, 40).Draw(r, "hours"))*time.Hour)
		},
		"set policy": func(r *rapid.T) { w.setPolicy(r, policies.Draw(r, "policy")) },
		"count": func(r *rapid.T) {
			w.count(r, stock.Counting{
				SKU: skus.Draw(r, "sku"), Location: locations.Draw(r, "location"), OnHand: rapid.Int64Range(0, 8).Draw(r, "on hand"),
			}, rapid.IntRange(0, 9).Draw(r, "stale") == 0)
		},
		"adjust": func(r *rapid.T) {
			w.adjust(r, stock.Adjustment{
				SKU: skus.Draw(r, "sku"), Location: locations.Draw(r, "location"),
				Delta: rapid.Int64Range(-6, 6).Filter(func(n int64) bool { return n != 0 }).Draw(r, "delta"),
			})
		},
		"transfer": func(r *rapid.T) {
			w.transfer(r, stock.Transfer{
				SKU: skus.Draw(r, "sku"), From: locations.Draw(r, "from"), To: locations.Draw(r, "to"),
				Quantity: rapid.Int64Range(1, 4).Draw(r, "quantity"),
			})
		},
		"prefer": func(r *rapid.T) {
			w.prefer(r, locations.Draw(r, "location"), rapid.Int32Range(0, 3).Draw(r, "priority"))
		},
		"arrive": func(r *rapid.T) { w.arrive(r, skus.Draw(r, "sku")) },
	}
}

// buyBeyond places a new order of what may be ordered beyond the stock, and pays it:
// of several that are owed the same, who paid first is not who comes first by name.
func (w *world) buyBeyond(r *rapid.T) {
	var beyond []string
	for _, sku := range slices.Sorted(maps.Keys(w.items)) {
		if it := w.items[sku]; it.policy.Track && it.beyond() && it.orderable(w.overdue(sku)) > 0 {
			beyond = append(beyond, sku)
		}
	}
	o := orders.Draw(r, "order")
	if len(beyond) == 0 || w.orders[o.ID] != nil {
		r.Skip("nothing can be ordered beyond the stock, or the order is known")
	}
	o.Lines = []event.OrderLine{{SKU: rapid.SampledFrom(beyond).Draw(r, "sku"), Quantity: rapid.Int64Range(2, 5).Draw(r, "quantity")}}
	w.placings = append(w.placings, o)
	w.place(r, o)
	w.check(r)
	m := reservation.Message{Step: reservation.Paid, OrderID: o.ID, Actor: "test", Source: "/test", ID: fmt.Sprint(len(w.messages))}
	w.messages = append(w.messages, m)
	w.send(r, m)
}

// comeIn brings something of what an order is owed to where it is owed.
func (w *world) comeIn(r *rapid.T) {
	var owed []stock.Adjustment
	for _, id := range w.byPayment() {
		for _, p := range w.orders[id].parts {
			if p.owed > 0 {
				owed = append(owed, stock.Adjustment{SKU: p.sku, Location: p.location})
			}
		}
	}
	if len(owed) == 0 {
		r.Skip("nobody is owed anything")
	}
	a := rapid.SampledFrom(owed).Draw(r, "owed")
	a.Delta = rapid.Int64Range(1, 6).Draw(r, "delta")
	w.adjust(r, a)
	if rapid.Bool().Draw(r, "hand over") {
		w.check(r)
		w.fulfil(r)
	}
}

func (w *world) placeOne(r *rapid.T) {
	o := orders.Draw(r, "order")
	w.placings = append(w.placings, o)
	w.place(r, o)
}

func (w *world) placeSeveral(r *rapid.T) {
	several := rapid.SliceOfNDistinct(orders, 2, 3, func(o reservation.Order) string { return o.ID }).Draw(r, "orders")
	w.placings = append(w.placings, several...)
	w.place(r, several...)
}

func (w *world) placeAgain(r *rapid.T) {
	if len(w.placings) == 0 {
		r.Skip("nothing was placed")
	}
	w.place(r, rapid.SampledFrom(w.placings).Draw(r, "order"))
}

// sends makes a message, mostly about a part of what the order took.
func (w *world) sends(step reservation.Step) func(*rapid.T) {
	return func(r *rapid.T) {
		m := w.message(r, step)
		m.Restock = rapid.Bool().Draw(r, "restock")
		if m.Lines = w.aPart(r, m.OrderID); m.Lines == nil {
			m.Lines = someLines.Draw(r, "lines")
		}
		w.messages = append(w.messages, m)
		w.send(r, m)
	}
}

func (w *world) sendsAll(step reservation.Step) func(*rapid.T) {
	return func(r *rapid.T) {
		m := w.message(r, step)
		w.messages = append(w.messages, m)
		w.send(r, m)
	}
}

// someOrder is mostly one that is known.
func (w *world) someOrder(r *rapid.T) string {
	if len(w.orders) > 0 && rapid.IntRange(0, 5).Draw(r, "any order") > 0 {
		return rapid.SampledFrom(slices.Sorted(maps.Keys(w.orders))).Draw(r, "known order")
	}
	return ids.Draw(r, "order")
}

func (w *world) message(r *rapid.T, step reservation.Step) reservation.Message {
	m := reservation.Message{
		Step: step, OrderID: w.someOrder(r), Actor: "test", Source: "/test",
		ID: fmt.Sprint(len(w.messages)), Announce: rapid.Bool().Draw(r, "announce"),
	}
	if rapid.IntRange(0, 4).Draw(r, "over HTTP") == 0 {
		m.Source, m.ID = "", "" // each time another one
	}
	return m
}

// aPart is some of one line of the order, now and then too much.
func (w *world) aPart(r *rapid.T, id string) []event.OrderLine {
	if o := w.orders[id]; o != nil && len(o.lines) > 0 && rapid.IntRange(0, 9).Draw(r, "anything") > 0 {
		l := rapid.SampledFrom(o.lines).Draw(r, "line")
		l.Quantity = rapid.Int64Range(1, l.Quantity).Draw(r, "quantity")
		return []event.OrderLine{l}
	}
	return nil
}

func (w *world) redeliver(r *rapid.T) {
	if len(w.messages) == 0 {
		r.Skip("nothing was sent")
	}
	w.send(r, rapid.SampledFrom(w.messages).Draw(r, "message"))
}

// growOld lets an order's time be over.
func (w *world) growOld(r *rapid.T) {
	running := slices.DeleteFunc(slices.Sorted(maps.Keys(w.orders)), func(id string) bool { return !w.orders[id].running() })
	if len(running) == 0 {
		r.Skip("none runs")
	}
	id := rapid.SampledFrom(running).Draw(r, "order")
	age(r, w.owner, id)
	w.orders[id].late = true
}
