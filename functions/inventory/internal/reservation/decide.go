package reservation

import (
	"time"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
)

// decide gives the order what the book has left, and says of each line why it
// got less than it asked for. What could be had from overdue reservations goes
// into lacking, and the decision does not count.
func (p *placing) decide(book *stock.Book, now time.Time, lacking needed) {
	p.state = Locked
	p.told = make([]event.ReservationLineData, len(p.lines))
	takes := make([]int64, len(p.lines))
	helpless := false // more stock would not help
	var total int64
	for i, l := range p.lines {
		takes[i], p.told[i] = judge(book, l, p.AllowPartial)
		total += takes[i]
		if p.told[i].Reason != "" {
			p.state = PartiallyLocked
			helpless = helpless || p.told[i].Reason != insufficient || p.told[i].Available < l.Quantity
		}
	}
	if !p.expires.After(now) {
		p.reject(ranOut)
		return
	}
	if (p.AllowPartial || !helpless) && p.lack(book, lacking) {
		return
	}
	if p.state == PartiallyLocked && (!p.AllowPartial || total == 0) {
		p.reject("")
		return
	}
	cause := stock.OfOrder(p.ID, Placed.String(), p.Actor)
	for i, l := range p.lines {
		p.told[i].Locked = takes[i]
		for _, part := range reserve(book, cause, l.SKU, takes[i]) {
			p.parts = append(p.parts, &line{OrderID: p.ID, SKU: l.SKU, Location: part.Location, Held: part.Quantity})
		}
	}
}

const (
	unknownSKU   = "unknown_sku"
	overLimit    = "over_limit"
	insufficient = "insufficient_stock"
)

// judge says how much of a line can be taken, and what is to be told of it.
func judge(book *stock.Book, l event.OrderLine, partial bool) (int64, event.ReservationLineData) {
	free := book.Free(l.SKU)
	told := event.ReservationLineData{SKU: l.SKU, Requested: l.Quantity}
	told.Available = book.FreeOnExpiry(l.SKU)
	policy, known := book.Policy(l.SKU)
	take := min(mostOf(policy, l.Quantity), free)
	switch {
	case !known:
		told.Reason = unknownSKU
	case mostOf(policy, l.Quantity) < l.Quantity:
		told.Reason = overLimit
	case free < l.Quantity:
		told.Reason = insufficient
	}
	if told.Reason != "" && !partial {
		take = 0
	}
	// Of an untracked SKU there is always what is asked for.
	told.Available = min(told.Available, max(l.Quantity, maxTold))
	return take, told
}

// maxTold bounds the available that is told of a SKU without tracking.
const maxTold = stock.MaxOnHand

// mostOf is how much of a quantity one order may have.
func mostOf(policy stock.Policy, quantity int64) int64 {
	if policy.MaxPerOrder == nil {
		return quantity
	}
	return min(quantity, *policy.MaxPerOrder)
}

func (p *placing) lack(book *stock.Book, lacking needed) bool {
	found := false
	for _, l := range p.lines {
		policy, _ := book.Policy(l.SKU)
		if n := book.FromOverdue(l.SKU, mostOf(policy, l.Quantity)); n > 0 {
			// Rather too much than too little: others want what is free too.
			lacking[l.SKU] += max(l.Quantity, n)
			found = true
		}
	}
	return found
}

func (p *placing) reject(reason string) {
	p.state, p.reason = Rejected, reason
	for i, t := range p.told {
		if t.Reason == insufficient && t.Available >= t.Requested {
			// There is enough once it is taken from overdue reservations.
			p.told[i].Reason, t.Reason = "", ""
		}
		if p.reason == "" {
			p.reason = t.Reason
		}
	}
}

func (p *placing) document() event.ReservationData {
	d := event.ReservationData{OrderID: p.ID, State: string(p.state), Reason: p.reason, Lines: p.told}
	if p.state.Holding() {
		expires := p.expires.UTC()
		d.ExpiresAt = &expires
	}
	return d
}

func (p *placing) reply(now time.Time, sequence int64) (event.Event, string, error) {
	reply, err := newReply(replyType(p.state), Placed.String(), now, sequence, p.document())
	if err != nil {
		return event.Event{}, "", err
	}
	return reply, store(reply), nil
}
