package reservation_test

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
)

// send gives a message to the service and compares what it does with the table
// of outcomes and the books. The same message may be sent again at any time.
func (w *world) send(r *rapid.T, m reservation.Message) {
	a, err := reservation.Apply(context.Background(), w.db, m)
	if first, answered := w.remembered[m.OrderID+" "+m.ID]; answered {
		require.NoError(r, err)
		require.Equal(r, first, a.Reply)
		require.True(r, a.Repeated)
		return
	}
	outcome := w.outcome(m.Step, m.OrderID)
	o := w.orders[m.OrderID]
	switch outcome.Do {
	case reservation.Wait:
		refused(r, err, fault.Unavailable, outcome.Reason)
		return
	case reservation.Conflict:
		refused(r, err, fault.Conflict, outcome.Reason)
		return
	case reservation.Bury:
		if m.Lines != nil {
			refused(r, err, fault.Unavailable, "order_not_arrived")
			return
		}
		require.NoError(r, err)
		o = &order{state: "released", buried: true, settled: &a.Reply}
		w.replied(r, a, event.InventoryReleased, o.document(m.OrderID), m.Announce)
		w.orders[m.OrderID] = o
	case reservation.RepeatLast:
		require.NoError(r, err)
		require.Equal(r, *o.settled, a.Reply)
		require.True(r, a.Repeated)
	default:
		if o.lacks(outcome.Do, m.Lines) {
			refused(r, err, fault.Invalid, "invalid")
			return
		}
		require.NoError(r, err)
		w.act(r, o, outcome, m, a)
	}
	if m.ID != "" {
		w.remembered[m.OrderID+" "+m.ID] = a.Reply
	}
}

// lacks says whether a part is more than the order has for a step.
func (o *order) lacks(do reservation.Action, lines []event.OrderLine) bool {
	for sku, n := range quantities(lines) {
		if n > o.most(do, sku) {
			return true
		}
	}
	return false
}

func (o *order) most(do reservation.Action, sku string) int64 {
	unpaid := o.sum(sku, func(p *part) int64 { return p.unpaid })
	kept := o.sum(sku, (*part).kept)
	switch do {
	case reservation.Commit:
		return unpaid
	case reservation.LockCommit:
		return quantities(o.wanted())[sku]
	case reservation.GiveBack:
		return kept
	case reservation.Release:
		if o.late {
			return o.sum(sku, (*part).held) - unpaid + kept
		}
		return o.sum(sku, (*part).held) + kept
	default:
		return endless // what is rejected may name anything
	}
}

// wanted is what a late payment is for: what was locked and nobody cancelled.
func (o *order) wanted() []event.OrderLine {
	var lines []event.OrderLine
	for _, l := range o.told {
		if n := l.Locked - o.sum(l.SKU, func(p *part) int64 { return p.undone }); n > 0 {
			lines = append(lines, event.OrderLine{SKU: l.SKU, Quantity: n})
		}
	}
	return lines
}

func (w *world) act(r *rapid.T, o *order, outcome reservation.Outcome, m reservation.Message, a reservation.Answer) {
	typ, reason := "", ""
	wanted := sums(m.Lines)
	if outcome.Do == reservation.LockCommit {
		if wanted == nil {
			wanted = o.wanted()
		}
		w.learn(r, quantities(wanted), m.OrderID)
	}
	if o.late {
		w.expire(o)
		w.announce(event.InventoryExpired, m.OrderID)
	}
	switch outcome.Do {
	case reservation.Commit:
		typ = event.InventoryCommitted
		w.commit(o, m.Lines)
	case reservation.LockCommit:
		typ = event.InventoryCommitted
		if !w.lockAndCommit(o, wanted) {
			typ, reason = event.InventoryRejected, outcome.Reason
		}
	case reservation.Release:
		typ = event.InventoryReleased
		w.release(o, m.Lines)
	case reservation.GiveBack:
		typ = event.InventoryReturned
		w.giveBack(o, m.Lines, m.Restock)
	case reservation.Reject:
		typ, reason = event.InventoryRejected, outcome.Reason
	default:
		require.Fail(r, "the table gives what cannot be", "%v %v", m.Step, outcome)
	}
	want := o.document(m.OrderID)
	if reason != "" {
		want.Reason = reason
	}
	w.replied(r, a, typ, want, m.Announce && typ != event.InventoryRejected)
	if typ == replyType(o.state) && typ != event.InventoryRejected || typ == event.InventoryCommitted {
		o.settled = &a.Reply
	}
}

