package search

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

// Completions are what a text that is being typed may become: of what is shown
// now.
type Completions struct {
	Brands   []string
	Products []uuid.UUID
	Text     string // what it was taken for
}

const (
	// mostSuggested bounds how many products a completion is chosen from.
	mostSuggested = 200
	// mostAlike is how often a name may stand among those that are read for one.
	mostAlike = 5
)

// Complete completes a text: brands and names that begin with it come first,
// then names that have its words and one that begins like the last. When that
// is nothing, and the caller has nothing either, its words are put right.
func Complete(ctx context.Context, db postgres.DB, text string, brands, products int, nothing bool) (Completions, error) {
	c := Completions{Text: text}
	err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		s := &suggesting{finding: finding{tx: tx, score: map[uuid.UUID]float64{}}, brands: brands, products: products}
		if err := s.complete(ctx, text, true); err != nil {
			return err
		}
		if nothing && len(s.found.Brands)+len(s.found.Products) == 0 {
			right, changed, err := s.correct(ctx, parse(text))
			if err != nil || !changed {
				return err
			}
			c.Text = right.text
			if err := s.complete(ctx, right.text, false); err != nil {
				return err
			}
		}
		c.Brands, c.Products = s.found.Brands, s.found.Products
		return nil
	})
	if err != nil {
		return c, fmt.Errorf("suggest: %w", err)
	}
	return c, nil
}

type suggesting struct {
	finding
	brands, products int
	found            Completions
	keys             map[string]bool // names that are among them
}

// A brand stands in many rows: from each the next one is looked up.
const brandsSQL = `
with recursive b (brand, brand_key, n) as (
    (
        select brand, brand_key, 1
        from catalog.search_names
        where brand_key ~>=~ @beginning
            and brand_key ~<~ @end
            and (visible_from is null or visible_from <= clock_timestamp())
            and (visible_until is null or visible_until > clock_timestamp())
        order by brand_key using ~<~
        limit 1
    )
    union all
    select x.brand, x.brand_key, b.n + 1
    from b
    cross join lateral (
        select brand, brand_key
        from catalog.search_names
        where brand_key ~>~ b.brand_key
            and brand_key ~<~ @end
            and (visible_from is null or visible_from <= clock_timestamp())
            and (visible_until is null or visible_until > clock_timestamp())
        order by brand_key using ~<~
        limit 1
    ) x
    where b.n < @most
)
select brand
from b
limit @most`

const namesBegunSQL = `
select product_id, name_key
from catalog.search_names
where name_key ~>=~ @beginning
    and name_key ~<~ @end
    and (visible_from is null or visible_from <= clock_timestamp())
    and (visible_until is null or visible_until > clock_timestamp())
order by name_key using ~<~, product_id
limit @most`

// complete looks for what begins with a text, then for its words.
func (s *suggesting) complete(ctx context.Context, text string, typing bool) error {
	beginning := nameKey(text)
	s.keys = map[string]bool{}
	batch := &pgx.Batch{}
	batch.Queue(planSQL, pgx.NamedArgs{"many": many})
	if s.brands > 0 {
		batch.Queue(brandsSQL, pgx.NamedArgs{"beginning": beginning, "end": beginning + lastOfAll, "most": s.brands}).Query(func(rows pgx.Rows) (err error) {
			s.found.Brands, err = pgx.CollectRows(rows, pgx.RowTo[string])
			return err
		})
	}
	batch.Queue(namesBegunSQL, pgx.NamedArgs{"beginning": beginning, "end": beginning + lastOfAll, "most": s.products * mostAlike}).Query(func(rows pgx.Rows) error {
		var id uuid.UUID
		var key string
		_, err := pgx.ForEachRow(rows, []any{&id, &key}, func() error {
			s.take(id, key)
			return nil
		})
		return err
	})
	if err := s.tx.SendBatch(ctx, batch).Close(); err != nil || len(s.found.Products) >= s.products {
		return err
	}
	return s.worded(ctx, parse(text), typing)
}

// take adds a product unless there are enough, or one of its name.
func (s *suggesting) take(id uuid.UUID, key string) {
	if len(s.found.Products) < s.products && !s.keys[key] && !slices.Contains(s.found.Products, id) {
		s.keys[key] = true
		s.found.Products = append(s.found.Products, id)
	}
}

// As in a search, names of the thing itself come before others.
const namesWithSQL = `
select product_id, title, name_key
from (
    select product_id, title, name_key
    from catalog.search_names
    where array_to_tsvector(string_to_array(translate(title, '*+@', '^'), ' ')) @@ @kinds::tsquery
        and (visible_from is null or visible_from <= clock_timestamp())
        and (visible_until is null or visible_until > clock_timestamp())
    union all
    select product_id, title, name_key
    from catalog.search_names
    where array_to_tsvector(string_to_array(translate(title, '*+@', '^'), ' ')) @@ @others::tsquery
        and (visible_from is null or visible_from <= clock_timestamp())
        and (visible_until is null or visible_until > clock_timestamp())
) n
limit @most`

// worded takes names that have the words, the best first.
func (s *suggesting) worded(ctx context.Context, q query, typing bool) error {
	if len(q.needs) == 0 {
		return nil
	}
	if last := len(q.needs) - 1; typing && last > 0 && len(q.needs[last].text) < shortBeginning {
		q.needs, q.head = q.needs[:last], min(q.head, last-1) // too little of a word is none yet
	} else if typing {
		if err := s.lastBegins(ctx, &q); err != nil {
			return err
		}
	}
	rows, err := s.tx.Query(ctx, namesWithSQL, pgx.NamedArgs{"kinds": q.kinds(), "others": q.titles(), "most": mostSuggested})
	if err != nil {
		return err
	}
	judge := newScorer(q)
	keys := map[uuid.UUID]string{}
	var id uuid.UUID
	var title []byte
	var key string
	_, err = pgx.ForEachRow(rows, []any{&id, &title, &key}, func() error {
		score, _ := judge.score(title, 0)
		s.add(id, score)
		keys[id] = key
		return nil
	})
	for _, h := range s.result("").Hits {
		s.take(h.ProductID, keys[h.ProductID])
	}
	return err
}

// lastOfAll is behind every text that goes on. A range, unlike a pattern, goes
// by the index whatever the planner knows of it.
const lastOfAll = "\U0010ffff"

// Beginning is a text as the beginning of a pattern for names in lower case
// and without accents.
func Beginning(text string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(nameKey(text))
}
