package listing

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/functions/catalog/internal/price"
)

// A product is packed into one column: quick to send, and judged without being
// taken apart. Numbers are big-endian.
//
//	flags     1 (featured, alone in its category)
//	published 8, visible from 8, visible until 8 (µs of Unix time)
//	counts    4 each: facts, numbers, options, offers
//	facts     term 8
//	numbers   code 8, number 8
//	options   place of the variant 2, term 8
//	offers    place of the variant 2, currency 3, amount 8, begin 8, end 8 (µs of Unix time)
//	variants  id 16
const (
	headSize    = 1 + 3*8 + 4*4
	factSize    = 8
	numberSize  = 16
	optionSize  = 10
	offerSize   = 29
	variantSize = 16

	flagFeatured = 1
	flagAlone    = 2
)

// mostIndexed is the longest packed product that an index of a category holds, in
// bytes; readers fetch longer ones from the product's own row.
const mostIndexed = 2000

// packed is a product unpacked: its parts are slices of the column.
type packed struct {
	featured, alone                 bool
	published, from, until          int64 // µs of Unix time
	facts, numbers, options, offers []byte
	variants                        []byte
}

var errPacked = errors.New("candidates: a packed product is cut off")

// unpack keeps pointing into b.
func unpack(b []byte) (p packed, err error) {
	if len(b) < headSize {
		return p, errPacked
	}
	p.featured, p.alone = b[0]&flagFeatured != 0, b[0]&flagAlone != 0
	p.published, p.from, p.until = termAt(b[1:]), termAt(b[9:]), termAt(b[17:])
	rest := b[headSize:]
	for i, part := range []struct {
		to   *[]byte
		size int
	}{{&p.facts, factSize}, {&p.numbers, numberSize}, {&p.options, optionSize}, {&p.offers, offerSize}} {
		n := int(binary.BigEndian.Uint32(b[25+4*i:])) * part.size
		if n > len(rest) {
			return p, errPacked
		}
		*part.to, rest = rest[:n:n], rest[n:]
	}
	p.variants = rest
	return p, nil
}

func (p packed) pack() []byte {
	b := make([]byte, 0, headSize+len(p.facts)+len(p.numbers)+len(p.options)+len(p.offers)+len(p.variants))
	var flags byte
	if p.featured {
		flags |= flagFeatured
	}
	if p.alone {
		flags |= flagAlone
	}
	b = append(b, flags)
	for _, at := range []int64{p.published, p.from, p.until} {
		b = binary.BigEndian.AppendUint64(b, uint64(at)) //nolint:gosec // any 64 bits do
	}
	for _, n := range []int{len(p.facts) / factSize, len(p.numbers) / numberSize, len(p.options) / optionSize, len(p.offers) / offerSize} {
		b = binary.BigEndian.AppendUint32(b, uint32(n)) //nolint:gosec // a document is not that long
	}
	return append(append(append(append(append(b, p.facts...), p.numbers...), p.options...), p.offers...), p.variants...)
}

// row is one product as it is stored.
type row struct {
	packed
	terms   []int64
	amounts []amount
	skus    string
}

type amount struct {
	currency string
	amount   int64
}

// pack makes the row of an entry, whose variants cost what spans says.
func pack(e Entry, spans map[uuid.UUID][]price.Span, d *dictionary) row {
	r := row{packed: packed{
		featured: e.Featured, alone: len(e.Categories) == 1,
		published: e.PublishedAt.UnixMicro(), from: math.MinInt64, until: endOf(e.VisibleUntil),
	}}
	if e.VisibleFrom != nil {
		r.from = e.VisibleFrom.UnixMicro()
	}
	var octaves []int64
	own := d.add(nil, brandCode, e.Brand)
	for _, c := range e.Categories {
		own = append(own, categoryTerm(c))
	}
	for _, code := range sortedKeys(e.Attributes) {
		value := e.Attributes[code]
		n, isNumber := value.(float64)
		for _, text := range texts(value) {
			own = d.add(own, code, text)
		}
		if isNumber {
			r.numbers = binary.BigEndian.AppendUint64(r.numbers, d.key(code))
			r.numbers = binary.BigEndian.AppendUint64(r.numbers, math.Float64bits(n))
			d.number(code, n)
			octaves = append(octaves, d.octave(code, n))
		}
	}
	own = sorted(own)
	for _, t := range own {
		r.facts = binary.BigEndian.AppendUint64(r.facts, uint64(t)) //nolint:gosec // any 64 bits do
	}
	r.terms = slices.Concat(own, octaves)
	if e.Featured {
		r.terms = append(r.terms, termID(featuredCode, ""))
	}
	skus := make([]string, len(e.Variants))
	for place, v := range e.Variants {
		skus[place] = v.SKU
		r.variants = append(r.variants, v.ID[:]...)
		var chosen []int64
		for code, value := range v.Options {
			chosen = d.add(chosen, code, value)
		}
		for _, t := range sorted(chosen) {
			r.options = binary.BigEndian.AppendUint16(r.options, uint16(place)) //nolint:gosec // at most 500
			r.options = binary.BigEndian.AppendUint64(r.options, uint64(t))     //nolint:gosec // any 64 bits do
		}
		r.terms = append(r.terms, chosen...)
		r.offers = appendOffers(r.offers, place, spans[v.ID])
	}
	r.skus = strings.Join(skus, " ")
	r.price()
	return r
}

// price adds to the terms the buckets of what the offers ask.
func (r *row) price() {
	seen := map[amount]bool{}
	for offers := r.offers; len(offers) > 0; offers = offers[offerSize:] {
		a := amount{currency: string(offers[2:5]), amount: int64(binary.BigEndian.Uint64(offers[5:]))} //nolint:gosec // as it was written
		if seen[a] {
			continue
		}
		seen[a] = true
		r.amounts = append(r.amounts, a)
		terms := bucketTerms(a.currency, a.amount)
		r.terms = append(r.terms, terms[:]...)
	}
	r.terms = sorted(r.terms)
}

func sorted(terms []int64) []int64 {
	slices.Sort(terms)
	return slices.Compact(terms)
}

func appendOffers(offers []byte, place int, spans []price.Span) []byte {
	slices.SortFunc(spans, func(a, b price.Span) int {
		if a.Currency != b.Currency {
			return strings.Compare(a.Currency, b.Currency)
		}
		return a.StartsAt.Compare(b.StartsAt)
	})
	for _, s := range spans {
		offers = binary.BigEndian.AppendUint16(offers, uint16(place)) //nolint:gosec // at most 500
		offers = append(offers, s.Currency...)
		offers = binary.BigEndian.AppendUint64(offers, uint64(s.Amount))               //nolint:gosec // not negative
		offers = binary.BigEndian.AppendUint64(offers, uint64(s.StartsAt.UnixMicro())) //nolint:gosec // not before 1970
		offers = binary.BigEndian.AppendUint64(offers, uint64(endOf(s.EndsAt)))        //nolint:gosec // not before 1970
	}
	return offers
}

func endOf(at *time.Time) int64 {
	if at == nil {
		return math.MaxInt64
	}
	return at.UnixMicro()
}

// nameKey sorts names as shoppers expect: whatever their case.
func nameKey(name string) string {
	const most = 100
	key := []rune(strings.ToLower(name))
	return string(key[:min(len(key), most)])
}

func uuidText(id [16]byte) string { return uuid.UUID(id).String() }
