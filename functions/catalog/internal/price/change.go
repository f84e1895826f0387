package price

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/shared/fault"
)

// What became of a change.
const (
	Created   = "created" // the first of its kind in this currency
	Updated   = "updated"
	Unchanged = "unchanged"
)

func inPast() error {
	return fault.InvalidInput(fault.At("/starts_at", "in_past", "a price begins now, when left out, or later"))
}

// Set makes p the base price from then on, or from now when from is nil, until
// the next one that is scheduled. One that is scheduled for the same moment is
// replaced.
func (b *Book) Set(variant uuid.UUID, p Price, from *time.Time) (string, error) {
	l := b.line(variant, p.Price.Currency)
	result, start := Updated, b.At
	if len(l.base) == 0 {
		result = Created
	}
	if from == nil {
		if e := holding(l.base, start); e != nil && e.Price().Same(p) {
			return Unchanged, nil
		}
	} else {
		start = *from
		planned := starting(l.base, start)
		if planned != nil && planned.Price().Same(p) {
			return Unchanged, nil
		}
		if start.Before(b.At) {
			return "", inPast()
		}
		if planned != nil && start.After(b.At) {
			b.cancel(l, planned)
		}
	}
	if e := holding(l.base, start); e != nil {
		b.end(e, &start)
	}
	_, err := b.add(l, Base, variant, p, start, nextStart(l.base, start))
	return result, err
}

// Sell makes p the price of a sale in that time: from now when from is nil,
// for good when until is nil. again says that a sale which is just this one
// is no fault, but unchanged.
func (b *Book) Sell(variant uuid.UUID, p Price, from, until *time.Time, again bool) (Row, string, error) {
	l := b.line(variant, p.Price.Currency)
	start, same := b.At, holding(l.sale, b.At)
	if from != nil {
		start, same = *from, starting(l.sale, *from)
	}
	switch {
	case again && same != nil && same.Price().Same(p) && sameEnd(same.EndsAt, until):
		return same.Row, Unchanged, nil
	case start.Before(b.At):
		return Row{}, "", inPast()
	case until != nil && !until.After(start):
		return Row{}, "", fault.InvalidInput(fault.At("/ends_at", "out_of_range", "after the start, which is now when left out"))
	}
	for _, e := range l.sale {
		if !e.endsBy(start) && !e.endsBy(e.StartsAt) && (until == nil || e.StartsAt.Before(*until)) {
			return Row{}, "", fault.Clash("sale_overlap", "another sale in %s holds within that time: %s", p.Price.Currency, e.ID)
		}
	}
	row, err := b.add(l, Sale, variant, p, start, until)
	return row, Created, err
}

// Withdraw takes back a price: one that has not begun is cancelled, and a sale
// that runs ends now. What is over stays as it was.
func (b *Book) Withdraw(row Row) error {
	l := b.line(row.VariantID, row.Currency)
	list := *l.of(row.Kind)
	at := slices.IndexFunc(list, func(e *entry) bool { return e.ID == row.ID })
	switch {
	case row.CancelledAt != nil:
		return fault.Clash("cancelled", "it was cancelled before it began")
	case row.endsBy(b.At) || at < 0:
		return fault.Clash("over", "it has ended")
	case row.Kind == Base && !row.StartsAt.After(b.At):
		return fault.Clash("begun", "a base price that has begun holds until another is set")
	}
	e := list[at]
	if !e.StartsAt.After(b.At) {
		now := b.At
		b.end(e, &now)
		b.told = append(b.told, e)
		return nil
	}
	b.cancel(l, e)
	if at > 0 && e.Kind == Base && sameEnd(list[at-1].EndsAt, &e.StartsAt) {
		b.end(list[at-1], e.EndsAt) // the one before holds on instead
		b.told = append(b.told, list[at-1])
	}
	return nil
}

func starting(list []*entry, at time.Time) *entry {
	if i := after(list, at) - 1; i >= 0 && list[i].StartsAt.Equal(at) {
		return list[i]
	}
	return nil
}

func sameEnd(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}

func (b *Book) add(l *line, kind string, variant uuid.UUID, p Price, start time.Time, end *time.Time) (Row, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Row{}, err
	}
	e := &entry{fresh: true, Row: Row{
		ID: id, VariantID: variant, Currency: p.Price.Currency, Kind: kind, Amount: p.Price.Amount, StartsAt: start, EndsAt: end,
	}}
	if p.CompareAt != nil {
		e.CompareAt = &p.CompareAt.Amount
	}
	list := l.of(kind)
	*list = slices.Insert(*list, after(*list, start), e)
	b.changed, b.told = append(b.changed, e), append(b.told, e)
	return e.Row, nil
}

func (b *Book) end(e *entry, at *time.Time) {
	e.EndsAt = at
	b.changed = append(b.changed, e)
}

func (b *Book) cancel(l *line, e *entry) {
	now := b.At
	e.CancelledAt = &now
	b.changed, b.told = append(b.changed, e), append(b.told, e)
	list := l.of(e.Kind)
	*list = slices.DeleteFunc(slices.Clone(*list), func(o *entry) bool { return o == e })
}
