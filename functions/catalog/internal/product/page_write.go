package product

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/price"
)

const clearPagesSQL = `
delete from catalog.product_pages
where product_id = any(@products)`

// Arrays of arrays would have to be of one length each.
const writePagesSQL = `
insert into catalog.product_pages as g (product_id, version, skus, categories, variants, prices, body)
select
    p.id,
    p.version,
    string_to_array(r.skus, ' '),
    string_to_array(r.categories, ' ')::uuid[],
    string_to_array(r.variants, ' ')::uuid[],
    r.prices,
    r.body
from unnest(@ids::uuid[], @skus::text[], @categories::text[], @variants::text[], @prices::text[], @bodies::text[])
    as r (id, skus, categories, variants, prices, body)
join catalog.products p on p.id = r.id
on conflict (product_id) do update
set version = excluded.version,
    skus = excluded.skus,
    categories = excluded.categories,
    variants = excluded.variants,
    prices = excluded.prices,
    body = excluded.body`

// writePages replaces the pages of products: those in cleared leave, those of
// pages enter with what their variants cost.
func writePages(ctx context.Context, tx pgx.Tx, cleared []uuid.UUID, pages []page, spans []price.Span) error {
	ofVariant := spansOf(spans)
	var ids []uuid.UUID
	var skus, categories, variants, prices, bodies []string
	for _, p := range pages {
		body, err := p.body()
		if err != nil {
			return err
		}
		var skusOf, idsOf []string
		var of []uuid.UUID
		for _, v := range p.doc.Variants {
			skusOf, idsOf, of = append(skusOf, v.SKU), append(idsOf, v.ID.String()), append(of, *v.ID)
		}
		var places []string
		for _, id := range p.places {
			places = append(places, id.String())
		}
		ids, bodies = append(ids, *p.doc.ID), append(bodies, body)
		skus, variants = append(skus, strings.Join(skusOf, " ")), append(variants, strings.Join(idsOf, " "))
		categories, prices = append(categories, strings.Join(places, " ")), append(prices, lines(of, ofVariant))
	}
	batch := &pgx.Batch{}
	gone := slices.DeleteFunc(slices.Clone(cleared), func(id uuid.UUID) bool { return slices.Contains(ids, id) })
	if len(gone) > 0 {
		batch.Queue(clearPagesSQL, pgx.NamedArgs{"products": gone})
	}
	if len(ids) > 0 {
		batch.Queue(writePagesSQL, pgx.NamedArgs{
			"ids": ids, "skus": skus, "categories": categories, "variants": variants, "prices": prices, "bodies": bodies,
		})
	}
	if batch.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write pages of products: %w", err)
	}
	return nil
}

// spansOf are the spans of each variant in the order that a page shows them.
func spansOf(spans []price.Span) map[uuid.UUID][]price.Span {
	of := map[uuid.UUID][]price.Span{}
	for _, s := range spans {
		of[s.VariantID] = append(of[s.VariantID], s)
	}
	for _, list := range of {
		slices.SortFunc(list, func(a, b price.Span) int {
			if a.Currency != b.Currency {
				return strings.Compare(a.Currency, b.Currency)
			}
			return a.StartsAt.Compare(b.StartsAt)
		})
	}
	return of
}

const pagedVariantsSQL = `
select product_id, variants
from catalog.product_pages
where product_id = any(@products)`

const repricePagesSQL = `
update catalog.product_pages g
set version = p.version,
    prices = r.prices
from unnest(@ids::uuid[], @prices::text[]) as r (id, prices)
join catalog.products p on p.id = r.id
where g.product_id = r.id
    and g.version = p.version - 1`

// repricePages brings up to date what products cost; all else about them, but
// their version, is as it was.
func repricePages(ctx context.Context, tx pgx.Tx, products []uuid.UUID) error {
	rows, err := tx.Query(ctx, pagedVariantsSQL, pgx.NamedArgs{"products": products})
	if err != nil {
		return fmt.Errorf("prices of pages: %w", err)
	}
	type paged struct {
		ProductID uuid.UUID
		Variants  []uuid.UUID
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[paged])
	if err != nil || len(list) == 0 {
		return err
	}
	var variants, ids []uuid.UUID
	for _, p := range list {
		variants = append(variants, p.Variants...)
	}
	spans, err := spansNow(ctx, tx, variants)
	if err != nil {
		return err
	}
	ofVariant := spansOf(spans)
	var prices []string
	for _, p := range list {
		ids, prices = append(ids, p.ProductID), append(prices, lines(p.Variants, ofVariant))
	}
	if _, err := tx.Exec(ctx, repricePagesSQL, pgx.NamedArgs{"ids": ids, "prices": prices}); err != nil {
		return fmt.Errorf("prices of pages: %w", err)
	}
	return nil
}
