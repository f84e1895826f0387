package search

import "strings"

// What it is worth, of a whole, where in a product a word stands.
const (
	inName     = 1.0
	inBrand    = 0.95
	asObject   = 0.4
	inFacts    = 0.45 // short attribute values
	inProse    = 0.2
	headWeight = 1.6 // of the word that says what the thing is, to 1 of the others

	allWords   = 1.0
	ofThisKind = 0.35
	ofItsKind  = -0.45 // a bag is no laptop, even if it is a laptop bag
	adjacent   = 0.25
	early      = 0.05
	brief      = 0.2
)

// scorer judges titles against one query. A score depends on the query and the
// product alone.
type scorer struct {
	needs   []need
	head    int
	matches map[string][]match
	total   float64 // of the weights of needs
}

type match struct {
	need   int
	weight float64
}

func newScorer(q query) *scorer {
	s := &scorer{needs: q.needs, head: q.head, matches: map[string][]match{}}
	for i, n := range q.needs {
		s.total += s.weight(i)
		for _, f := range n.forms {
			s.matches[f.stem] = append(s.matches[f.stem], match{need: i, weight: f.weight})
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
	kind  bool
}

// score judges a title. elsewhere is what a word is worth that the title lacks.
func (s *scorer) score(title string, elsewhere float64) float64 {
	var best [mostAsked]found
	place, matched, spare := 0, 0, false
	afterHead := false
	for rest := title; rest != ""; {
		var word string
		word, rest, _ = strings.Cut(rest, " ")
		mark := byte(0)
		if strings.IndexByte("^+~@*", word[0]) >= 0 {
			mark, word = word[0], word[1:]
		}
		named := mark == 0 || mark == headMark || mark == objectMark
		if named {
			place++
		}
		list, hit := s.matches[word]
		if named {
			if afterHead && !hit && mark != objectMark && accessories[word] {
				spare = true
			}
			afterHead = false
		}
		if !hit {
			continue
		}
		if named {
			matched++
		}
		for _, m := range list {
			worth := m.weight * worthOf(mark)
			kind := mark == headMark || mark == typeMark
			b := &best[m.need]
			if worth > b.worth {
				b.worth = worth
				if mark != typeMark && mark != brandMark {
					b.place = place
				}
			}
			b.kind = b.kind || kind
			if m.need == s.head && named {
				afterHead = true
			}
		}
	}
	return s.sum(best[:len(s.needs)], place, matched, spare, elsewhere)
}

func worthOf(mark byte) float64 {
	switch mark {
	case brandMark:
		return inBrand
	case objectMark:
		return asObject
	}
	return inName
}

func (s *scorer) sum(best []found, places, matched int, spare bool, elsewhere float64) float64 {
	sum, pairs, first := 0.0, 0, places+1
	for i, b := range best {
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
	score := sum / s.total
	if best[s.head].kind {
		score += ofThisKind * best[s.head].worth
	}
	if spare && !best[s.head].kind {
		score += ofItsKind
	}
	if len(best) > 1 {
		score += adjacent * float64(pairs) / float64(len(best)-1)
	}
	if places > 0 {
		score += early * (1 - float64(first)/float64(places+1))
		score += brief * float64(matched) / float64(places)
	}
	return score
}

// accessories are things that belong to other things: a word right before one
// of them says what it is for.
var accessories = stemsOf(`accessory accessories adapter adaptor arm bag battery bracket cable cap carrier cartridge case
	charger cleaner cleaning cord cover cradle dock docking drum filter frame holder hook kit label lamp lens lid lock
	mount pad part parts pouch protector rack refill remote replacement screen shelf skin sleeve spare stand strap stylus tape toner tray
	unit warranty`)

func stemsOf(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[stem(w)] = true
	}
	return set
}
