package search

import "strings"

// alike are words that shoppers and catalogues use for one thing. The list is
// short and general on purpose: relevance is not for words to be fitted to.
var alike = [][]string{
	{"laptop", "notebook"},
	{"tv", "television"},
	{"monitor", "display"},
	{"smartphone", "mobile phone", "cell phone", "cellphone"},
	{"headphones", "earphones"},
	{"earbuds", "earphones"},
	{"fridge", "refrigerator"},
	{"sofa", "couch"},
	{"trousers", "pants"},
	{"sneakers", "trainers"},
	{"hdd", "hard drive", "hard disk"},
	{"ssd", "solid state drive"},
	{"ups", "uninterruptible power supply"},
	{"usb stick", "usb flash drive"},
	{"pc", "desktop computer"},
	{"ram", "memory"},
	{"bag", "handbag"},
	{"bike", "bicycle"},
	{"xmas", "christmas"},
	{"torch", "flashlight"},
	{"tshirt", "tee"},
}

// likeness is what another word for it is worth.
const likeness = 0.9

// synonym is what a phrase may be called instead.
type synonym struct {
	phrase []string // stems
	others []string // stems, with spaces between them
}

var synonyms = func() map[string][]synonym {
	byFirst := map[string][]synonym{}
	for _, group := range alike {
		for i, phrase := range group {
			s := synonym{phrase: stems(phrase)}
			for k, other := range group {
				if k != i {
					s.others = append(s.others, strings.Join(stems(other), " "))
				}
			}
			byFirst[s.phrase[0]] = append(byFirst[s.phrase[0]], s)
		}
	}
	return byFirst
}()

func stems(phrase string) []string {
	words := strings.Fields(phrase)
	for i, w := range words {
		words[i] = stem(w)
	}
	return words
}

// alike adds, to the needs that a phrase begins at, what else it is called.
func (q *query) alike(at int) {
	for _, s := range synonyms[q.needs[at].forms[0].stem] {
		if !q.says(at, s.phrase) {
			continue
		}
		for i := range s.phrase {
			for _, other := range s.others {
				q.needs[at+i].add(form{stem: other, weight: likeness})
			}
		}
	}
}

// says reports whether the needs from one on are a phrase.
func (q *query) says(at int, phrase []string) bool {
	if at+len(phrase) > len(q.needs) {
		return false
	}
	for i, w := range phrase {
		if q.needs[at+i].forms[0].stem != w {
			return false
		}
	}
	return true
}

// modifiers say how a thing is, not what: at the end of a query they do not
// name it.
var modifiers = stemsOf(`black white red blue green yellow pink purple orange brown gray silver gold golden beige cyan magenta
	wireless wired bluetooth cordless portable mini small large big new cheap best vintage kids men man women woman child hd uhd`)
