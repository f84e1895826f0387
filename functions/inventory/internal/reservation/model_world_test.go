package reservation_test

import (
	"maps"
	"math"
	"time"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
)

// books are the model: what all stock and every order must be like, kept as a
// clerk would keep them. They know nothing of transactions, and of when an
// expiry is recorded only what they are told.
type books struct {
	places     []string // by priority
	priorities map[string]int32
	items      map[string]*item // by SKU; those that somebody has made known
	orders     map[string]*order
}

// item is a SKU.
type item struct {
	policy stock.Policy
	shelf  map[string]*shelf // by location
}

type shelf struct{ onHand, reserved, allowance int64 }

func (s *shelf) shortfall() int64 { return max(s.reserved-s.onHand-s.allowance, 0) }

// standing is where the table of outcomes finds an order.
func (b *books) standing(id string) reservation.Standing {
	o := b.orders[id]
	switch {
	case o == nil:
		return reservation.StandsNone
	case o.buried:
		return reservation.StandsBuried
	}
	return map[string]reservation.Standing{
		"locked": reservation.StandsLocked, "partially_locked": reservation.StandsLocked,
		"committed": reservation.StandsCommitted, "released": reservation.StandsReleased,
		"expired": reservation.StandsExpired, "rejected": reservation.StandsRejected,
	}[o.stateNow()]
}

const endless = math.MaxInt64

func (it *item) beyond() bool {
	p := it.policy
	return p.WhenOutOfStock == stock.Backorder || p.WhenOutOfStock == stock.Preorder && p.AvailableOn.After(time.Now())
}

func (it *item) sum(of func(*shelf) int64) int64 {
	var n int64
	for _, s := range it.shelf {
		n += of(s)
	}
	return n
}

// promised is what is left of a SKU as its rows stand; late orders still hold theirs.
func (it *item) promised() int64 {
	return it.sum(func(s *shelf) int64 { return s.onHand - s.reserved }) - it.policy.SafetyStock
}

// inStock is what lies there for whoever comes, unless late orders are recorded.
func (it *item) inStock() int64 {
	switch {
	case it == nil:
		return 0
	case !it.policy.Track:
		return endless
	default:
		return max(it.promised(), 0)
	}
}

func (it *item) shortfall() int64 { return it.sum((*shelf).shortfall) }

// overdue is what late orders hold of a SKU.
func (b *books) overdue(sku string) int64 {
	var n int64
	for _, o := range b.orders {
		if o.late {
			n += o.sum(sku, func(p *part) int64 {
				if p.location == nowhere {
					return 0
				}
				return p.unpaid
			})
		}
	}
	return n
}

const nowhere = ""

func (b *books) available(sku string) int64 { return b.items[sku].promised() + b.overdue(sku) }

// orderable is what a lock would get of a SKU now.
func (b *books) orderable(sku string) int64 { return b.items[sku].orderable(b.overdue(sku)) }

func (it *item) orderable(overdue int64) int64 {
	switch {
	case it == nil:
		return 0
	case !it.policy.Track:
		return endless
	}
	n := it.promised() + overdue
	if it.beyond() {
		n += it.sum(func(s *shelf) int64 { return s.allowance })
	}
	return max(n, 0)
}

// availability is the word that a visitor is shown.
func (b *books) availability(sku string) string {
	it := b.items[sku]
	n := b.available(sku)
	switch {
	case !it.policy.Track || n > it.policy.LowStockThreshold:
		return "in_stock"
	case n > 0:
		return "low_stock"
	case b.orderable(sku) > 0:
		return it.policy.WhenOutOfStock
	default:
		return "out_of_stock"
	}
}

// reserve takes from the shelves by priority, what lies anywhere, and be it held
// by a late order, before what is ordered beyond it.
func (b *books) reserve(sku string, quantity int64) map[string]int64 {
	it, takes := b.items[sku], map[string]int64{}
	if quantity == 0 {
		return takes
	}
	if !it.policy.Track {
		takes[nowhere] = quantity
		return takes
	}
	there := min(quantity, max(b.available(sku), 0))
	take := func(most int64, room func(*shelf) int64) {
		for _, at := range b.places {
			if s := it.shelf[at]; s != nil {
				n := min(most, max(room(s), 0))
				s.reserved += n
				takes[at] += n
				most -= n
			}
		}
	}
	take(there, func(s *shelf) int64 { return s.onHand - s.reserved })
	take(quantity-there, func(s *shelf) int64 { return s.onHand + s.allowance - s.reserved })
	maps.DeleteFunc(takes, func(_ string, n int64) bool { return n == 0 })
	return takes
}

// expire records that an order's time is over.
func (b *books) expire(o *order) {
	o.state = o.stateNow()
	o.late = false
	for _, p := range o.parts {
		b.unreserve(p, p.unpaid)
		p.unpaid = 0
	}
}

func (b *books) unreserve(p *part, n int64) {
	if p.location != nowhere {
		b.items[p.sku].shelf[p.location].reserved -= n
	}
}

// serve sells what is owed, as far as it is there.
func (b *books) serve(p *part) int64 {
	n := p.owed
	if p.location != nowhere {
		s := b.items[p.sku].shelf[p.location]
		n = min(n, s.onHand)
		s.onHand -= n
		s.reserved -= n
	}
	p.owed -= n
	p.sold += n
	return n
}

// takeBack puts sold goods where they came from.
func (b *books) takeBack(p *part, n int64) {
	if p.location != nowhere {
		b.items[p.sku].shelf[p.location].onHand += n
	}
}
