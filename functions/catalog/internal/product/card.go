package product

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

// Card is what a search box shows of a product.
type Card struct {
	ID    uuid.UUID
	Slug  string
	Name  string
	Image *string
}

const cardsSQL = `
select p.id, p.slug, p.name, (
    select m ->> 'url'
    from jsonb_array_elements(p.media) m
    where m ->> 'kind' = 'image'
    limit 1) as image
from unnest(@ids::uuid[]) with ordinality as o (id, place)
join catalog.products p on p.id = o.id
where p.deleted_at is null
order by o.place`

// Cards reads products as a search box shows them, in the order of their ids.
func Cards(ctx context.Context, db postgres.DB, ids []uuid.UUID) ([]Card, error) {
	rows, err := db.Query(ctx, cardsSQL, pgx.NamedArgs{"ids": ids})
	if err != nil {
		return nil, fmt.Errorf("cards of products: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Card])
	if err != nil {
		return nil, fmt.Errorf("cards of products: %w", err)
	}
	return list, nil
}
