// Package search finds products by what people type: words of any field in any
// of their forms, codes, beginnings and slips of the finger, best first. It
// owns catalog.search_names, catalog.search_documents and catalog.words, which
// writers keep in their own transaction.
package search

import (
	"context"
	"fmt"
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
// of entries enter. A product that is found already stands in both. stems, which
// may be nil, saves work from one write to the next.
func Write(ctx context.Context, tx pgx.Tx, cleared []uuid.UUID, entries []Entry, stems *Stems) error {
	batch := &pgx.Batch{}
	if len(cleared) > 0 {
		batch.Queue(clearNamesSQL, pgx.NamedArgs{"products": cleared})
		batch.Queue(clearDocumentsSQL, pgx.NamedArgs{"products": cleared})
	}
	if len(entries) > 0 {
		queue(batch, entries, stems)
	}
	if batch.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write search: %w", err)
	}
	return nil
}

func queue(batch *pgx.Batch, entries []Entry, stems *Stems) {
	n := len(entries)
	ids, titles, keys := make([]uuid.UUID, n), make([]string, n), make([]string, n)
	brands, brandKeys := make([]string, n), make([]string, n)
	from, until := make([]*time.Time, n), make([]*time.Time, n)
	words, codes := make([]string, n), make([]string, n)
	known := stems.borrow()
	defer stems.giveBack(known)
	d, t := newDocument(known), newTitle(known)
	for i, e := range entries {
		ids[i], titles[i], keys[i] = e.ProductID, t.of(e), nameKey(e.Name)
		words[i], codes[i] = d.of(e).text(), strings.Join(codesOf(e), "\x1f")
		from[i], until[i] = e.VisibleFrom, e.VisibleUntil
		brands[i], brandKeys[i] = e.Brand, nameKey(e.Brand)
	}
	batch.Queue(namesSQL, pgx.NamedArgs{"products": ids, "titles": titles, "keys": keys, "brands": brands, "brand_keys": brandKeys, "from": from, "until": until})
	batch.Queue(documentsSQL, pgx.NamedArgs{"products": ids, "words": words, "codes": codes})
	if !learned(entries) {
		batch.Queue(wordsSQL, pgx.NamedArgs{"words": vocabulary(entries)})
	}
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
