package stock

import "math"

// Unlimited is what is free of a SKU whose stock is not tracked.
const Unlimited = math.MaxInt64

// Book holds the levels of some SKUs locked and applies movements to them, one
// after the other, in memory. Post writes them all. It belongs to one
// transaction and one goroutine.
type Book struct {
	pages map[string]*page
	moves []Movement
}

type page struct {
	Policy
	levels  []*entry // by priority
	overdue int64
	before  supply
	lacked  int64 // shortfall then
	fresh   bool  // nobody knew the SKU before
}

type entry struct {
	Level
	onHand, reserved, allowance, shortfall int64 // change since the book was opened
	touched                                bool
}

func (b *Book) enter(levels []Level) {
	for _, l := range levels {
		b.pages[l.SKU].place(&entry{Level: l})
	}
	for _, p := range b.pages {
		p.before, p.lacked = p.supply(p.available()), p.shortfall()
	}
}

func (p *page) place(e *entry) {
	at := len(p.levels)
	for at > 0 && p.levels[at-1].Priority > e.Priority {
		at--
	}
	p.levels = append(p.levels, nil)
	copy(p.levels[at+1:], p.levels[at:])
	p.levels[at] = e
}

func (p *page) available() int64 {
	n := -p.SafetyStock
	for _, e := range p.levels {
		n += e.OnHand - e.Reserved
	}
	return n
}

func (p *page) shortfall() int64 {
	var n int64
	for _, e := range p.levels {
		n += e.Shortfall
	}
	return n
}

// Policy is how the SKU is sold; false when the SKU is unknown.
func (b *Book) Policy(sku string) (Policy, bool) {
	p := b.pages[sku]
	if p == nil {
		return Policy{}, false
	}
	return p.Policy, true
}

// Free is what can be reserved of a SKU now, over all locations.
func (b *Book) Free(sku string) int64 {
	if p := b.pages[sku]; p != nil {
		return max(p.left(), 0)
	}
	return 0
}

// FreeOnExpiry is what could be reserved if every reservation past its expiry
// were recorded, as far as ReadOverdue was asked for the SKU.
func (b *Book) FreeOnExpiry(sku string) int64 {
	p := b.pages[sku]
	switch {
	case p == nil:
		return 0
	case !p.Track:
		return Unlimited
	default:
		return max(p.left()+p.overdue, 0)
	}
}

// InStock is the part of Free that lies there: without what may be ordered
// beyond the stock.
func (b *Book) InStock(sku string) int64 {
	switch p := b.pages[sku]; {
	case p == nil:
		return 0
	case !p.Track:
		return Unlimited
	default:
		return max(p.available(), 0)
	}
}

// FromOverdue is how much of what reservations past their expiry hold has to
// become free before the quantity is reserved, as far as ReadOverdue was asked
// for the SKU: what lies there goes before what is ordered beyond it. It is more
// than the quantity where more is promised than there is, and 0 where their
// expiry gives nothing.
func (b *Book) FromOverdue(sku string, quantity int64) int64 {
	p := b.pages[sku]
	if p == nil || !p.Track {
		return 0
	}
	switch there, free := b.InStock(sku), b.Free(sku); {
	case quantity > there && p.available()+p.overdue > there:
		return quantity - p.available()
	case quantity > free && p.left()+p.overdue > free:
		return quantity - p.left()
	default:
		return 0
	}
}

// left is negative where more is promised than there is.
func (p *page) left() int64 {
	if !p.Track {
		return Unlimited
	}
	n := p.available()
	if p.Beyond {
		for _, e := range p.levels {
			n += e.BackorderAllowance
		}
	}
	return n
}

// Part is how much of a SKU was taken from one location.
type Part struct {
	Location string
	Quantity int64
}

// Reserve takes the quantity from the locations by priority, splitting it
// where one has not enough. The caller has made sure that it is free. What
// lies anywhere goes before what is ordered beyond it. Of a SKU that is not
// tracked nothing is taken.
func (b *Book) Reserve(c Cause, sku string, quantity int64) []Part {
	p := b.pages[sku]
	if p == nil || !p.Track {
		return nil
	}
	var parts []Part
	for i, n := range p.takes(quantity) {
		if n > 0 {
			b.apply(c, Reserve, p.levels[i], 0, n)
			parts = append(parts, Part{p.levels[i].Location, n})
		}
	}
	return parts
}

// takes shares a quantity out over the levels. The safety stock is no part of
// what lies there.
func (p *page) takes(quantity int64) []int64 {
	takes := make([]int64, len(p.levels))
	there := min(quantity, max(p.available(), 0))
	beyond := quantity - there
	for i, e := range p.levels {
		takes[i] = min(there, max(e.OnHand-e.Reserved, 0))
		there -= takes[i]
	}
	for i, e := range p.levels {
		if beyond == 0 {
			break
		}
		n := min(beyond, max(e.free()-takes[i], 0))
		takes[i] += n
		beyond -= n
	}
	return takes
}

// Unreserve gives back what was held at a location.
func (b *Book) Unreserve(c Cause, kind Kind, sku, location string, quantity int64) {
	if e := b.entry(sku, location); e != nil && quantity > 0 {
		b.apply(c, kind, e, 0, -quantity)
	}
}

// Sell turns what was held at a location into sold goods and returns how much
// of it: after a count below what was reserved there may be less than was
// held, and the rest stays held until there is more.
func (b *Book) Sell(c Cause, sku, location string, quantity int64) int64 {
	e := b.entry(sku, location)
	if e == nil {
		return 0
	}
	n := min(quantity, e.OnHand)
	if n > 0 {
		b.apply(c, Commit, e, -n, -n)
	}
	return n
}

// TakeBack puts sold goods on hand again.
func (b *Book) TakeBack(c Cause, sku, location string, quantity int64) {
	if e := b.entry(sku, location); e != nil && quantity > 0 {
		b.apply(c, Return, e, quantity, 0)
	}
}

func (b *Book) entry(sku, location string) *entry {
	p := b.pages[sku]
	if p == nil {
		return nil
	}
	for _, e := range p.levels {
		if e.Location == location {
			return e
		}
	}
	return nil
}

func (e *entry) lack(n int64) {
	e.shortfall += n - e.Shortfall
	e.Shortfall = n
}

func (b *Book) apply(c Cause, kind Kind, e *entry, onHand, reserved int64) {
	e.OnHand += onHand
	e.Reserved += reserved
	e.onHand += onHand
	e.reserved += reserved
	e.touched = true
	lacking := e.lacking()
	if kind != Count && kind != AdjustmentKind {
		// A lock never raises a shortfall; what goes away may shrink it.
		lacking = min(lacking, e.Shortfall)
	}
	e.lack(lacking)
	b.moves = append(b.moves, Movement{
		Request: c.Request, Kind: kind, SKU: e.SKU, Location: e.Location,
		OnHandDelta: onHand, ReservedDelta: reserved, OnHandAfter: e.OnHand, ReservedAfter: e.Reserved,
		Reason: c.Reason, Reference: c.Reference, Actor: c.Actor, OrderID: c.orderID(),
	})
}
