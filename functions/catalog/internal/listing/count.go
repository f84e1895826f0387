package listing

import (
	"encoding/binary"
	"math"
)

// tally counts products by the terms, numbers and prices of their variants that
// serve: those that match, or that miss the one selection that is left out.
type tally struct {
	except   int16            // the selection that is left out, or none
	wanted   *[1 << 10]uint64 // codes whose terms are counted; nil: all
	products int
	terms    termCounts
	byCode   []int32 // products that have a code, when all are wanted
	bounds   map[uint64]*bounds
	prices   bounds
	codes    []string
	once     []int64 // option terms of the product at hand
}

type bounds struct {
	min, max float64
	any      bool
}

func (b *bounds) add(n float64) {
	if !b.any {
		b.min, b.max, b.any = n, n, true
		return
	}
	b.min, b.max = math.Min(b.min, n), math.Max(b.max, n)
}

// newTally counts the codes, or all of them when codes is nil.
func newTally(except int16, codes []string) *tally {
	t := &tally{except: except, codes: codes, bounds: map[uint64]*bounds{}}
	if codes == nil {
		t.byCode = make([]int32, 1<<16)
		return t
	}
	t.wanted = new([1 << 10]uint64)
	for _, code := range codes {
		c := codeBits(code)
		t.wanted[c>>6] |= 1 << (c & 63)
		t.bounds[numberKey(code)] = &bounds{}
	}
	return t
}

func (t *tally) reset() { *t = *newTally(t.except, t.codes) }

func (t *tally) counts(term int64) bool { return t.countsCode(codeOf(term)) }

func (t *tally) countsCode(c uint16) bool {
	return t.wanted == nil || t.wanted[c>>6]&(1<<(c&63)) != 0
}

// add counts a product whose variants were judged.
func (t *tally) add(c *candidate, v *verdict) {
	serves := false
	for place, missed := range v.missed {
		if missed != none && missed != t.except {
			continue
		}
		serves = true
		if p := v.prices[place]; p != unpriced {
			t.prices.add(float64(p))
		}
	}
	if !serves {
		return
	}
	t.products++
	before := -1
	for f := c.facts; len(f) > 0; f = f[factSize:] {
		term := termAt(f)
		if !t.counts(term) {
			continue
		}
		t.terms.add(term)
		if code := int(codeOf(term)); t.byCode != nil && code != before {
			t.byCode[code]++
			before = code
		}
	}
	if len(c.options) > 0 {
		t.addOptions(c, v)
	}
	t.addNumbers(c)
}

func (t *tally) addOptions(c *candidate, v *verdict) {
	t.once = t.once[:0]
	for o := c.options; len(o) > 0; o = o[optionSize:] {
		missed, term := v.missed[binary.BigEndian.Uint16(o)], termAt(o[2:])
		if missed != none && missed != t.except || !t.counts(term) || t.counted(c, term) {
			continue
		}
		t.once = append(t.once, term)
		t.terms.add(term)
		if t.byCode != nil && !t.codeCounted(c, term) {
			t.byCode[codeOf(term)]++
		}
	}
}

// counted says that the product at hand has been counted for a term.
func (t *tally) counted(c *candidate, term int64) bool {
	for _, o := range t.once {
		if o == term {
			return true
		}
	}
	s := selection{terms: []int64{term}}
	return s.amongFacts(c.facts)
}

func (t *tally) codeCounted(c *candidate, term int64) bool {
	for _, o := range t.once[:len(t.once)-1] {
		if codeOf(o) == codeOf(term) {
			return true
		}
	}
	for f := c.facts; len(f) > 0; f = f[factSize:] {
		if codeOf(termAt(f)) == codeOf(term) {
			return true
		}
	}
	return false
}

func (t *tally) addNumbers(c *candidate) {
	for n := c.numbers; len(n) > 0; n = n[numberSize:] {
		key := binary.BigEndian.Uint64(n)
		if !t.countsCode(uint16(key >> 48)) { //nolint:gosec // the highest 16 bits
			continue
		}
		b := t.bounds[key]
		if b == nil {
			if t.wanted != nil {
				continue
			}
			b = &bounds{}
			t.bounds[key] = b
		}
		b.add(math.Float64frombits(binary.BigEndian.Uint64(n[8:])))
	}
}

// termCounts is a hash table from terms to counts. The terms are hashes already.
type termCounts struct {
	terms  []int64
	counts []int32
	used   int
}

func (t *termCounts) add(term int64) {
	if 2*t.used >= len(t.terms) {
		t.grow()
	}
	i := t.slot(term)
	if t.counts[i] == 0 {
		t.terms[i] = term
		t.used++
	}
	t.counts[i]++
}

func (t *termCounts) slot(term int64) int {
	mask := len(t.terms) - 1
	i := int(term) & mask
	for t.counts[i] != 0 && t.terms[i] != term {
		i = (i + 1) & mask
	}
	return i
}

func (t *termCounts) grow() {
	old := *t
	n := max(1024, 4*len(old.terms))
	t.terms, t.counts = make([]int64, n), make([]int32, n)
	for i, count := range old.counts {
		if count > 0 {
			at := t.slot(old.terms[i])
			t.terms[at], t.counts[at] = old.terms[i], count
		}
	}
}
