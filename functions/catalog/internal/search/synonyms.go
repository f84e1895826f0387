package search

import "strings"

// alike are words that shoppers and catalogues use for one thing. The list is
// short and general on purpose: relevance is not for words to be fitted to.
var alike = [][]string{
	{"laptop", "notebook"},
	{"tv", "television"},
	{"monitor", "display"},
	{"mobile phone", "cell phone", "cellphone", "smartphone"},
	{"headphones", "earphones"},
	{"fridge", "refrigerator"},
	{"sofa", "couch"},
	{"trousers", "pants"},
	{"hdd", "hard drive", "hard disk"},
	{"ssd", "solid state drive"},
	{"ups", "uninterruptible power supply"},
	{"pc", "desktop computer"},
	{"wifi", "wi fi"},
	{"ram", "memory"},
	{"bag", "handbag"},
	{"bike", "bicycle"},
	{"photo", "picture"},
	{"xmas", "christmas"},
	{"sneakers", "trainers"},
	{"earbuds", "earphones"},
	{"flashlight", "torch"},
}

// likeness is what another word for it is worth.
const likeness = 0.9

// synonyms adds, to the needs that a phrase begins at, what else it is called.
func (q *query) synonyms(at int) {
	for _, group := range alike {
		for _, phrase := range group {
			n := q.says(at, phrase)
			if n == 0 {
				continue
			}
			for _, other := range group {
				if other == phrase || strings.Contains(other, " ") {
					continue
				}
				for i := at; i < at+n; i++ {
					q.needs[i].add(form{stem(other), likeness})
				}
			}
		}
	}
}

// says is how many needs from one on are a phrase, 0 when they are not.
func (q *query) says(at int, phrase string) int {
	words := strings.Fields(phrase)
	if at+len(words) > len(q.needs) {
		return 0
	}
	for i, w := range words {
		if stem(q.needs[at+i].text) != stem(w) {
			return 0
		}
	}
	return len(words)
}
