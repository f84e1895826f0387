package price

import (
	"slices"
	"sort"
	"time"

	"github.com/google/uuid"
)

// Span is a time in which a variant costs so much.
type Span struct {
	VariantID uuid.UUID  `json:"variant_id"`
	Currency  string     `json:"currency"`
	Amount    int64      `json:"amount"`
	CompareAt *int64     `json:"compare_at"`
	StartsAt  time.Time  `json:"starts_at"`
	EndsAt    *time.Time `json:"ends_at"`
}

// entry is a row in a book.
type entry struct {
	Row
	fresh bool       // not in the table yet
	until *time.Time // its end in the table
}

// line is the prices of a variant in one currency that are not cancelled, by
// start; those of one kind never overlap.
type line struct{ base, sale []*entry }

func (l *line) of(kind string) *[]*entry {
	if kind == Sale {
		return &l.sale
	}
	return &l.base
}

// holding is the one of the entries that holds at the time.
func holding(list []*entry, at time.Time) *entry {
	for i := after(list, at) - 1; i >= 0; i-- {
		if !list[i].endsBy(at) {
			return list[i]
		}
		if list[i].EndsAt.After(list[i].StartsAt) {
			break // those before it ended before it began
		}
	}
	return nil
}

// after is the index of the first entry that begins after the time.
func after(list []*entry, at time.Time) int {
	return sort.Search(len(list), func(i int) bool { return list[i].StartsAt.After(at) })
}

// nextStart is when the first entry begins after the time.
func nextStart(list []*entry, at time.Time) *time.Time {
	if i := after(list, at); i < len(list) {
		return &list[i].StartsAt
	}
	return nil
}

// over is what a variant costs while these hold: a sale goes before the base
// price, and is compared with it unless it names something else.
// catalog.prices_now says the same in SQL.
func over(base, sale *entry) (amount int64, compareAt *int64, priced bool) {
	switch {
	case sale == nil && base == nil:
		return 0, nil, false
	case sale == nil:
		return base.Amount, base.CompareAt, true
	case sale.CompareAt == nil && base != nil && base.Amount > sale.Amount:
		return sale.Amount, &base.Amount, true
	}
	return sale.Amount, sale.CompareAt, true
}

// spans is the line as the prices that are paid, from the time on.
func (l *line) spans(variant uuid.UUID, currency string, from time.Time) []Span {
	var cuts []time.Time
	for _, list := range [][]*entry{l.base, l.sale} {
		for _, e := range list {
			cuts = append(cuts, e.StartsAt)
			if e.EndsAt != nil {
				cuts = append(cuts, *e.EndsAt)
			}
		}
	}
	slices.SortFunc(cuts, time.Time.Compare)
	cuts = slices.CompactFunc(cuts, time.Time.Equal)
	var spans []Span
	for i, start := range cuts {
		var end *time.Time
		if i+1 < len(cuts) {
			end = &cuts[i+1]
		}
		amount, compareAt, priced := over(holding(l.base, start), holding(l.sale, start))
		if !priced || end != nil && !end.After(from) {
			continue
		}
		next := Span{VariantID: variant, Currency: currency, Amount: amount, CompareAt: compareAt, StartsAt: start, EndsAt: end}
		if last := len(spans) - 1; last >= 0 && spans[last].goesOn(next) {
			spans[last].EndsAt = end
			continue
		}
		spans = append(spans, next)
	}
	return spans
}

// goesOn reports whether the next span is more of the same.
func (s Span) goesOn(next Span) bool {
	return s.EndsAt != nil && s.EndsAt.Equal(next.StartsAt) &&
		priceOf(s.Amount, s.CompareAt, s.Currency).Same(priceOf(next.Amount, next.CompareAt, next.Currency))
}
