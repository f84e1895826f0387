package search

import (
	"context"
	"fmt"
	"hash/fnv"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/recent"
	"github.com/mallhive/product-service/shared/postgres"
)

// Learn writes the words of entries ahead of them, each at once for everybody:
// two writers of the same new word wait for each other only as long as that
// takes, and not until one of them has written all else. A word that nothing
// has after all only leads to an empty result. seen remembers those that are
// there for certain. Entries are then marked as Learned.
func Learn(ctx context.Context, db postgres.DB, seen *recent.Set, entries []Entry) error {
	var words []string
	var keys []uint64
	for _, w := range vocabulary(entries) {
		if key := keyOf(w); !seen.Has(key) {
			words, keys = append(words, w), append(keys, key)
		}
	}
	if len(words) == 0 {
		return nil
	}
	if _, err := db.Exec(ctx, wordsSQL, pgx.NamedArgs{"words": words}); err != nil {
		return fmt.Errorf("learn %d words: %w", len(words), err)
	}
	seen.Add(keys...)
	return nil
}

func keyOf(word string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(word))
	return h.Sum64()
}

// learned reports whether no entry has a word left to write.
func learned(entries []Entry) bool {
	for _, e := range entries {
		if !e.Learned {
			return false
		}
	}
	return true
}
