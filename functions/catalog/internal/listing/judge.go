package listing

import (
	"encoding/binary"
	"math"

	"github.com/google/uuid"
)

// candidate is a product that may match, as the database sends it. What is
// packed is the connection's memory: it is gone with the next row.
type candidate struct {
	packed
	whole bool // packed is there
	id    uuid.UUID
	name  []byte
	key   int64  // what an index says of it
	stock []byte // per variant: 1 when it can be sent now; nil when nobody asked
}

var categoryBits = codeBits(categoryCode)

// judge decides what matches a query. It is not for concurrent use.
type judge struct {
	at         int64
	currency   [3]byte
	categories map[int64]bool // nil: any
	featured   bool
	low, high  int64
	selections []selection
	verdict    verdict
}

// verdict is what became of the last candidate. A variant that misses more than
// one selection serves neither the result nor a facet.
type verdict struct {
	missed  []int16 // by variant: none, several, or the one selection it misses
	prices  []int64 // by variant: what it costs now, or unpriced
	matches bool
	lowest  int64 // of the matching variants
}

const (
	none    = -1
	several = -2

	unpriced = -1
)

func newJudge(q Query) *judge {
	j := &judge{at: q.At.UnixMicro(), featured: q.Featured, selections: q.selections()}
	copy(j.currency[:], q.Currency)
	j.low, j.high = q.costs()
	if q.Categories != nil {
		j.categories = make(map[int64]bool, len(q.Categories))
		for _, c := range q.Categories {
			j.categories[categoryTerm(c)] = true
		}
	}
	return j
}

// consider judges a candidate; false when it serves nothing. The verdict holds
// until the next one.
func (j *judge) consider(c *candidate) bool {
	if c.from > j.at || c.until <= j.at || j.featured && !c.featured || !j.within(c) {
		return false
	}
	missed := j.missedByProduct(c)
	if missed == several {
		return false
	}
	v := &j.verdict
	n := len(c.variants) / variantSize
	v.missed, v.prices = resized(v.missed, n), resized(v.prices, n)
	j.price(c)
	v.matches, v.lowest = false, unpriced
	useful := false
	for place := range n {
		v.missed[place] = j.missedByVariant(c, place, missed)
		if v.missed[place] == none {
			v.matches = true
			if p := v.prices[place]; p != unpriced && (v.lowest == unpriced || p < v.lowest) {
				v.lowest = p
			}
		}
		useful = useful || v.missed[place] != several
	}
	return useful
}

func resized[T any](list []T, n int) []T {
	if cap(list) < n {
		return make([]T, n)
	}
	return list[:n]
}

func (j *judge) within(c *candidate) bool {
	if j.categories == nil {
		return true
	}
	for f := c.facts; len(f) > 0; f = f[factSize:] {
		if t := termAt(f); codeOf(t) == categoryBits && j.categories[t] {
			return true
		}
	}
	return false
}

func termAt(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) } //nolint:gosec // as it was written

// missedByProduct is the selections that no variant can meet.
func (j *judge) missedByProduct(c *candidate) int16 {
	missed := int16(none)
	for i := range j.selections {
		s := &j.selections[i]
		beyond := s.bounded && !s.amongNumbers(c.numbers)
		lacking := s.terms != nil && len(c.options) == 0 && !s.amongFacts(c.facts)
		if !beyond && !lacking {
			continue
		}
		if missed != none {
			return several
		}
		missed = int16(i) //nolint:gosec // a request is not that long
	}
	return missed
}

// missedByVariant adds what the variant misses to what its product misses.
func (j *judge) missedByVariant(c *candidate, place int, missed int16) int16 {
	if c.stock != nil && (place >= len(c.stock) || c.stock[place] != '1') {
		return several
	}
	for i := range j.selections {
		if int16(i) == missed || j.meets(c, place, &j.selections[i]) { //nolint:gosec // a request is not that long
			continue
		}
		if missed != none {
			return several
		}
		missed = int16(i) //nolint:gosec // a request is not that long
	}
	return missed
}

// meets tells whether a variant meets a selection; bounds of numbers are its
// product's business.
func (j *judge) meets(c *candidate, place int, s *selection) bool {
	if s.priced {
		p := j.verdict.prices[place]
		return p != unpriced && p >= j.low && p <= j.high
	}
	if s.terms == nil || len(c.options) == 0 || s.amongFacts(c.facts) {
		return true
	}
	for o := c.options; len(o) > 0; o = o[optionSize:] {
		if int(binary.BigEndian.Uint16(o)) == place && s.has(termAt(o[2:])) {
			return true
		}
	}
	return false
}

func (s *selection) has(term int64) bool {
	for _, t := range s.terms {
		if t == term {
			return true
		}
	}
	return false
}

func (s *selection) amongFacts(facts []byte) bool {
	for ; len(facts) > 0; facts = facts[factSize:] {
		if s.has(termAt(facts)) {
			return true
		}
	}
	return false
}

func (s *selection) amongNumbers(numbers []byte) bool {
	for ; len(numbers) > 0; numbers = numbers[numberSize:] {
		if binary.BigEndian.Uint64(numbers) == s.key {
			n := math.Float64frombits(binary.BigEndian.Uint64(numbers[8:]))
			return n >= s.min && n <= s.max
		}
	}
	return false
}

// price notes what each variant costs at the query's time.
func (j *judge) price(c *candidate) {
	for i := range j.verdict.prices {
		j.verdict.prices[i] = unpriced
	}
	for o := c.offers; len(o) > 0; o = o[offerSize:] {
		if [3]byte(o[2:5]) != j.currency || termAt(o[13:]) > j.at || termAt(o[21:]) <= j.at {
			continue
		}
		if place := int(binary.BigEndian.Uint16(o)); place < len(j.verdict.prices) {
			j.verdict.prices[place] = termAt(o[5:])
		}
	}
}
