package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

// The numbers below are measured on a real catalogue of 19,406 electronics
// products with 371,405 attribute values: 5,354 attributes of which 345 are
// filterable, 161 brands of which the largest has 15 % of the products, 19
// attributes on a product on average, 12 in the median, 184 at most.
const (
	attributeCount = 5000
	kindCount      = 480 // leaf categories; each is one kind of product
	shelfCount     = 60  // categories between the top and the kinds
	topCount       = 9
	brandExponent  = 0.9
	kindExponent   = 0.85
	pooledValues   = 40
)

type attribute struct {
	Code       string  `json:"code"`
	Name       string  `json:"name"`
	Type       string  `json:"type"`
	Unit       *string `json:"unit"`
	Filterable bool    `json:"filterable"`

	values []string // of text, the commonest first
	steps  int      // of number: how many different ones
	scale  float64
}

type category struct {
	Slug    string   `json:"slug"`
	Name    string   `json:"name"`
	Parent  *string  `json:"parent"`
	Filters []string `json:"filters"`
}

// kind is a leaf category and what its products are like.
type kind struct {
	slug, noun string
	top        string
	attributes []int // indexes, the commonest first
}

// world is all that products are drawn from. It depends on the seed alone.
type world struct {
	attributes []attribute
	categories []category
	kinds      []kind
	brands     []string
	kindOf     *wheel
	brandOf    *wheel
	seed       uint64
}

// newWorld makes a world for so many products: brands grow with the root of
// their number, everything else stays.
func newWorld(products int, seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // repeatable, not secret
	w := &world{seed: seed}
	names := newNamer(r)
	brands := int(161 * math.Max(1, math.Sqrt(float64(products)/20_000)))
	for range brands {
		w.brands = append(w.brands, capital(names.word(2, 3)))
	}
	w.brandOf = zipf(brands, brandExponent)
	for i := range attributeCount {
		w.attributes = append(w.attributes, newAttribute(i, r, names))
	}
	w.addCategories(r, names)
	w.kindOf = zipf(len(w.kinds), kindExponent)
	return w
}

func newAttribute(i int, r *rand.Rand, names *namer) attribute {
	name := names.word(2, 3) + " " + names.word(1, 2)
	a := attribute{Code: fmt.Sprintf("%s_%d", strings.ReplaceAll(name, " ", "_"), i), Name: capital(name)}
	// The commonest are filterable; in the real catalogue 345 of 5,354.
	a.Filterable = i < 300 || r.IntN(100) < 1
	switch i % 3 {
	case 0:
		a.Type = "text"
		for range 2 + int(float64(pooledValues)*math.Pow(r.Float64(), 2)*4) {
			a.values = append(a.values, capital(names.word(1, 3)))
		}
	case 1:
		unit := []string{"mm", "g", "W", "GB", "V", "Hz"}[r.IntN(6)]
		a.Type, a.Unit = "number", &unit
		a.steps, a.scale = 5+int(math.Pow(r.Float64(), 3)*2000), []float64{0.1, 0.5, 1, 1, 10}[r.IntN(5)]
	default:
		a.Type = "boolean"
	}
	return a
}

func (w *world) addCategories(r *rand.Rand, names *namer) {
	var tops, shelves []string
	add := func(parent *string, filters []string) string {
		noun := names.word(2, 3)
		slug := fmt.Sprintf("%s-%d", noun, len(w.categories))
		w.categories = append(w.categories, category{Slug: slug, Name: capital(noun), Parent: parent, Filters: filters})
		return slug
	}
	for range topCount {
		tops = append(tops, add(nil, append([]string{"brand", "price"}, w.filterable(r, 300, 4)...)))
	}
	topOf := map[string]string{}
	for range shelfCount {
		top := tops[r.IntN(len(tops))]
		slug := add(&top, []string{})
		shelves = append(shelves, slug)
		topOf[slug] = top
	}
	for range kindCount {
		shelf := shelves[r.IntN(len(shelves))]
		k := kind{attributes: w.attributesOf(r)}
		k.slug = add(&shelf, w.filtersOf(k.attributes))
		k.noun = strings.ToLower(w.categories[len(w.categories)-1].Name)
		k.top = topOf[shelf]
		w.kinds = append(w.kinds, k)
	}
	// Kinds were made in no order of size; the first drawn are the largest.
	r.Shuffle(len(w.kinds), func(i, j int) { w.kinds[i], w.kinds[j] = w.kinds[j], w.kinds[i] })
}

// attributesOf are those a kind of product may have: some that many kinds share
// and some of its own.
func (w *world) attributesOf(r *rand.Rand) []int {
	seen := map[int]bool{}
	var list []int
	for len(list) < 60 {
		i := int(math.Pow(r.Float64(), 3) * attributeCount)
		if !seen[i] {
			seen[i] = true
			list = append(list, i)
		}
	}
	return list
}

func (w *world) filterable(r *rand.Rand, among, n int) []string {
	var codes []string
	for _, i := range r.Perm(among) {
		if len(codes) == n {
			break
		}
		codes = append(codes, w.attributes[i].Code)
	}
	return codes
}

func (w *world) filtersOf(attributes []int) []string {
	var codes []string
	for _, i := range attributes {
		if w.attributes[i].Filterable && len(codes) < 8 {
			codes = append(codes, w.attributes[i].Code)
		}
	}
	return codes
}

// wheel draws indexes with given weights.
type wheel struct{ upTo []float64 }

// zipf weighs the i-th of n by 1/(i+1)^exponent: the largest are much larger
// than the rest, as brands and categories are.
func zipf(n int, exponent float64) *wheel {
	w := &wheel{upTo: make([]float64, n)}
	sum := 0.0
	for i := range n {
		sum += math.Pow(float64(i+1), -exponent)
		w.upTo[i] = sum
	}
	return w
}

func (w *wheel) draw(r *rand.Rand) int {
	x := r.Float64() * w.upTo[len(w.upTo)-1]
	low, high := 0, len(w.upTo)-1
	for low < high {
		if middle := (low + high) / 2; w.upTo[middle] < x {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// namer makes words that can be spoken, none twice.
type namer struct {
	r    *rand.Rand
	used map[string]bool
}

func newNamer(r *rand.Rand) *namer { return &namer{r: r, used: map[string]bool{}} }

func (n *namer) word(from, to int) string {
	const heads, vowels, tails = "bcdfghjklmnprstvwz", "aeiou", "lmnrstx"
	for try := 0; ; try++ {
		var b strings.Builder
		for range from + n.r.IntN(to-from+1) + try/50 {
			b.WriteByte(heads[n.r.IntN(len(heads))])
			b.WriteByte(vowels[n.r.IntN(len(vowels))])
			if n.r.IntN(3) == 0 {
				b.WriteByte(tails[n.r.IntN(len(tails))])
			}
		}
		if word := b.String(); !n.used[word] {
			n.used[word] = true
			return word
		}
	}
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
