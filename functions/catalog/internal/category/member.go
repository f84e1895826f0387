package category

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	names "github.com/mallhive/product-service/functions/catalog/internal/slug"
	"github.com/mallhive/product-service/shared/postgres"
)

const idsSQL = `
select s.name, c.id
from unnest(@slugs::text[]) as s (name)
join catalog.categories c on c.id = coalesce(
    (select n.id from catalog.categories n where n.slug = s.name),
    (select o.category_id from catalog.old_category_slugs o where o.slug = s.name))
for key share of c`

// IDs resolves those of the slugs that exist or once did: who sends documents
// may not have heard of a category's new name. None of them is deleted before
// the transaction ends.
func IDs(ctx context.Context, tx pgx.Tx, slugs []string) (map[string]uuid.UUID, error) {
	found := make(map[string]uuid.UUID, len(slugs))
	slugs = slices.DeleteFunc(slices.Clone(slugs), func(s string) bool { return !names.Valid(s) })
	// One that was deleted while this waited for it leads elsewhere since.
	for try := 0; try < 2 && len(found) < len(slugs); try++ {
		rows, err := tx.Query(ctx, idsSQL, pgx.NamedArgs{"slugs": slugs})
		if err != nil {
			return nil, fmt.Errorf("category ids: %w", err)
		}
		var slug string
		var id uuid.UUID
		_, err = pgx.ForEachRow(rows, []any{&slug, &id}, func() error {
			found[slug] = id
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("category ids: %w", err)
		}
	}
	return found, nil
}

// Place is one product's categories, in the product's order.
type Place struct {
	ProductID  uuid.UUID
	Categories []uuid.UUID
	New        bool // it is in none yet
}

const leaveSQL = `
delete from catalog.product_categories pc
where pc.product_id = any(@changed)
    and not exists (
        select
        from unnest(@products::uuid[], @categories::uuid[]) as r (product_id, category_id)
        where r.product_id = pc.product_id
            and r.category_id = pc.category_id)`

// Positions is the places in categories that somebody gave products by hand.
type Positions map[uuid.UUID]map[uuid.UUID]int

func (p Positions) add(product, category uuid.UUID, position int) {
	if p[product] == nil {
		p[product] = map[uuid.UUID]int{}
	}
	p[product][category] = position
}

func (p Positions) collect(rows pgx.Rows) error {
	var product, category uuid.UUID
	var position int
	_, err := pgx.ForEachRow(rows, []any{&product, &category, &position}, func() error {
		p.add(product, category, position)
		return nil
	})
	return err
}

const enterSQL = `
with entered as (
    insert into catalog.product_categories (product_id, category_id, ordinal)
    select product_id, category_id, ordinal
    from unnest(@products::uuid[], @categories::uuid[], @ordinals::smallint[]) as r (product_id, category_id, ordinal)
    on conflict (product_id, category_id) do update
    set ordinal = excluded.ordinal
    returning product_id, category_id, position
)
select product_id, category_id, position
from entered
where position is not null`

// Assign makes these the categories of the products. Positions that were given
// by hand stay with the categories a product keeps, and are returned.
func Assign(ctx context.Context, tx pgx.Tx, places []Place) (Positions, error) {
	kept := Positions{}
	var changed, products, categories []uuid.UUID
	var ordinals []int16
	for _, p := range places {
		if !p.New {
			changed = append(changed, p.ProductID)
		}
		for i, c := range p.Categories {
			products, categories, ordinals = append(products, p.ProductID), append(categories, c), append(ordinals, int16(i+1)) //nolint:gosec // a document names few
		}
	}
	batch := &pgx.Batch{}
	args := pgx.NamedArgs{"changed": changed, "products": products, "categories": categories, "ordinals": ordinals}
	if len(changed) > 0 {
		batch.Queue(leaveSQL, args)
	}
	if len(products) > 0 {
		batch.Queue(enterSQL, args).Query(kept.collect)
	}
	if batch.Len() == 0 {
		return kept, nil
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("assign categories: %w", err)
	}
	return kept, nil
}

const placesSQL = `
select product_id, category_id, position
from catalog.product_categories
where product_id = any(@products)
order by product_id, ordinal`

// Places is the categories of products, in each product's order, and the
// positions they have there by hand.
func Places(ctx context.Context, db postgres.DB, products []uuid.UUID) (map[uuid.UUID][]uuid.UUID, Positions, error) {
	rows, err := db.Query(ctx, placesSQL, pgx.NamedArgs{"products": products})
	if err != nil {
		return nil, nil, fmt.Errorf("categories of products: %w", err)
	}
	places, positions := make(map[uuid.UUID][]uuid.UUID, len(products)), Positions{}
	var product, category uuid.UUID
	var position *int
	_, err = pgx.ForEachRow(rows, []any{&product, &category, &position}, func() error {
		places[product] = append(places[product], category)
		if position != nil {
			positions.add(product, category, *position)
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("categories of products: %w", err)
	}
	return places, positions, nil
}
