package search

import (
	"bytes"
	"strings"
)

// What it is worth, of a whole, where in a product a word stands.
const (
	inName     = 1.0
	inBrand    = 0.95
	asObject   = 0.4
	inFacts    = 0.5 // short attribute values
	inProse    = 0.2
	headWeight = 1.6 // of the word that says what the thing is, to 1 of the others

	allWords     = 1.0 // more than any of the words is worth
	elsewhereBut = 0.4 // the same, when the word that says what the thing is stands in no title
	ofThisType   = 0.45
	ofThisKind   = 0.3
	onlyInType   = 0.2
	ofItsKind    = -0.4 // a bag is no laptop, even if it is a laptop bag
	ofTheBrand   = 0.3
	adjacent     = 0.2
	early        = 0.05
	brief        = 0.15
)

// scorer judges titles against one query. A score depends on the query and the
// product alone.
type scorer struct {
	needs   []need
	head    int
	matches map[string][]match
	total   float64 // of the weights of needs

	prefixes []prefix
}

type prefix struct {
	stem string
	list []match
}

type match struct {
	need   int
	weight float64
	part   int // of a phrase: which word of how many, 0 for a word alone
	of     int
}

func newScorer(q query) *scorer {
	s := &scorer{needs: q.needs, head: q.head, matches: map[string][]match{}}
	for i, n := range q.needs {
		s.total += s.weight(i)
		for _, f := range n.forms {
			if f.begins {
				s.prefixes = append(s.prefixes, prefix{f.stem, []match{{need: i, weight: f.weight}}})
				continue
			}
			words := strings.Fields(f.stem)
			for k, w := range words {
				m := match{need: i, weight: f.weight}
				if len(words) > 1 {
					m.part, m.of = k+1, len(words)
				}
				s.matches[w] = append(s.matches[w], m)
			}
		}
	}
	return s
}

func (s *scorer) weight(need int) float64 {
	if need == s.head {
		return headWeight
	}
	return 1
}

// found is where in a title a need was found best.
type found struct {
	worth float64
	place int
	parts int  // of a phrase, that followed each other
	kind  bool // it ends a phrase of the name
	typ   bool // it is the type
	brand bool
}

// reading is what one walk through a title has seen.
type reading struct {
	best      [mostAsked]found
	places    int // words of the name
	matched   int // of them, those that were asked for
	afterHead bool
	spare     bool // the thing is an accessory, or a part
}

// score judges a title, and tells whether it names the thing. elsewhere is what
// a word is worth that the title lacks.
func (s *scorer) score(title []byte, elsewhere float64) (float64, bool) {
	var r reading
	for len(title) > 0 {
		word := title
		if end := bytes.IndexByte(title, ' '); end >= 0 {
			word, title = title[:end], title[end+1:]
		} else {
			title = nil
		}
		mark := byte(0)
		if len(word) > 0 && isMark(word[0]) {
			mark, word = word[0], word[1:]
		}
		s.read(&r, mark, word)
	}
	return s.sum(&r, elsewhere), r.best[s.head].worth > 0
}

func isMark(b byte) bool {
	return b == headMark || b == sameMark || b == objectMark || b == brandMark || b == typeMark
}

func (s *scorer) read(r *reading, mark byte, word []byte) {
	list := s.matching(word)
	ofName := mark == 0 || mark == headMark || mark == objectMark
	if ofName {
		r.places++
		if len(list) > 0 {
			r.matched++
		} else if mark != objectMark && (r.afterHead || mark == headMark) && accessories[string(word)] {
			r.spare = true
		}
		r.afterHead = false
	}
	for _, m := range list {
		if r.best[m.need].see(m, mark, r.places) && ofName && m.need == s.head {
			r.afterHead = true
		}
	}
}

// matching is what a word of a title may stand for.
func (s *scorer) matching(word []byte) []match {
	list := s.matches[string(word)]
	for _, p := range s.prefixes {
		if list == nil && strings.HasPrefix(string(word), p.stem) {
			list = p.list
		}
	}
	return list
}

// see notes a match; that of a phrase is one when all its words are there.
func (b *found) see(m match, mark byte, place int) bool {
	if m.of > 0 {
		if m.part == b.parts+1 {
			b.parts++
		}
		if b.parts < m.of {
			return false
		}
		b.parts = 0
	}
	if worth := m.weight * worthOf(mark); worth > b.worth {
		b.worth = worth
		if mark != typeMark && mark != brandMark {
			b.place = place
		}
	}
	b.kind = b.kind || mark == headMark
	b.typ = b.typ || mark == typeMark
	b.brand = b.brand || mark == brandMark
	return true
}

func worthOf(mark byte) float64 {
	switch mark {
	case brandMark, typeMark:
		return inBrand
	case objectMark:
		return asObject
	}
	return inName
}

func (s *scorer) sum(r *reading, elsewhere float64) float64 {
	best := r.best[:len(s.needs)]
	sum, pairs, first, brand := 0.0, 0, r.places+1, false
	for i, b := range best {
		brand = brand || b.brand
		if b.worth == 0 {
			sum += elsewhere * s.weight(i)
			continue
		}
		sum += b.worth * s.weight(i)
		if b.place > 0 {
			first = min(first, b.place)
		}
		if i > 0 && b.place > 0 && best[i-1].place > 0 && (b.place-best[i-1].place == 1 || b.place == best[i-1].place) {
			pairs++
		}
	}
	score := sum/s.total + s.kind(r, best)
	if brand && len(best) > 1 {
		score += ofTheBrand
	}
	if len(best) > 1 {
		score += adjacent * float64(pairs) / float64(len(best)-1)
	}
	if r.places > 0 {
		score += early * (1 - float64(first)/float64(r.places+1))
		score += brief * float64(r.matched) / float64(r.places)
	}
	return score
}

// kind is what it is worth that the product is what the query names: the last
// of its words that is not the brand.
func (s *scorer) kind(r *reading, best []found) float64 {
	head := s.head
	for head > 0 && best[head].brand {
		head--
	}
	worth := 0.0
	switch b := best[head]; {
	case b.typ && b.place > 0:
		return ofThisType * b.worth
	case b.typ:
		return onlyInType * b.worth
	case b.kind:
		worth = ofThisKind * b.worth
	}
	if r.spare {
		worth += ofItsKind
	}
	return worth
}

// accessories are things that belong to other things: a name that ends in one
// of them, or has it right behind another thing, is of no such thing.
var accessories = stemsOf(`accessory accessories adapter adaptor antenna arm bag battery bracket cable cap carrier cart cartridge case
	charger cleaner cleaning converter cord cover cradle dock docking drum enclosure extension filter frame holder hook kit label lamp lens
	lid lock mount pad part parts pouch protector rack refill remote replacement rest riser screen shelf skin sleeve spare stand strap
	stylus support tape toner tray unit warranty wire`)

func stemsOf(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[stem(w)] = true
	}
	return set
}
