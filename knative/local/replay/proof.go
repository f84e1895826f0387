package replay

import (
	"cmp"
	"fmt"
	"slices"
)

// Level is the stock of one SKU over all locations, as the service tells it.
type Level struct {
	SKU         string `json:"sku"`
	OnHand      int64  `json:"on_hand"`
	Reserved    int64  `json:"reserved"`
	SafetyStock int64  `json:"safety_stock"`
	Available   int64  `json:"available"`
	Shortfall   int64  `json:"shortfall"`
}

// Reservation is what became of one order, as the service tells it.
type Reservation struct {
	OrderID   string            `json:"order_id"`
	State     string            `json:"state"`
	Reason    string            `json:"reason"`
	ExpiresAt string            `json:"expires_at"`
	Lines     []ReservationLine `json:"lines"`
}

// ReservationLine is one SKU of a reservation.
type ReservationLine struct {
	SKU       string `json:"sku"`
	Requested int64  `json:"requested"`
	Locked    int64  `json:"locked"`
	Committed int64  `json:"committed"`
	Returned  int64  `json:"returned"`
	Reason    string `json:"reason"`
}

// Books is everything that is known of the SKUs and orders at one time.
type Books struct {
	Levels       map[string]Level       // by SKU
	Reservations map[string]Reservation // by order; an order without one has no outcome
	Ledger       map[string]Entries     // by SKU
	Audit        int                    // differences that the service's own audit lists
}

// Entries is the ledger of one SKU, summed up.
type Entries struct {
	Supplied int64 // counts, adjustments and transfers: what was there to sell
	Sold     int64 // commits less returns
	Held     int64 // reserved and neither sold nor given back
	Negative bool  // a movement left less than nothing
}

// taken is what the orders of the file did to one SKU.
type taken struct{ held, sold int64 }

// takenBy sums what reservations hold and what they sold.
func takenBy(reservations map[string]Reservation) map[string]taken {
	all := map[string]taken{}
	for _, r := range reservations {
		for _, l := range r.Lines {
			t := all[l.SKU]
			if r.State == "locked" || r.State == "partially_locked" {
				t.held += l.Locked - l.Committed
			}
			t.sold += l.Committed - l.Returned
			all[l.SKU] = t
		}
	}
	return all
}

// foreign is what others than these orders hold and sold of each SKU: taken
// before anything is sent, and no business of the replay.
func foreign(b Books) map[string]taken {
	ours := takenBy(b.Reservations)
	others := map[string]taken{}
	for sku, level := range b.Levels {
		t := taken{held: level.live() - ours[sku].held, sold: b.Ledger[sku].Sold - ours[sku].sold}
		if t != (taken{}) {
			others[sku] = t
		}
	}
	return others
}

// stillHeld is what others hold of what they held when it began: their locks run
// out meanwhile, and nothing else may change it.
func (t taken) stillHeld(now int64) int64 { return max(0, min(now, t.held)) }

// live is what running reservations hold: reserved, less what has expired and
// is not recorded as such yet.
func (l Level) live() int64 { return l.OnHand - l.Available - l.SafetyStock }

// Violation is a broken promise.
type Violation struct {
	Of   string // the SKU or order
	What string
}

func (v Violation) String() string { return v.Of + ": " + v.What }

// check proves the invariants over the books, or lists what breaks them. others
// is what does not belong to these orders.
func check(orders []Order, b Books, others map[string]taken) []Violation {
	broken := checkOutcomes(orders, b.Reservations)
	ours := takenBy(b.Reservations)
	for _, sku := range skusOf(orders) {
		level, known := b.Levels[sku]
		if !known {
			broken = append(broken, Violation{sku, "has no stock row"})
			continue
		}
		for _, what := range checkSKU(level, b.Ledger[sku], ours[sku], others[sku]) {
			broken = append(broken, Violation{sku, what})
		}
	}
	if b.Audit > 0 {
		broken = append(broken, Violation{"audit", fmt.Sprintf("the service lists %d differences", b.Audit)})
	}
	slices.SortFunc(broken, func(x, y Violation) int { return cmp.Compare(x.Of, y.Of) })
	return broken
}

// checkSKU holds three tellings against each other: the level, the ledger, and
// what the orders were answered.
func checkSKU(level Level, ledger Entries, ours, others taken) []string {
	var broken []string
	fail := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	if level.OnHand < 0 || level.Reserved < 0 || level.Shortfall < 0 || level.Available < -level.SafetyStock || ledger.Negative {
		fail("is or was negative: %+v", level)
	}
	if level.Reserved > level.OnHand+level.Shortfall {
		fail("is oversold: %d reserved of %d on hand", level.Reserved, level.OnHand)
	}
	sold, held := ours.sold+others.sold, ours.held+others.stillHeld(level.live()-ours.held)
	remaining := level.Available + level.SafetyStock
	if sold+held+remaining != ledger.Supplied {
		fail("sold %d + reserved %d + remaining %d is not the opening %d", sold, held, remaining, ledger.Supplied)
	}
	if ledger.Sold != sold {
		fail("the ledger sold %d, the orders bought %d", ledger.Sold, sold)
	}
	if ledger.Held != level.Reserved {
		fail("the ledger holds %d, the level has %d reserved", ledger.Held, level.Reserved)
	}
	return broken
}

// outcomes an order can have after it was placed, paid or cancelled.
func outcomes() []string {
	return []string{"locked", "partially_locked", "committed", "released", "expired", "rejected"}
}

// checkOutcomes makes sure that each order has one outcome, for all of its
// lines, and that a lock is all or nothing.
func checkOutcomes(orders []Order, reservations map[string]Reservation) []Violation {
	var broken []Violation
	for _, o := range orders {
		r, found := reservations[o.OrderID]
		switch {
		case !found:
			broken = append(broken, Violation{"order " + o.OrderID, "has no outcome"})
		case !slices.Contains(outcomes(), r.State):
			broken = append(broken, Violation{"order " + o.OrderID, "has the unknown state " + r.State})
		case r.State == "locked" || r.State == "rejected":
			if what := checkLines(o, r); what != "" {
				broken = append(broken, Violation{"order " + o.OrderID, what})
			}
		}
	}
	return broken
}

// checkLines compares a lock with its order: lines of one SKU are summed, a
// locked order has all it asked for, a rejected one has nothing.
func checkLines(o Order, r Reservation) string {
	wanted := map[string]int64{}
	for _, l := range o.Lines {
		wanted[l.SKU] += l.Quantity
	}
	for _, l := range r.Lines {
		want := wanted[l.SKU]
		if r.State == "rejected" {
			want = 0
		}
		if l.Locked != want {
			return fmt.Sprintf("is %s with %d of %d of %s", r.State, l.Locked, wanted[l.SKU], l.SKU)
		}
		delete(wanted, l.SKU)
	}
	if r.State == "locked" && len(wanted) > 0 {
		return fmt.Sprintf("is locked without %d of its SKUs", len(wanted))
	}
	return ""
}
