package listing

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

// Most products stand in one category: those need only be counted.
const countOnlySQL = `
select category_id, count(*)
from catalog.listed_categories
where alone
    and (visible_from is null or visible_from <= now())
    and (visible_until is null or visible_until > now())
group by category_id`

const countOthersSQL = `
select product_id, array_agg(category_id)
from catalog.listed_categories
where not alone
    and (visible_from is null or visible_from <= now())
    and (visible_until is null or visible_until > now())
group by product_id`

// CountProducts counts, for each category, the products shown in any of those
// within it.
func CountProducts(ctx context.Context, db postgres.DB, within map[uuid.UUID][]uuid.UUID) (map[uuid.UUID]int64, error) {
	above := map[uuid.UUID][]uuid.UUID{}
	for c, list := range within {
		for _, member := range list {
			above[member] = append(above[member], c)
		}
	}
	counts := make(map[uuid.UUID]int64, len(within))
	batch := &pgx.Batch{}
	batch.Queue(countOnlySQL).Query(func(rows pgx.Rows) error {
		var category uuid.UUID
		var n int64
		_, err := pgx.ForEachRow(rows, []any{&category, &n}, func() error {
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
	return counts, nil
}
