package search

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

const (
	// shortWord is the shortest word that is learned and put right: shorter
	// ones have too many neighbours.
	shortWord = 3
	longWord  = 30
	// often is how many products have a word in their texts that is none by
	// mistake.
	often = 5
)

// vocabulary is the distinct words of the names, brands and kinds of entries:
// letters only, not stemmed.
func vocabulary(entries []Entry) []string {
	seen := map[string]bool{}
	list := []string{}
	learn := func(text string) {
		for _, w := range split(fold(withoutMarkup(text)), mostNameWords) {
			if len(w.text) >= shortWord && len(w.text) <= longWord && letters(w.text) && !seen[w.text] {
				seen[w.text] = true
				list = append(list, w.text)
			}
		}
	}
	for _, e := range entries {
		learn(e.Name)
		learn(e.Brand)
	}
	return list
}

const similarSQL = `
select a.word,
    exists (select from catalog.words k where k.word = a.word)
        or (
            select count(*) = @often
            from (
                select
                from catalog.search_documents d
                where d.words @@ a.stem::tsquery
                limit @often
            ) k
        ),
    array(
        select w.word
        from catalog.words w
        where w.word % a.word
        order by w.word <-> a.word, w.word
        limit 40)
from unnest(@words::text[], @stems::text[]) as a (word, stem)`

// Words of four letters with two of them swapped share little more than this.
const looselySQL = `set local pg_trgm.similarity_threshold = 0.15`

// otherwise finds what has the words put right; else the query stays.
func (f *finding) otherwise(ctx context.Context, q query) (query, string, error) {
	right, changed, err := f.correct(ctx, q)
	if err != nil || !changed {
		return q, "", err
	}
	if err := f.all(ctx, right); err != nil || len(f.score) == 0 {
		return q, "", err
	}
	return right, right.text, nil
}

// correct puts the words of a query right that no name or brand has; false when
// there is nothing to put right, or no word near enough.
func (f *finding) correct(ctx context.Context, q query) (query, bool, error) {
	asked := q.asked()
	near, err := f.similar(ctx, q)
	if err != nil {
		return q, false, err
	}
	changed := false
	for i, w := range asked {
		if best := nearest(w, near[w]); letters(w) && best != w {
			asked[i], changed = best, true
		}
	}
	right := parse(strings.Join(asked, " "))
	return right, changed, nil
}

// similar is the words of the dictionary that are like words which it lacks
// and which are rare elsewhere.
func (f *finding) similar(ctx context.Context, q query) (map[string][]string, error) {
	near := map[string][]string{}
	stems := make([]string, len(q.needs))
	for i, n := range q.needs {
		stems[i] = lexeme("", n.forms[0].stem)
	}
	if _, err := f.tx.Exec(ctx, looselySQL); err != nil {
		return nil, err
	}
	rows, err := f.tx.Query(ctx, similarSQL, pgx.NamedArgs{"words": q.asked(), "stems": stems, "often": often})
	if err != nil {
		return nil, err
	}
	var word string
	var known bool
	var candidates []string
	_, err = pgx.ForEachRow(rows, []any{&word, &known, &candidates}, func() error {
		if !known {
			near[word] = slices.Clone(candidates)
		}
		return nil
	})
	return near, err
}

// nearest is the candidate that takes the fewest strokes; the word itself when
// none is near enough.
func nearest(word string, candidates []string) string {
	best, least := word, 3
	if len(word) <= 5 {
		least = 2
	}
	if len(word) < shortWord {
		return word
	}
	for _, c := range candidates { // the most similar first
		if d := strokes([]rune(word), []rune(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// strokes is the optimal string alignment distance: insertions, deletions,
// replacements and swaps of neighbours, each of them one.
func strokes(a, b []rune) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, here := rows[0], rows[1], rows[2]
		here[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			here[j] = min(above[j]+1, here[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				here[j] = min(here[j], before[j-2]+1)
			}
		}
		rows[0], rows[1], rows[2] = above, here, before
	}
	return rows[1][len(b)]
}

const beginningSQL = `
select word
from catalog.words
where word ~>=~ @beginning
    and word ~<~ @end
order by length(word), word
limit 30`

// shortBeginning is the fewest letters that are taken for a word's beginning.
const shortBeginning = 3

// completion is what a word that begins so is worth.
const completion = 0.7

// begun finds what has a word that begins as the last one does: somebody is
// still typing it, or means its beginning.
func (f *finding) begun(ctx context.Context, q query) error {
	had := len(q.needs[len(q.needs)-1].forms)
	if err := f.lastBegins(ctx, &q); err != nil || len(q.needs[len(q.needs)-1].forms) == had {
		return err
	}
	return f.all(ctx, q)
}

// lastBegins lets the last word of a query stand for all that begin so: those
// of the dictionary, or numbers of models.
func (f *finding) lastBegins(ctx context.Context, q *query) error {
	last := len(q.needs) - 1
	beginning := q.needs[last].text
	if len(beginning) < shortBeginning {
		return nil
	}
	forms := []form{{stem: beginning, weight: completion, begins: true}}
	if letters(beginning) {
		rows, err := f.tx.Query(ctx, beginningSQL, pgx.NamedArgs{"beginning": beginning, "end": beginning + lastOfAll})
		if err != nil {
			return err
		}
		words, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		forms = forms[:0]
		for _, w := range words {
			forms = append(forms, form{stem: stem(w), weight: completion})
		}
	}
	q.needs = slices.Clone(q.needs)
	q.needs[last].forms = slices.Clone(q.needs[last].forms)
	for _, other := range forms {
		q.needs[last].add(other)
	}
	return nil
}
