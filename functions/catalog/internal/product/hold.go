package product

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const heldBySlugSQL = `
select id
from catalog.products
where slug = any(@slugs)
    and deleted_at is null
order by id
for update`

// Hold reads the live products with these slugs and keeps others from changing
// them until the transaction ends.
func Hold(ctx context.Context, tx pgx.Tx, slugs []string) (map[string]Document, error) {
	rows, err := tx.Query(ctx, heldBySlugSQL, pgx.NamedArgs{"slugs": slugs})
	if err != nil {
		return nil, fmt.Errorf("hold products: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("hold products: %w", err)
	}
	documents, err := Documents(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	held := make(map[string]Document, len(documents))
	for _, d := range documents {
		held[d.Slug] = d
	}
	return held, nil
}
