package history

import "github.com/anishathalye/porcupine"

const (
	maxSKUs   = 3
	maxOrders = 24
)

// what is asked of inventory.
type what uint8

const (
	place what = iota
	pay
	cancel
	giveBack
	count
	adjust
	move // between locations
	expire
	look
)

// input is one thing that was asked. Message tells messages of one kind apart:
// a redelivery has the number of the first.
type input struct {
	What    what
	Order   int
	Message int
	Lines   amounts // of the order, of a count, or what an adjustment adds
	Part    amounts // of the order, when it comes back
	Restock bool
	SKU     int // that is counted, adjusted or moved
}

// kind of an answer.
type kind uint8

const (
	silence kind = iota // no answer: it may happen at any time, or never
	locked
	rejected
	committed
	released
	returned
	conflicts
	waits
	ranOut
	stands // a stock as it stands
)

// output is one answer. Free is what was left when an order was decided.
type output struct {
	Kind                kind
	Free                amounts
	Committed, Returned int32
	OnHand, Available   amounts
}

type standing uint8

const (
	unknown standing = iota
	holds
	sold
	late // its time is over
	over // released
	buried
	refused
)

// messages of one order that are remembered: two payments, two cancels, one return.
const messages = 5

type order struct {
	is       standing
	placed   output
	returned amounts
	settled  output
	replies  [messages]output
}

// shelf is the state that one caller after the other would see.
type shelf struct {
	onHand, reserved amounts // what late orders held is reserved no more
	orders           [maxOrders]order
	adjusted         [maxOrders]output
	expired          bool // something is
}

func (s shelf) free() amounts {
	left := s.onHand.plus(s.reserved, -1)
	for i := range left {
		left[i] = max(left[i], 0)
	}
	return left
}

// step is what SPEC's table of outcomes says, told once more.
func (s shelf) step(in input) (shelf, output) {
	switch in.What {
	case place:
		return s.place(in)
	case count:
		s.onHand[in.SKU] = in.Lines[in.SKU]
		return s, s.stands()
	case adjust:
		return s.adjust(in)
	case expire:
		return s.expire(in)
	case look, move:
		return s, s.stands()
	default:
		return s.hear(in)
	}
}

// hear answers a message about an order that was placed, or is to be.
func (s shelf) hear(in input) (shelf, output) {
	o := &s.orders[in.Order]
	if known := o.replies[in.Message]; known.Kind != silence {
		return s, known
	}
	answer := s.act(in, o)
	if answer.Kind != waits && answer.Kind != conflicts {
		o.replies[in.Message] = answer
	}
	return s, answer
}

func (s shelf) stands() output {
	return output{Kind: stands, OnHand: s.onHand, Available: s.onHand.plus(s.reserved, -1)}
}

// adjust is done once, however often it is asked.
func (s shelf) adjust(in input) (shelf, output) {
	if known := s.adjusted[in.Order]; known.Kind != silence {
		return s, known
	}
	answer := output{Kind: conflicts}
	if s.onHand[in.SKU]+in.Lines[in.SKU] >= 0 {
		s.onHand = s.onHand.plus(in.Lines, 1)
		answer = s.stands()
	}
	s.adjusted[in.Order] = answer
	return s, answer
}

func (s shelf) expire(in input) (shelf, output) {
	o := &s.orders[in.Order]
	if o.is != holds {
		return s, output{Kind: conflicts}
	}
	s.reserved = s.reserved.plus(in.Lines, -1)
	o.is, s.expired = late, true
	return s, output{Kind: ranOut}
}

func (s shelf) place(in input) (shelf, output) {
	o := &s.orders[in.Order]
	switch {
	case o.placed.Kind != silence:
	case o.is == buried:
		o.placed = output{Kind: rejected}
	default:
		o.placed = output{Kind: rejected, Free: s.free().of(in.Lines)}
		o.is = refused
		if in.Lines.within(s.free()) {
			s.reserved = s.reserved.plus(in.Lines, 1)
			o.placed.Kind, o.is = locked, holds
		}
	}
	return s, o.placed
}

func (s *shelf) act(in input, o *order) output {
	switch in.What {
	case pay:
		return s.pay(in, o)
	case cancel:
		return s.cancel(in, o)
	default:
		return s.takeBack(in, o)
	}
}

func (s *shelf) pay(in input, o *order) output {
	switch o.is {
	case unknown:
		return output{Kind: waits}
	case holds:
		s.onHand, s.reserved = s.onHand.plus(in.Lines, -1), s.reserved.plus(in.Lines, -1)
		o.is = sold
		o.settled = output{Kind: committed, Committed: in.Lines.sum()}
	case late:
		if !in.Lines.within(s.free()) {
			return output{Kind: rejected}
		}
		s.onHand = s.onHand.plus(in.Lines, -1)
		o.is, o.settled = sold, output{Kind: committed, Committed: in.Lines.sum()}
	case sold:
	default:
		return output{Kind: rejected}
	}
	return o.settled
}

func (s *shelf) cancel(in input, o *order) output {
	switch o.is {
	case unknown:
		o.is, o.settled = buried, output{Kind: released}
	case holds:
		s.reserved = s.reserved.plus(in.Lines, -1)
		o.is, o.settled = over, output{Kind: released}
	case sold:
		s.onHand = s.onHand.plus(in.Lines, 1).plus(o.returned, -1)
		o.is, o.settled = over, output{Kind: released, Committed: in.Lines.sum(), Returned: in.Lines.sum()}
	case refused, late:
		o.is, o.settled = over, output{Kind: released}
	default:
	}
	return o.settled
}

func (s *shelf) takeBack(in input, o *order) output {
	back := o.returned.plus(in.Part, 1)
	if o.is != sold || !back.within(in.Lines) {
		return output{Kind: conflicts}
	}
	if in.Restock {
		s.onHand = s.onHand.plus(in.Part, 1)
	}
	o.returned = back
	o.settled = output{Kind: returned, Committed: in.Lines.sum(), Returned: back.sum()}
	return o.settled
}

// model judges a history of the shelf that begins with this on hand.
func model(onHand amounts) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return shelf{onHand: onHand} },
		Step: func(state, in, out any) (bool, any) {
			next, want := state.(shelf).step(in.(input))
			return out.(output).tells(in.(input), want, next.expired), next
		},
	}
}

// tells says whether an answer is the one that is wanted, or none. The books do
// not know what lies where, so a move may be refused. What is told to be left
// beyond an order's lines may leave out what late orders held: nobody looks it up
// who is not short.
func (o output) tells(in input, want output, expired bool) bool {
	switch {
	case o.Kind == silence, in.What == move && o.Kind == conflicts:
		return true
	case in.What == place && expired && o.Free.within(want.Free):
		if o.Kind == locked && !in.Lines.within(o.Free) {
			return false
		}
		want.Free = o.Free
	}
	return o == want.seen(in)
}

// seen is what the caller can see of an answer: changes of stock tell of one SKU.
func (o output) seen(in input) output {
	if in.What == count || in.What == adjust || in.What == move {
		var one amounts
		one[in.SKU] = 1
		o.OnHand, o.Available = o.OnHand.of(one), o.Available.of(one)
	}
	return o
}
