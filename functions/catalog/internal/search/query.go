package search

import (
	"math/bits"
	"strconv"
	"strings"
)

const (
	// mostAsked bounds the words of a query that count; a longer one is found
	// by its first.
	mostAsked = 8
	mostRead  = 40
)

// form is one way in which a word that is asked for may stand in a product.
type form struct {
	stem   string // or several, with spaces between them, of a phrase
	weight float64
	begins bool // it is the beginning of a word
}

// need is a word that is asked for.
type need struct {
	text  string // as it was written, folded
	forms []form
	tight bool // written as one with the word before it
}

// query is a text as search understands it.
type query struct {
	text  string
	needs []need
	never []string // stems of words with a minus before them
	head  int      // which need says what the thing is
	exact bool     // in quotes: nothing is put right, completed or left out
}

// parse reads what was typed into a search box. It is for people: nothing in
// it is wrong, it only finds more or less.
func parse(text string) query {
	q := query{text: text, exact: strings.Count(text, `"`) >= 2 && strings.HasPrefix(text, `"`) && strings.HasSuffix(text, `"`)}
	plain := fold(withoutMarkup(text))
	if q.exact {
		plain = strings.Trim(plain, `" `)
	}
	var kept []string
	for _, f := range strings.Fields(plain) {
		if len(f) > 1 && f[0] == '-' && isLetter(f[1:]) && len(kept) > 0 {
			for _, w := range split(f, mostAsked) {
				q.never = append(q.never, stem(w.text))
			}
			continue
		}
		kept = append(kept, f)
	}
	if q.exact || strings.Contains(plain, `"`) {
		q.never = nil
		kept = []string{plain}
	}
	q.ask(split(strings.Join(kept, " "), mostRead))
	return q
}

// ask turns words into needs.
func (q *query) ask(words []word) {
	object := false
	for i, w := range words {
		if stopWords[w.text] && !w.number {
			object = object || w.text == "for" || w.text == "with"
			continue
		}
		if len(q.needs) == mostAsked {
			break
		}
		n := need{text: w.text, tight: w.before == tight && i > 0}
		if w.unit != "" {
			n.text += w.unit
			n.forms = []form{{stem: w.text + w.unit, weight: 1}}
			if w.loose {
				n.forms = append(n.forms, form{stem: w.text, weight: 1})
			}
			if more, err := strconv.Atoi(w.text); err == nil && w.unit == "tb" {
				n.forms = append(n.forms, form{stem: strconv.Itoa(more*1000) + "gb", weight: likeness}, form{stem: strconv.Itoa(more*1024) + "gb", weight: likeness})
			}
		} else {
			n.forms = []form{{stem: stem(w.text), weight: 1}}
		}
		q.needs = append(q.needs, n)
		last := len(q.needs) - 1
		if i > 0 && last > 0 && w.before != apart && words[i-1].unit == "" && w.unit == "" && !stopWords[words[i-1].text] {
			joined := form{stem: stem(words[i-1].text + w.text), weight: 1}
			q.needs[last-1].add(joined)
			q.needs[last].add(joined)
		}
		if !object && !strings.ContainsAny(n.text, "0123456789") && !modifiers[n.forms[0].stem] {
			q.head = last
		}
	}
	for i := range q.needs {
		q.alike(i)
	}
}

func (n *need) add(f form) {
	for _, has := range n.forms {
		if has.stem == f.stem {
			return
		}
	}
	n.forms = append(n.forms, f)
}

// asked is the words as they were understood.
func (q query) asked() []string {
	list := make([]string, len(q.needs))
	for i, n := range q.needs {
		list[i] = n.text
	}
	return list
}

// The marks under which the index has a word of a title: plain and other forms
// and the brand's are one to it, and so are what ends a phrase and the type.
var (
	anyMark  = []string{"", "^", "~"}
	ownMark  = []string{"", "^"}
	kindMark = []string{"^"}
)

// lexeme quotes a word for tsquery.
func lexeme(mark, stem string) string {
	return "'" + strings.NewReplacer(`'`, `''`, `\`, `\\`).Replace(mark+stem) + "'"
}

func (n need) lexemes(marks []string, label string) string {
	var all []string
	for _, f := range n.forms {
		if strings.Contains(f.stem, " ") {
			all = append(all, f.phrase(marks, label))
			continue
		}
		for _, m := range marks {
			all = append(all, lexeme(m, f.stem)+f.label(label))
		}
	}
	return "(" + strings.Join(all, " | ") + ")"
}

func (f form) label(weights string) string {
	switch {
	case f.begins && weights == "":
		return ":*"
	case f.begins:
		return weights + "*"
	}
	return weights
}

// phrase is the query of all words of a form of several.
func (f form) phrase(marks []string, label string) string {
	words := strings.Fields(f.stem)
	for i, w := range words {
		words[i] = need{forms: []form{{stem: w}}}.lexemes(marks, label)
		if i < len(words)-1 && len(marks) > 1 {
			words[i] = need{forms: []form{{stem: w}}}.lexemes(anyMark, label)
		}
	}
	return "(" + strings.Join(words, " & ") + ")"
}

func conjunction(needs []need, marks func(i int) []string, label string) string {
	all := make([]string, len(needs))
	for i, n := range needs {
		all[i] = n.lexemes(marks(i), label)
	}
	return strings.Join(all, " & ")
}

// titles is the query of titles that have every word.
func (q query) titles() string {
	return conjunction(q.needs, func(int) []string { return anyMark }, "")
}

// kinds is the query of titles that have every word, and the one that says
// what the thing is in its place.
func (q query) kinds() string {
	return conjunction(q.needs, func(i int) []string {
		if i == q.head {
			return kindMark
		}
		return ownMark
	}, "")
}

var bare = []string{""}

// everywhere is the query of documents that have every word.
func (q query) everywhere(label string) string {
	text := conjunction(q.needs, func(int) []string { return bare }, label)
	for _, n := range q.never {
		text += " & !" + lexeme("", n)
	}
	return text
}

// subsets is the query of titles that have so many of the words, a certain one
// (if it is not negative) among them.
func (q query) subsets(left, kept int) string {
	var all []string
	for set := range 1 << len(q.needs) {
		if bits.OnesCount(uint(set)) != left || kept >= 0 && set&(1<<kept) == 0 {
			continue
		}
		var needs []need
		for i, n := range q.needs {
			if set&(1<<i) != 0 {
				needs = append(needs, n)
			}
		}
		all = append(all, "("+query{needs: needs}.titles()+")")
	}
	return strings.Join(all, " | ")
}
