package search

import (
	"slices"
	"strings"
)

const (
	// maxFact bounds what search reads of one attribute value, maxProse of a
	// description, in bytes.
	maxFact  = 1000
	maxProse = 20000
	// shortFact is how many words a value may have that is a fact, not prose.
	shortFact = 4
)

// document is every form that a product is found by, each with the weight of
// the best place that it stands in.
type document struct {
	stemmer
	weight map[string]byte
	words  []word   // of one text at a time
	forms  []string // of one word at a time
}

func newDocument(m stemmer) *document { return &document{stemmer: m, weight: map[string]byte{}} }

// of reads a product; what was read before is forgotten.
func (d *document) of(e Entry) *document {
	clear(d.weight)
	d.add(e.Name, 'A')
	d.add(e.Brand, 'B')
	for code, value := range e.Attributes {
		if yes, is := value.(bool); is {
			if yes {
				d.fact(strings.ReplaceAll(code, "_", " "))
			}
			continue
		}
		for _, text := range texts(value) {
			d.fact(text)
		}
	}
	for _, value := range e.Options {
		d.fact(value)
	}
	for _, code := range slices.Concat(e.Codes, e.PartNumbers) {
		d.add(code, 'C')
	}
	d.add(cut(e.Description, maxProse), 'D')
	return d
}

func (d *document) fact(text string) {
	text = cut(text, maxFact)
	if strings.Count(text, " ") < shortFact {
		d.add(text, 'C')
	} else {
		d.add(text, 'D')
	}
}

func (d *document) add(text string, weight byte) {
	d.words = appendWords(d.words[:0], fold(withoutMarkup(text)), len(text))
	for i, w := range d.words {
		if stopWords[w.text] {
			continue
		}
		d.forms = d.formsAt(d.forms[:0], d.words, i)
		for _, f := range d.forms {
			if old, there := d.weight[f]; !there || weight < old {
				d.weight[f] = weight
			}
		}
	}
}

// text is the document as PostgreSQL reads a tsvector.
func (d *document) text() string {
	var b strings.Builder
	b.Grow(16 * len(d.weight))
	for form, weight := range d.weight {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(form)
		b.WriteString(":1")
		b.WriteByte(weight)
	}
	return b.String()
}

func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}

// texts is the words of an attribute's value. A number says nothing without its
// name; filters are for those.
func texts(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
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
