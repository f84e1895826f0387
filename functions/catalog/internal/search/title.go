package search

import (
	"slices"
	"strings"
)

// What a mark before a word of a title says of it. A word without one is a
// plain word of the name.
const (
	headMark   = '^' // it ends a phrase of the name, as what a thing is does
	sameMark   = '+' // another form of the word before it
	objectMark = '~' // it follows "for": what the product is meant for
	brandMark  = '@' // of the brand, or another word of the type
	typeMark   = '*' // the last word of an attribute that says what kind of thing it is
)

const (
	mostNameWords = 60
	mostTypeWords = 12
)

// title is what ranking knows of a product: the words of its name in their
// order, then its brand and type, each with its mark.
type title struct {
	stemmer
	text  []byte
	seen  []string // words, and some with their mark
	words []word   // of one text at a time
	forms []string // of one word at a time
}

func newTitle(m stemmer) *title { return &title{stemmer: m} }

// of reads a product; what was read before is forgotten.
func (t *title) of(e Entry) string {
	t.text, t.seen = t.text[:0], t.seen[:0]
	t.name(e.Name)
	t.brand(e.Brand)
	for _, code := range typeCodes {
		for _, value := range texts(e.Attributes[code]) {
			t.kind(value)
		}
	}
	return string(t.text)
}

// split cuts a text into its words, formsAt is the forms of one of them: both
// until the next call.
func (t *title) split(text string, most int) []word {
	t.words = appendWords(t.words[:0], text, most)
	return t.words
}

func (t *title) formsAt(words []word, i int) []string {
	t.forms = t.stemmer.formsAt(t.forms[:0], words, i)
	return t.forms
}

func (t *title) add(mark byte, form string) {
	if form == "" {
		return
	}
	if len(t.text) > 0 {
		t.text = append(t.text, ' ')
	}
	if mark != 0 {
		t.text = append(t.text, mark)
	}
	t.text = append(t.text, form...)
	t.seen = append(t.seen, form)
}

func (t *title) name(text string) {
	words := t.split(fold(withoutMarkup(text)), mostNameWords)
	object := false
	for i, w := range words {
		if w.before == apart {
			object = false
		}
		if stopWords[w.text] {
			object = object || w.text == "for"
			continue
		}
		if meantFor[w.text] {
			object = true
		}
		forms := t.formsAt(words, i)
		switch {
		case object:
			t.add(objectMark, forms[0])
		case endsPhrase(words, i):
			t.add(headMark, forms[0])
		default:
			t.add(0, forms[0])
		}
		for _, f := range forms[1:] {
			t.add(sameMark, f)
		}
	}
}

// typeCodes are the attributes that say what kind of thing a product is.
var typeCodes = []string{"product_type", "type", "category", "style"}

func (t *title) brand(text string) {
	words := t.split(fold(text), mostTypeWords)
	for i := range words {
		for _, f := range t.formsAt(words, i) {
			t.once(brandMark, f)
		}
	}
}

// kind says again what the type says: its last word is the thing.
func (t *title) kind(text string) {
	words := t.split(fold(withoutMarkup(text)), mostTypeWords)
	for i, w := range words {
		if w.number || stopWords[w.text] {
			continue
		}
		forms := t.formsAt(words, i)
		if i == len(words)-1 && len(words) <= longestType {
			t.once(typeMark, forms[0])
			continue
		}
		for _, f := range forms {
			if !slices.Contains(t.seen, f) {
				t.add(sameMark, f)
			}
		}
	}
}

// longestType is how many words a type has that is one, not prose.
const longestType = 4

func (t *title) once(mark byte, form string) {
	if key := string(mark) + form; !slices.Contains(t.seen, key) {
		t.seen = append(t.seen, key)
		t.add(mark, form)
	}
}

// meantFor are words behind which a name says what the product goes with.
var meantFor = setOf("compatible equivalent fits suitable replaces")

// endsPhrase says that a word stands where what a product is stands: before
// punctuation, a number, a preposition or the end.
func endsPhrase(words []word, i int) bool {
	w := words[i]
	if w.number || len(w.text) < 3 || strings.ContainsAny(w.text, "0123456789") {
		return false
	}
	if i+1 == len(words) {
		return true
	}
	next := words[i+1]
	return next.before == apart || next.number || stopWords[next.text] || next.before == space && strings.ContainsAny(next.text, "0123456789")
}

// formsAt appends the forms in which the word at a place is found, its own
// first: with its unit, and joined to the words before it where a writer might.
func (m stemmer) formsAt(forms []string, words []word, i int) []string {
	w := words[i]
	if w.unit != "" {
		forms = append(forms, w.text+w.unit, w.text)
		if n := whole(w.text); w.unit == "in" && n != w.text {
			forms = append(forms, n+w.unit)
		}
		if w.spoken != "" && !stopWords[w.spoken] {
			forms = append(forms, m.stem(w.spoken))
		}
		return forms
	}
	forms = append(forms, m.stem(w.text))
	for _, joined := range joinedAt(words, i) {
		forms = append(forms, m.stem(joined))
	}
	return forms
}

// longestChain is how many words a hyphenated one may have.
const longestChain = 4

// joinedAt is the compounds that end with the word at a place: usbc of usb-c,
// wifi of wi fi, and all of a longer chain.
func joinedAt(words []word, i int) []string {
	if i == 0 || words[i].before == apart || words[i-1].unit != "" {
		return nil
	}
	var forms []string
	w, p := words[i], words[i-1]
	short := len(w.text) <= 2 || len(p.text) <= 2
	if (w.before == tight || short && !stopWords[p.text]) && (!w.number || !p.number) {
		forms = append(forms, p.text+w.text)
	}
	if i > 1 && p.text == "x" && w.number && words[i-2].number {
		return append(forms, words[i-2].text+"x"+w.text)
	}
	chain := w.text
	for n := 1; n < longestChain && i-n >= 0 && words[i-n+1].before == tight; n++ {
		chain = words[i-n].text + chain
		if n > 1 {
			forms = append(forms, chain)
		}
	}
	return forms
}
