package reservation

import (
	"slices"
	"strconv"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
)

// What the steps do to a reservation and the book. No part means all of it; a
// part is never more than there is to take it from.

// nowhere is the location of what was taken of a SKU that is not tracked: there
// is always as much of it as is asked for, and no level knows of it.
const nowhere = ""

func reserve(book *stock.Book, cause stock.Cause, sku string, quantity int64) []stock.Part {
	if policy, known := book.Policy(sku); known && !policy.Track && quantity > 0 {
		return []stock.Part{{Location: nowhere, Quantity: quantity}}
	}
	return book.Reserve(cause, sku, quantity)
}

// serve sells what is owed, as far as it is there, and says how much that was.
func (l *line) serve(book *stock.Book, cause stock.Cause) int64 {
	n := l.Owed
	if l.Location != nowhere {
		n = book.Sell(cause, l.SKU, l.Location, l.Owed)
	}
	l.Held -= n
	l.Owed -= n
	l.Sold += n
	return n
}

// commit sells what is held. What is not there, a backorder or what a count
// found missing, is owed and stays held until it is: Fulfil sells it then.
func (r *record) commit(book *stock.Book, cause stock.Cause, part []event.OrderLine) error {
	takes, err := r.takes(part, (*line).unpaid)
	if err != nil {
		return err
	}
	for i, l := range r.lines {
		l.Owed += takes[0][i]
		l.serve(book, cause)
	}
	if part == nil || !r.unpaid() {
		r.State = Committed
	}
	return nil
}

// release frees what nobody has paid for, then what is owed, and takes back what
// was sold; in this order over all locations.
func (r *record) release(book *stock.Book, cause stock.Cause, part []event.OrderLine) error {
	takes, err := r.takes(part, (*line).unpaid, (*line).owed, (*line).kept)
	if err != nil {
		return err
	}
	for i, l := range r.lines {
		unpaid, owed, back := takes[0][i], takes[1][i], takes[2][i]
		book.Unreserve(cause, stock.Release, l.SKU, l.Location, unpaid+owed)
		book.TakeBack(cause, l.SKU, l.Location, back)
		l.Held -= unpaid + owed
		l.Released += unpaid + owed
		l.Owed -= owed
		l.Returned += back
	}
	switch {
	case part == nil || !r.holds() && !r.keeps():
		r.State = Released
	case !r.unpaid():
		r.State = Committed
	}
	return nil
}

// giveBack takes sold goods back; only those that can be sold again go to
// where they came from.
func (r *record) giveBack(book *stock.Book, cause stock.Cause, part []event.OrderLine, restock bool) error {
	takes, err := r.takes(part, (*line).kept)
	if err != nil {
		return err
	}
	for i, l := range r.lines {
		if restock {
			book.TakeBack(cause, l.SKU, l.Location, takes[0][i])
		}
		l.Returned += takes[0][i]
	}
	return nil
}

// lockAndCommit takes an expired order's stock once more and sells it at once;
// false means that there is not enough. What overdue reservations could give
// is an error of type needed.
func (r *record) lockAndCommit(book *stock.Book, cause stock.Cause, part []event.OrderLine) (bool, error) {
	wanted, err := r.requested()
	if err != nil {
		return false, err
	}
	if part != nil {
		if wanted, err = within(part, wanted); err != nil {
			return false, err
		}
	}
	lacking := needed{}
	for _, l := range wanted {
		if book.FreeOnExpiry(l.SKU) < l.Quantity {
			return false, nil
		}
		if n := book.FromOverdue(l.SKU, l.Quantity); n > 0 {
			lacking[l.SKU] = max(l.Quantity, n)
		}
	}
	if len(lacking) > 0 {
		return false, lacking
	}
	for _, l := range wanted {
		for _, p := range reserve(book, cause, l.SKU, l.Quantity) {
			at := r.lineAt(l.SKU, p.Location)
			at.Held += p.Quantity
			at.Owed += p.Quantity
			at.serve(book, cause)
		}
	}
	r.State = Committed
	return true, nil
}

func within(part, whole []event.OrderLine) ([]event.OrderLine, error) {
	var faults fault.List
	for i, p := range part {
		at := slices.IndexFunc(whole, func(l event.OrderLine) bool { return l.SKU == p.SKU })
		if at < 0 || whole[at].Quantity < p.Quantity {
			moreThanTaken(&faults, i)
		}
	}
	return part, faults.Err()
}

// takes shares a part out over the lines, for each of the counters and up to what
// it allows: all that the first counts before anything that the next does.
func (r *record) takes(part []event.OrderLine, counters ...func(*line) int64) ([][]int64, error) {
	takes := make([][]int64, len(counters))
	left := make([]int64, len(part))
	for i, p := range part {
		left[i] = p.Quantity
	}
	for c, most := range counters {
		takes[c] = make([]int64, len(r.lines))
		for i, l := range r.lines {
			if part == nil {
				takes[c][i] = most(l)
				continue
			}
			if at := slices.IndexFunc(part, func(p event.OrderLine) bool { return p.SKU == l.SKU }); at >= 0 {
				takes[c][i] = min(left[at], most(l))
				left[at] -= takes[c][i]
			}
		}
	}
	var faults fault.List
	for at, n := range left {
		if n > 0 {
			moreThanTaken(&faults, at)
		}
	}
	return takes, faults.Err()
}

func moreThanTaken(faults *fault.List, line int) {
	faults.Add("/lines/"+strconv.Itoa(line)+"/quantity", "more_than_taken", "the order has not so much of it for this step")
}

func (r *record) holds() bool {
	return slices.ContainsFunc(r.lines, func(l *line) bool { return l.Held > 0 })
}

func (r *record) unpaid() bool {
	return slices.ContainsFunc(r.lines, func(l *line) bool { return l.unpaid() > 0 })
}

func (r *record) keeps() bool {
	return slices.ContainsFunc(r.lines, func(l *line) bool { return l.kept() > 0 })
}

func (r *record) lineAt(sku, location string) *line {
	for _, l := range r.lines {
		if l.SKU == sku && l.Location == location {
			return l
		}
	}
	l := &line{OrderID: r.OrderID, SKU: sku, Location: location}
	r.lines = append(r.lines, l)
	return l
}
