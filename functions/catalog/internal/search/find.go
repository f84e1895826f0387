package search

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

const (
	// Most is how many hits are ranked; of a text that more products have, the
	// others are left out.
	Most = 4000
	// few hits are too few: then what has not every word is shown as well.
	few = 10
)

// Hit is a product that a text finds.
type Hit struct {
	ProductID uuid.UUID
	Score     float64
}

// Result is what a text finds, best first; ties by id.
type Result struct {
	Hits     []Hit
	Complete bool   // every product that has the words is there
	Instead  string // what was searched for when nothing has the words that were asked for
}

// exactScore puts a SKU, GTIN or part number before every text.
const exactScore = 1000

// finding gathers what the steps of one search find.
type finding struct {
	score  map[uuid.UUID]float64
	strong int // how many have all words, that of the thing in their titles
	full   bool
}

func (f *finding) add(id uuid.UUID, score float64) {
	if old, there := f.score[id]; !there || score > old {
		f.score[id] = score
	}
}

// Find finds the products that a text means. Codes come first, then what has
// all the words. When nothing has, words are put right, and at last left out.
func Find(ctx context.Context, db postgres.DB, text string) (Result, error) {
	f := &finding{score: map[uuid.UUID]float64{}}
	if err := f.codes(ctx, db, text); err != nil {
		return Result{}, err
	}
	q := parse(text)
	if len(q.needs) == 0 {
		return f.result(""), nil
	}
	if err := f.all(ctx, db, q); err != nil {
		return Result{}, err
	}
	if q.exact {
		return f.result(""), nil
	}
	if len(f.score) < few {
		if err := f.begun(ctx, db, q); err != nil {
			return Result{}, err
		}
	}
	instead := ""
	if len(f.score) == 0 {
		right, changed, err := correct(ctx, db, q)
		if err != nil {
			return Result{}, err
		}
		if changed {
			if err := f.all(ctx, db, right); err != nil {
				return Result{}, err
			}
			if len(f.score) > 0 {
				instead, q = right.text, right
			}
		}
	}
	if f.strong < few {
		if err := f.some(ctx, db, q); err != nil {
			return Result{}, err
		}
	}
	return f.result(instead), nil
}

func (f *finding) result(instead string) Result {
	r := Result{Hits: make([]Hit, 0, len(f.score)), Complete: !f.full, Instead: instead}
	for id, score := range f.score {
		r.Hits = append(r.Hits, Hit{ProductID: id, Score: score})
	}
	slices.SortFunc(r.Hits, func(a, b Hit) int {
		if a.Score != b.Score {
			return cmp.Compare(b.Score, a.Score)
		}
		return bytes.Compare(a.ProductID[:], b.ProductID[:])
	})
	if len(r.Hits) > Most {
		r.Hits, r.Complete = r.Hits[:Most], false
	}
	return r
}

const codesSQL = `
select product_id
from catalog.search_documents
where codes && @codes::text[]
limit 100`

func (f *finding) codes(ctx context.Context, db postgres.DB, text string) error {
	forms := codeForms(text)
	if len(forms) == 0 {
		return nil
	}
	rows, err := db.Query(ctx, codesSQL, pgx.NamedArgs{"codes": forms})
	if err != nil {
		return fmt.Errorf("search codes: %w", err)
	}
	var id uuid.UUID
	_, err = pgx.ForEachRow(rows, []any{&id}, func() error {
		f.add(id, exactScore)
		return nil
	})
	if err != nil {
		return fmt.Errorf("search codes: %w", err)
	}
	return nil
}

// The second part is read only when the first has too few.
const titlesSQL = `
select product_id, title
from (
    select product_id, title
    from catalog.search_names
    where array_to_tsvector(string_to_array(title, ' ')) @@ @kinds::tsquery
    union all
    select product_id, title
    from catalog.search_names
    where array_to_tsvector(string_to_array(title, ' ')) @@ @others::tsquery
) n
limit @most`

const everywhereSQL = `
select d.product_id, coalesce(n.title, ''), d.words @@ @facts::tsquery
from (
    select product_id, words
    from catalog.search_documents
    where words @@ @words::tsquery
    limit @most
) d
left join lateral (
    select title
    from catalog.search_names
    where product_id = d.product_id
    limit 1
) n on true`

// all finds what has all words: first in titles, then anywhere.
func (f *finding) all(ctx context.Context, db postgres.DB, q query) error {
	s := newScorer(q)
	if len(q.never) == 0 { // which titles do not tell
		n, err := f.titles(ctx, db, s, q.kinds(), "("+q.titles()+") & !("+q.kinds()+")", allWords)
		if err != nil || n == Most {
			f.full = f.full || n == Most
			return err
		}
	}
	return f.everywhere(ctx, db, s, q.everywhere(":ABC"), q.everywhere(""))
}

func (f *finding) titles(ctx context.Context, db postgres.DB, s *scorer, kinds, others string, plus float64) (int, error) {
	rows, err := db.Query(ctx, titlesSQL, pgx.NamedArgs{"kinds": kinds, "others": others, "most": Most})
	if err != nil {
		return 0, fmt.Errorf("search titles: %w", err)
	}
	var id uuid.UUID
	var title string
	n := 0
	_, err = pgx.ForEachRow(rows, []any{&id, &title}, func() error {
		n++
		score, _ := s.score(title, 0)
		f.add(id, plus+score)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("search titles: %w", err)
	}
	if plus > 0 {
		f.strong += n
	}
	return n, nil
}

func (f *finding) everywhere(ctx context.Context, db postgres.DB, s *scorer, facts, words string) error {
	rows, err := db.Query(ctx, everywhereSQL, pgx.NamedArgs{"facts": facts, "words": words, "most": Most})
	if err != nil {
		return fmt.Errorf("search documents: %w", err)
	}
	var id uuid.UUID
	var title string
	var fact bool
	n := 0
	_, err = pgx.ForEachRow(rows, []any{&id, &title, &fact}, func() error {
		n++
		elsewhere := inProse
		if fact {
			elsewhere = inFacts
		}
		score, named := s.score(title, elsewhere)
		if _, again := f.score[id]; named && !again {
			f.strong++
		}
		if named {
			score += allWords
		} else {
			score += elsewhereBut
		}
		f.add(id, score)
		return nil
	})
	if err != nil {
		return fmt.Errorf("search documents: %w", err)
	}
	f.full = f.full || n == Most
	return nil
}

// some finds what has all but a word, then all but two, down to half of them.
// The word that says what the thing is stays as long as that finds enough.
func (f *finding) some(ctx context.Context, db postgres.DB, q query) error {
	if len(q.needs) < 2 || len(q.never) > 0 {
		return nil
	}
	s := newScorer(q)
	for left := len(q.needs) - 1; left >= (len(q.needs)+1)/2; left-- {
		for _, kept := range []int{q.head, -1} {
			if _, err := f.titles(ctx, db, s, q.subsets(left, kept), "", 0); err != nil {
				return err
			}
			if len(f.score) >= few {
				return nil
			}
		}
	}
	return nil
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
