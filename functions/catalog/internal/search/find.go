package search

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

const (
	// Most is how many hits are ranked, when the catalogue is small. In a large
	// one each costs a page of the table, and what more products than mostOfMany
	// have is cut there.
	Most       = 10000
	mostOfMany = 2000
	many       = 100000
	// enough titles of a large catalogue let the texts of others go unread;
	// else as many again are read, whose rows are wide.
	enough = 500
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
	tx     pgx.Tx
	most   int
	score  map[uuid.UUID]float64
	strong int // how many have all words, that of the thing in their titles
	full   bool
}

// Find finds the products that a text means. Codes come first, then what has
// all the words. When nothing has, words are put right, and at last left out.
func Find(ctx context.Context, db postgres.DB, text string) (Result, error) {
	var result Result
	err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		f := &finding{tx: tx, score: map[uuid.UUID]float64{}}
		instead, err := f.find(ctx, text)
		result = f.result(instead)
		return err
	})
	if err != nil {
		return Result{}, fmt.Errorf("search: %w", err)
	}
	return result, nil
}

func (f *finding) find(ctx context.Context, text string) (instead string, err error) {
	if err := f.codes(ctx, text); err != nil {
		return "", err
	}
	q := parse(text)
	if len(q.needs) == 0 {
		return "", nil
	}
	if err := f.all(ctx, q); err != nil || q.exact {
		return "", err
	}
	if len(f.score) < few {
		if err := f.begun(ctx, q); err != nil {
			return "", err
		}
	}
	if len(f.score) == 0 {
		if q, instead, err = f.otherwise(ctx, q); err != nil {
			return "", err
		}
	}
	if f.strong < few {
		err = f.some(ctx, q)
	}
	return instead, err
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
	if f.most > 0 && len(r.Hits) > f.most {
		r.Hits, r.Complete = r.Hits[:f.most], false
	}
	return r
}

// Without it the planner, who is told of a limit, reads a whole table for a
// word that it takes for a common one.
const planSQL = `
select
    set_config('enable_seqscan', 'off', true),
    set_config('jit', 'off', true),
    reltuples > @many
from pg_catalog.pg_class
where oid = 'catalog.search_names'::regclass`

const codesSQL = `
select product_id
from catalog.search_documents
where codes && @codes::text[]
limit 100`

// codes begins: it finds products by a code that is the whole text.
func (f *finding) codes(ctx context.Context, text string) error {
	batch := &pgx.Batch{}
	batch.Queue(planSQL, pgx.NamedArgs{"many": many}).QueryRow(func(row pgx.Row) error {
		var large bool
		err := row.Scan(nil, nil, &large)
		if f.most = Most; large {
			f.most = mostOfMany
		}
		return err
	})
	if forms := codeForms(text); len(forms) > 0 {
		batch.Queue(codesSQL, pgx.NamedArgs{"codes": forms}).Query(func(rows pgx.Rows) error {
			ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
			for _, id := range ids {
				f.score[id] = exactScore
			}
			return err
		})
	}
	return f.tx.SendBatch(ctx, batch).Close()
}

// The second part, which has the first again, is read only when that has too
// few.
const titlesSQL = `
select product_id, title, true
from (
    select product_id, title
    from catalog.search_names
    where array_to_tsvector(string_to_array(translate(title, '*+@', '^'), ' ')) @@ @kinds::tsquery
    union all
    select product_id, title
    from catalog.search_names
    where array_to_tsvector(string_to_array(translate(title, '*+@', '^'), ' ')) @@ @others::tsquery
) n
limit @most`

// A subquery, which is hashed however many were found.
const everywhereSQL = `
select d.product_id, coalesce(n.title, ''), d.words @@ @facts::tsquery
from (
    select product_id, words
    from catalog.search_documents
    where words @@ @words::tsquery
        and product_id not in (select unnest(@found::uuid[]))
    limit @most
) d
left join lateral (
    select title
    from catalog.search_names
    where product_id = d.product_id
    limit 1
) n on true`

// all finds what has all words: first in titles, then anywhere.
func (f *finding) all(ctx context.Context, q query) error {
	s := newScorer(q)
	most, found := f.most, []uuid.UUID{}
	if most < Most {
		most = 2 * enough
	}
	if len(q.never) == 0 { // which titles do not tell
		n, err := f.titles(ctx, s, q.kinds(), q.titles(), allWords)
		if f.strong += n; err != nil || f.full {
			return err
		}
		if f.most < Most && n >= enough {
			f.full = true
			return nil
		}
		if n > 0 {
			found = slices.Collect(maps.Keys(f.score))
		}
	}
	return f.read(ctx, everywhereSQL, pgx.NamedArgs{"facts": q.everywhere(":ABC"), "words": q.everywhere(""), "found": found, "most": most},
		func(id uuid.UUID, title []byte, fact bool) {
			elsewhere := inProse
			if fact {
				elsewhere = inFacts
			}
			score, named := s.score(title, elsewhere)
			if named {
				f.strong++
				score += allWords
			} else {
				score += elsewhereBut
			}
			f.add(id, score)
		})
}

func (f *finding) titles(ctx context.Context, s *scorer, kinds, others string, plus float64) (n int, err error) {
	err = f.read(ctx, titlesSQL, pgx.NamedArgs{"kinds": kinds, "others": others, "most": f.most},
		func(id uuid.UUID, title []byte, _ bool) {
			n++
			score, _ := s.score(title, 0)
			f.add(id, plus+score)
		})
	return n, err
}

// read reads thousands of rows of three columns, without a copy of any.
func (f *finding) read(ctx context.Context, sql string, args pgx.NamedArgs, do func(id uuid.UUID, title []byte, fact bool)) error {
	rows, err := f.tx.Query(ctx, sql, pgx.QueryResultFormats{pgx.BinaryFormatCode, pgx.TextFormatCode, pgx.BinaryFormatCode}, args)
	if err != nil {
		return err
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		v := rows.RawValues()
		do(uuid.UUID(v[0]), v[1], len(v[2]) == 1 && v[2][0] == 1)
	}
	f.full = f.full || n >= args["most"].(int)
	return rows.Err()
}

func (f *finding) add(id uuid.UUID, score float64) {
	if old, there := f.score[id]; !there || score > old {
		f.score[id] = score
	}
}

// some finds what has all but a word, then all but two, down to half of them.
// The word that says what the thing is stays as long as that finds enough.
func (f *finding) some(ctx context.Context, q query) error {
	if len(q.needs) < 2 || len(q.never) > 0 {
		return nil
	}
	s := newScorer(q)
	for left := len(q.needs) - 1; left >= (len(q.needs)+1)/2; left-- {
		for _, kept := range []int{q.head, -1} {
			if _, err := f.titles(ctx, s, q.subsets(left, kept), "", 0); err != nil {
				return err
			}
			if len(f.score) >= few {
				return nil
			}
		}
	}
	return nil
}
