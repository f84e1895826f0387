// Package search finds products by what people type: words of any field in any
// of their forms, codes, beginnings and slips of the finger, best first. It
// owns catalog.search_names, catalog.search_documents and catalog.words, which
// writers keep in their own transaction.
package search

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Entry is a product as search sees it.
type Entry struct {
	ProductID    uuid.UUID
	Name         string
	Brand        string
	Description  string
	Attributes   map[string]any
	Options      []string // values, of all its variants
	Codes        []string // SKUs and GTINs
	PartNumbers  []string
	VisibleFrom  *time.Time
	VisibleUntil *time.Time
	Learned      bool // its words are written already (Learn)
}

const clearNamesSQL = `
delete from catalog.search_names
where product_id = any(@products)`

const clearDocumentsSQL = `
delete from catalog.search_documents
where product_id = any(@products)`

const namesSQL = `
insert into catalog.search_names (product_id, title, name_key, brand, brand_key, visible_from, visible_until)
select product_id, title, name_key, nullif(brand, ''), nullif(brand_key, ''), visible_from, visible_until
from unnest(@products::uuid[], @titles::text[], @keys::text[], @brands::text[], @brand_keys::text[], @from::timestamptz[], @until::timestamptz[])
    as n (product_id, title, name_key, brand, brand_key, visible_from, visible_until)`

const documentsSQL = `
insert into catalog.search_documents (product_id, words, codes)
select product_id, words::tsvector, string_to_array(codes, chr(31))
from unnest(@products::uuid[], @words::text[], @codes::text[]) as d (product_id, words, codes)`

// Ordered, so that two writers of the same new words wait for each other in
// one order.
const wordsSQL = `
insert into catalog.words (word)
select word
from unnest(@words::text[]) as w (word)
order by word
on conflict (word) do nothing`

// Write replaces what search knows of products: those in cleared leave, those
// of entries enter. A product that is found already stands in both.
func Write(ctx context.Context, tx pgx.Tx, cleared []uuid.UUID, entries []Entry) error {
	batch := &pgx.Batch{}
	if len(cleared) > 0 {
		batch.Queue(clearNamesSQL, pgx.NamedArgs{"products": cleared})
		batch.Queue(clearDocumentsSQL, pgx.NamedArgs{"products": cleared})
	}
	if len(entries) > 0 {
		queue(batch, entries)
	}
	if batch.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write search: %w", err)
	}
	return nil
}

func queue(batch *pgx.Batch, entries []Entry) {
	n := len(entries)
	ids, titles, keys := make([]uuid.UUID, n), make([]string, n), make([]string, n)
	brands, brandKeys := make([]string, n), make([]string, n)
	from, until := make([]*time.Time, n), make([]*time.Time, n)
	words, codes := make([]string, n), make([]string, n)
	d := document{stemmer: stemmer{}, weight: map[string]byte{}}
	for i, e := range entries {
		ids[i], titles[i], keys[i] = e.ProductID, titleOf(d.stemmer, e), nameKey(e.Name)
		words[i], codes[i] = d.of(e, titles[i]).text(), strings.Join(codesOf(e), "\x1f")
		from[i], until[i] = e.VisibleFrom, e.VisibleUntil
		brands[i], brandKeys[i] = e.Brand, nameKey(e.Brand)
	}
	batch.Queue(namesSQL, pgx.NamedArgs{"products": ids, "titles": titles, "keys": keys, "brands": brands, "brand_keys": brandKeys, "from": from, "until": until})
	batch.Queue(documentsSQL, pgx.NamedArgs{"products": ids, "words": words, "codes": codes})
	if !learned(entries) {
		batch.Queue(wordsSQL, pgx.NamedArgs{"words": vocabulary(entries)})
	}
}

const (
	// maxFact bounds what search reads of one attribute value, maxProse of a
	// description, in bytes.
	maxFact  = 1000
	maxProse = 20000
	// shortFact is how many words a value may have that is a fact, not prose.
	shortFact = 4
)

// nameMark stands before the forms of a title, so that a search of texts can
// leave out what a search of titles has found.
const nameMark = '^'

// document is every form that a product is found by, each with the weight of
// the best place that it stands in.
type document struct {
	stemmer
	weight map[string]byte
}

// of reads a product; what was read before is forgotten.
func (d document) of(e Entry, title string) document {
	clear(d.weight)
	for _, w := range strings.Fields(title) {
		if isMark(w[0]) {
			w = w[1:]
		}
		d.weight[string(nameMark)+w] = 'A'
	}
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

func (d document) fact(text string) {
	text = cut(text, maxFact)
	if strings.Count(text, " ") < shortFact {
		d.add(text, 'C')
	} else {
		d.add(text, 'D')
	}
}

func (d document) add(text string, weight byte) {
	words := split(fold(withoutMarkup(text)), len(text))
	for i, w := range words {
		if stopWords[w.text] {
			continue
		}
		for _, f := range d.formsAt(words, i) {
			if old, there := d.weight[f]; !there || weight < old {
				d.weight[f] = weight
			}
		}
	}
}

// text is the document as PostgreSQL reads a tsvector.
func (d document) text() string {
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

// nameKey is the beginning of a name, for those who are typing it.
func nameKey(name string) string { return cut(strings.Join(strings.Fields(fold(name)), " "), 100) }

// codesOf is the forms in which a product's SKUs, part numbers and GTINs are
// found.
func codesOf(e Entry) []string {
	var list []string
	seen := map[string]bool{}
	add := func(code string) {
		for _, form := range codeForms(code) {
			if !seen[form] {
				seen[form] = true
				list = append(list, form)
			}
		}
	}
	for _, c := range e.Codes {
		add(c)
	}
	for _, c := range e.PartNumbers {
		if isCode(c) {
			add(c)
		}
	}
	return list
}

// isCode tells a part number from the words that stand in its place: makers who
// have none write "Toner".
func isCode(s string) bool {
	return strings.ContainsAny(s, "0123456789") || !strings.Contains(strings.TrimSpace(s), " ") && strings.ToUpper(s) == s
}

// codeForms is a code in letters and digits only, however it is hyphenated or
// spaced, and a number without its leading zeros too, since GTIN-12 and GTIN-13
// of one article differ in nothing else.
func codeForms(code string) []string {
	plain := compact(code)
	if plain == "" {
		return nil
	}
	list := []string{plain}
	if raw := strings.ToLower(strings.TrimSpace(code)); raw != plain && !strings.ContainsRune(raw, 0x1f) {
		list = append(list, raw) // which is how the release before has them
	}
	if short := strings.TrimLeft(plain, "0"); short != plain && short != "" && strings.Trim(short, "0123456789") == "" {
		list = append(list, short)
	}
	return list
}

// compact is the letters and digits of a text.
func compact(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' && r < 'a' || r > 'z' && r < 0x80 {
			return -1
		}
		return r
	}, fold(text))
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

func sortedCodes(attributes map[string]any) []string {
	codes := make([]string, 0, len(attributes))
	for code := range attributes {
		codes = append(codes, code)
	}
	sort.Strings(codes)
	return codes
}
