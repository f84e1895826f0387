package listing

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

// Codes that attributes cannot have.
const (
	brandCode    = "brand"
	categoryCode = "/category"
	featuredCode = "/featured"
	priceCode    = "/price/"  // and a currency
	numberCode   = "/number/" // and a code
)

// maxTerm is the longest value that can be filtered by, in bytes: longer ones
// are prose, which search finds.
const maxTerm = 256

// termID names one value of one code: 16 bits are the code's, so that a count
// knows whose a term is, and 48 the value's. They are hashes, so that writers
// need not agree on numbers; a code with a million values has one chance in 500
// that two of them are taken for one.
func termID(code, value string) int64 { return termOf(numberKey(code), code, value) }

// termOf is termID where the code's key is known.
func termOf(key uint64, code, value string) int64 {
	text := make([]byte, 0, 128)
	text = append(append(append(text, code...), 0), value...)
	v := sha256.Sum256(text)
	return int64(key&^(1<<48-1) | binary.BigEndian.Uint64(v[:])>>16) //nolint:gosec // any 64 bits do
}

// codeOf is a term's code in 16 bits; another code may have the same.
func codeOf(term int64) uint16 { return uint16(uint64(term) >> 48) } //nolint:gosec // the highest 16 bits

// codeBits is what codeOf gives for terms of the code.
func codeBits(code string) uint16 {
	sum := sha256.Sum256([]byte(code))
	return binary.BigEndian.Uint16(sum[:])
}

// numberKey names a code among the numbers of a product.
func numberKey(code string) uint64 {
	sum := sha256.Sum256([]byte(code))
	return binary.BigEndian.Uint64(sum[:])
}

// categoryTerm is not in the dictionary: categories are not read back from it.
func categoryTerm(id [16]byte) int64 {
	return termID(categoryCode, uuidText(id))
}

func termIDs(code string, values []string) []int64 {
	ids := make([]int64, len(values))
	for i, v := range values {
		ids[i] = termID(code, v)
	}
	return ids
}

// bucket is where an amount lies on a scale of eight steps to each doubling.
func bucket(amount int64) int {
	n := bits.Len64(uint64(amount)) //nolint:gosec // amounts are not negative
	if n == 0 {
		return 0
	}
	return n*8 + int(amount*8>>(n-1)&7)
}

// levels are the widths of the buckets that a product is found by, as powers of
// two: an eighth of a doubling, a doubling, four of them.
var levels = [3]int{0, 3, 5}

// bucketTerms are the terms of one amount.
func bucketTerms(currency string, amount int64) [3]int64 {
	var terms [3]int64
	b := bucket(amount)
	for i, level := range levels {
		terms[i] = bucketTerm(currency, level, b>>level)
	}
	return terms
}

func bucketTerm(currency string, level, index int) int64 {
	return termID(priceCode+currency, strconv.Itoa(level)+"/"+strconv.Itoa(index))
}

// finest is the most steps for which the ends of a range are kept to the step;
// wider ranges are rounded outwards to a doubling.
const finest = 32

// rangeTerms are the fewest buckets that hold every amount from low to high and
// few others.
func rangeTerms(currency string, low, high int64) []int64 {
	first, last := bucket(max(low, 0)), bucket(high)
	from := 0
	if last-first > finest {
		from = 1
	}
	var terms []int64
	first, last = first>>levels[from], last>>levels[from]
	for i := from; i < len(levels); i++ {
		if i == len(levels)-1 {
			return append(terms, bucketRun(currency, i, first, last)...)
		}
		width := 1 << (levels[i+1] - levels[i])
		up, down := (first+width-1)/width*width, (last+1)/width*width
		if up >= down {
			return append(terms, bucketRun(currency, i, first, last)...)
		}
		terms = append(terms, bucketRun(currency, i, first, up-1)...)
		terms = append(terms, bucketRun(currency, i, down, last)...)
		first, last = up/width, down/width-1
	}
	return terms
}

func bucketRun(currency string, level, first, last int) []int64 {
	var terms []int64
	for b := first; b <= last; b++ {
		terms = append(terms, bucketTerm(currency, levels[level], b))
	}
	return terms
}

// Numbers are found by octaves: all of one sign and one power of two, so that a
// range is a run of few terms. Those nearer to zero than the first one or farther
// than the last are taken together.
const (
	firstOctave = -20
	lastOctave  = 60
)

// octave does not fall as numbers rise.
func octave(n float64) int {
	bits := math.Float64bits(n)
	power := int(bits>>52&0x7ff) - 1022
	i := max(0, min(power, lastOctave)-firstOctave+1)
	if n < 0 {
		return -i
	}
	return i
}

func octaveTerm(code string, i int) int64 {
	return termID(numberCode+code, strconv.Itoa(i))
}

// octaveTerms are those of every number from low to high, and of others beside
// them.
func octaveTerms(code string, low, high float64) []int64 {
	var terms []int64
	for i := octave(low); i <= max(octave(low), octave(high)); i++ {
		terms = append(terms, octaveTerm(code, i))
	}
	return terms
}

// Number writes a number the one way that filters compare.
func Number(n float64) string {
	if plain := strconv.FormatFloat(n, 'f', -1, 64); len(plain) <= maxTerm {
		return plain
	}
	return strconv.FormatFloat(n, 'g', -1, 64)
}

// sameNumber writes a number as a filter gives it the way terms have it: 17.0
// is 17.
func sameNumber(text string) string {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return Number(n)
}

// texts is how an attribute's value reads in a filter.
func texts(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case bool:
		return []string{strconv.FormatBool(v)}
	case float64:
		return []string{Number(v)}
	case []any:
		list := make([]string, 0, len(v))
		for _, item := range v {
			if s, ok := item.(string); ok {
				list = append(list, s)
			}
		}
		return list
	}
	return nil
}
