package listing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"
	"golang.org/x/text/unicode/norm"

	"github.com/mallhive/product-service/shared/postgres"
)

const (
	// shortWord is the shortest word that is learned and put right: shorter
	// ones have too many neighbours.
	shortWord = 3
	longWord  = 30
	// maxCorrected bounds how many words of a text are looked up.
	maxCorrected = 8
)

// words splits a text as the dictionary has it: lower case, without accents,
// letters only.
func words(text string) []string {
	plain := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(text))
	return strings.FieldsFunc(plain, func(r rune) bool { return !unicode.IsLetter(r) })
}

// wordsOf is the distinct words of the names and brands of entries.
func wordsOf(entries []Entry) []string {
	seen := map[string]bool{}
	list := []string{}
	for _, e := range entries {
		for _, w := range words(e.Name + " " + e.Brand) {
			if len(w) >= shortWord && len(w) <= longWord && !seen[w] {
				seen[w] = true
				list = append(list, w)
			}
		}
	}
	return list
}

// Found reports whether a text alone finds any product.
func Found(ctx context.Context, db postgres.DB, text string) (bool, error) {
	s := &statement{args: pgx.NamedArgs{}}
	sql := "with " + Query{Text: text}.hits(s) + "\nselect exists (select from hits)"
	var found bool
	if err := db.QueryRow(ctx, sql, s.args).Scan(&found); err != nil {
		return false, fmt.Errorf("search: %w", err)
	}
	return found, nil
}

const similarSQL = `
select a.word, array(
    select w.word
    from catalog.words w
    where w.word % a.word
    order by w.word <-> a.word, w.word
    limit 40)
from unnest(@words::text[]) as a (word)`

// Words of four letters with two of them swapped share little more than this.
const looselySQL = `set local pg_trgm.similarity_threshold = 0.15`

// Correct puts the words of a text right that no name or brand has; false when
// there is nothing to put right, or no word near enough.
func Correct(ctx context.Context, db postgres.DB, text string) (string, bool, error) {
	asked := words(text)
	if len(asked) == 0 || len(asked) > maxCorrected {
		return "", false, nil
	}
	near := map[string][]string{}
	err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, looselySQL); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, similarSQL, pgx.NamedArgs{"words": asked})
		if err != nil {
			return err
		}
		var word string
		var candidates []string
		_, err = pgx.ForEachRow(rows, []any{&word, &candidates}, func() error {
			near[word] = slices.Clone(candidates)
			return nil
		})
		return err
	})
	if err != nil {
		return "", false, fmt.Errorf("correct a search: %w", err)
	}
	changed := false
	for i, w := range asked {
		if best := nearest(w, near[w]); best != w {
			asked[i], changed = best, true
		}
	}
	return strings.Join(asked, " "), changed, nil
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
