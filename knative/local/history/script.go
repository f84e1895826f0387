package history

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// Shape of the histories that are made up.
type Shape struct {
	SKUs    int // up to 3: an order may name each of them
	Orders  int // up to 24
	Clients int
	OnHand  int // of each SKU
	// Counted histories are of orders that are placed and cancelled while
	// somebody counts; in the others they are paid and returned, too.
	Counted bool
	// Expiring histories are of orders of which some run out, too.
	Expiring bool
}

type planned struct {
	input
	at float64
}

// script makes up what the clients ask, in about the order of the orders: what
// comes later may overtake, everything may come twice.
func (s Shape) script(dice *rand.Rand) [][]input {
	var all []planned
	for n := range s.Orders {
		lines := s.lines(dice)
		add := func(in input, spread float64) {
			in.Order = n
			if in.Lines == (amounts{}) {
				in.Lines = lines
			}
			all = append(all, planned{in, float64(n) + spread*dice.Float64()})
		}
		for range 1 + dice.IntN(3) {
			add(input{What: place}, 2)
		}
		if s.Expiring && dice.IntN(2) == 0 {
			add(input{What: expire}, 4)
		}
		for _, in := range s.fate(dice, lines) {
			for range 1 + dice.IntN(2) {
				add(in, 5)
			}
		}
		add(input{What: look}, 1)
		for _, in := range s.changes(dice, n) {
			add(in, 1)
		}
	}
	slices.SortFunc(all, func(a, b planned) int { return cmp.Compare(a.at, b.at) })
	clients := make([][]input, s.Clients)
	for i, p := range all {
		clients[i%s.Clients] = append(clients[i%s.Clients], p.input)
	}
	return clients
}

// changes are what somebody does to the stock meanwhile. The books keep sums: of
// a location as a whole things go only where there is one.
func (s Shape) changes(dice *rand.Rand, n int) []input {
	sku := dice.IntN(s.SKUs)
	of := func(w what, n int) input {
		in := input{What: w, SKU: sku}
		in.Lines[sku] = int32(n)
		return in
	}
	switch {
	case s.Counted && n%3 == 0:
		return []input{of(count, dice.IntN(2*s.OnHand+1))}
	case n%4 == 1 && s.Counted:
		a := of(adjust, (1+dice.IntN(s.OnHand))*(1-2*dice.IntN(2)))
		return []input{a, a}
	case n%4 == 1:
		a := of(adjust, 1+dice.IntN(5))
		return []input{a, a}
	case n%4 == 3 && !s.Counted:
		return []input{of(move, 1+dice.IntN(5))}
	default:
		return nil
	}
}

func (s Shape) lines(dice *rand.Rand) amounts {
	var lines amounts
	for sku := range s.SKUs {
		if s.SKUs == 1 || dice.IntN(3) > 0 {
			lines[sku] = 1 + dice.Int32N(4)
		}
	}
	if lines.sum() == 0 {
		lines[0] = 1
	}
	return lines
}

// fate is what happens to an order after it was placed.
func (s Shape) fate(dice *rand.Rand, lines amounts) []input {
	cancelled := []input{{What: cancel, Message: 2}}
	if s.Counted {
		return cancelled[:dice.IntN(2)]
	}
	paid := []input{{What: pay, Message: 0}}
	back := input{What: giveBack, Message: 4, Restock: dice.IntN(2) == 0}
	for sku, n := range lines {
		back.Part[sku] = min(n, 2)
	}
	switch dice.IntN(6) {
	case 0:
		return nil
	case 1:
		return cancelled
	case 2:
		return append(cancelled, input{What: cancel, Message: 3})
	case 3:
		return append(paid, cancelled...)
	case 4:
		return append(paid, back)
	default:
		return append(paid, input{What: pay, Message: 1})
	}
}
