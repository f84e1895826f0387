package listing

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

// Most products stand in one category and have no time of publishing: those
// are counted as they are written.
const countSteadySQL = `
select category_id, sum(products)::bigint, count(*)
from catalog.listed_counts
group by category_id`

const countOthersSQL = `
select product_id, array_agg(category_id)
from catalog.listed_categories
where not steady
    and (visible_from is null or visible_from <= now())
    and (visible_until is null or visible_until > now())
group by product_id`

// What another reader puts together now is left to it.
const foldSQL = `
with taken as (
    delete from catalog.listed_counts
    where ctid in (
        select ctid
        from catalog.listed_counts
        for update skip locked)
    returning category_id, products
)
insert into catalog.listed_counts (category_id, products)
select category_id, sum(products)
from taken
group by category_id
having sum(products) <> 0`

// loose is how many rows more than categories are left as they are.
const loose = 5000

// CountProducts counts, for each category, the products shown in any of those
// within it.
func CountProducts(ctx context.Context, db postgres.DB, within map[uuid.UUID][]uuid.UUID) (map[uuid.UUID]int64, error) {
	return countProducts(ctx, db, within, loose)
}

func countProducts(ctx context.Context, db postgres.DB, within map[uuid.UUID][]uuid.UUID, loose int64) (map[uuid.UUID]int64, error) {
	above := map[uuid.UUID][]uuid.UUID{}
	for c, list := range within {
		for _, member := range list {
			above[member] = append(above[member], c)
		}
	}
	counts := make(map[uuid.UUID]int64, len(within))
	scattered := -loose
	batch := &pgx.Batch{}
	batch.Queue(countSteadySQL).Query(func(rows pgx.Rows) error {
		var category uuid.UUID
		var n, parts int64
		_, err := pgx.ForEachRow(rows, []any{&category, &n, &parts}, func() error {
			scattered += parts - 1
			for _, a := range above[category] {
				counts[a] += n
			}
			return nil
		})
		return err
	})
	batch.Queue(countOthersSQL).Query(func(rows pgx.Rows) error {
		var product uuid.UUID
		var categories []uuid.UUID
		_, err := pgx.ForEachRow(rows, []any{&product, &categories}, func() error {
			once := map[uuid.UUID]bool{}
			for _, c := range categories {
				for _, a := range above[c] {
					if !once[a] {
						once[a] = true
						counts[a]++
					}
				}
			}
			return nil
		})
		return err
	})
	if err := db.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("count products of categories: %w", err)
	}
	if scattered > 0 {
		return counts, FoldCounts(ctx, db)
	}
	return counts, nil
}

// FoldCounts puts together what writers have added, which is many rows after an
// import.
func FoldCounts(ctx context.Context, db postgres.DB) error {
	if _, err := db.Exec(ctx, foldSQL); err != nil {
		return fmt.Errorf("fold counts of categories: %w", err)
	}
	return nil
}