// share gives lines out over the order's parts, as much as each may get, and
// leaves what was too much; nil is all that there is.
func (o *order) share(lines map[string]int64, of func(*part) int64, do func(p *part, n int64)) {
	for _, p := range o.parts {
		n := of(p)
		if lines != nil {
			n = min(n, lines[p.sku])
			lines[p.sku] -= n
		}
		do(p, n)
	}
}

func (b *books) commit(o *order, lines []event.OrderLine) {
	o.share(quantities(lines), func(p *part) int64 { return p.unpaid }, func(p *part, n int64) {
		p.unpaid -= n
		p.owed += n
		b.serve(p)
	})
	if lines == nil || !o.some(func(p *part) int64 { return p.unpaid }) {
		o.state = "committed"
	}
}

func (b *books) lockAndCommit(o *order, wanted []event.OrderLine) bool {
	for _, l := range wanted {
		if b.orderable(l.SKU) < l.Quantity {
			return false
		}
	}
	for _, l := range wanted {
		for at, n := range b.reserve(l.SKU, l.Quantity) {
			p := o.part(l.SKU, at)
			p.owed += n
			b.serve(p)
		}
	}
	o.state = "committed"
	return true
}

// release frees first what nobody has paid for, then what is owed; last it takes
// back what was sold.
func (b *books) release(o *order, lines []event.OrderLine) {
	left := quantities(lines)
	o.share(left, func(p *part) int64 { return p.unpaid }, func(p *part, n int64) {
		b.unreserve(p, n)
		p.unpaid -= n
		p.undone += n
	})
	o.share(left, func(p *part) int64 { return p.owed }, func(p *part, n int64) {
		b.unreserve(p, n)
		p.owed -= n
		p.undone += n
	})
	o.share(left, (*part).kept, func(p *part, n int64) {
		b.takeBack(p, n)
		p.returned += n
	})
	switch {
	case lines == nil || !o.some((*part).held) && !o.some((*part).kept):
		o.state = "released"
	case !o.some(func(p *part) int64 { return p.unpaid }):
		o.state = "committed"
	}
}

func (b *books) giveBack(o *order, lines []event.OrderLine, restock bool) {
	o.share(quantities(lines), (*part).kept, func(p *part, n int64) {
		p.returned += n
		if restock {
			b.takeBack(p, n)
		}
	})
}

// byPayment are the orders that are owed something, who paid first first.
func (b *books) byPayment() []string {
	var ids []string
	for id, o := range b.orders {
		if o.some(func(p *part) int64 { return p.owed }) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, c string) int {
		return cmp.Or(cmp.Compare(b.orders[a].settled.Sequence, b.orders[c].settled.Sequence), strings.Compare(a, c))
	})
	return ids
}

// replied compares a new answer with what the books expect.
func (w *world) replied(r *rapid.T, a reservation.Answer, typ string, want event.ReservationData, announced bool) {
	require.Equal(r, typ, a.Reply.Type)
	require.Equal(r, want, utc(a.Data))
	require.False(r, a.Repeated)
	require.Equal(r, want.OrderID, a.Reply.Subject)
	var sent event.ReservationData
	require.NoError(r, json.Unmarshal(a.Reply.Data, &sent))
	require.Equal(r, want, sent)
	if announced {
		w.announce(typ, want.OrderID)
	}
}
