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
const pageRows = `
    string_to_array(r.skus, ' '),
    string_to_array(r.categories, ' ')::uuid[],
    string_to_array(r.variants, ' ')::uuid[],
    r.prices,
    r.body
from unnest(@ids::uuid[], @skus::text[], @categories::text[], @variants::text[], @prices::text[], @bodies::text[])
    as r (id, skus, categories, variants, prices, body)`

const firstPagesSQL = `
insert into catalog.product_pages (product_id, version, skus, categories, variants, prices, body)
select
    r.id,
    1,` + pageRows

const writePagesSQL = `
insert into catalog.product_pages as g (product_id, version, skus, categories, variants, prices, body)
select
    p.id,
    p.version,` + pageRows + `
join catalog.products p on p.id = r.id
on conflict (product_id) do update
set version = excluded.version,
    skus = excluded.skus,
    categories = excluded.categories,
    variants = excluded.variants,
    prices = excluded.prices,
    body = excluded.body`

// writePages replaces the pages of products: those in cleared leave, those of
// pages enter with what their variants cost. A page of a product that is not in
// cleared is its first.
func writePages(ctx context.Context, tx pgx.Tx, cleared []uuid.UUID, pages []page, spans []price.Span) error {
	ofVariant := spansOf(spans)
	gone := make(map[uuid.UUID]bool, len(cleared))
	for _, id := range cleared {
		gone[id] = true
	}
	var first, changed writtenPages
	for _, p := range pages {
		to := &first
		if gone[*p.doc.ID] {
			to = &changed
			gone[*p.doc.ID] = false
		}
		if err := to.add(p, ofVariant); err != nil {
			return err
		}
	}
	left := slices.DeleteFunc(slices.Clone(cleared), func(id uuid.UUID) bool { return !gone[id] })
	batch := &pgx.Batch{}
	if len(left) > 0 {
		batch.Queue(clearPagesSQL, pgx.NamedArgs{"products": left})
	}
	if len(first.ids) > 0 {
		batch.Queue(firstPagesSQL, first.args())
	}
	if len(changed.ids) > 0 {
		batch.Queue(writePagesSQL, changed.args())
	}
	if batch.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write pages of products: %w", err)
	}
	return nil
}

// writtenPages is rows of pages, column by column.
type writtenPages struct {
	ids                                        []uuid.UUID
	skus, categories, variants, prices, bodies []string
}

func (c *writtenPages) add(p page, spans map[uuid.UUID][]price.Span) error {
	body, err := p.body()
	if err != nil {
		return err
	}
	var skus, ids, places []string
	var of []uuid.UUID
	for _, v := range p.doc.Variants {
		skus, ids, of = append(skus, v.SKU), append(ids, v.ID.String()), append(of, *v.ID)
	}
	for _, id := range p.places {
		places = append(places, id.String())
	}
	c.ids, c.bodies = append(c.ids, *p.doc.ID), append(c.bodies, body)
	c.skus, c.variants = append(c.skus, strings.Join(skus, " ")), append(c.variants, strings.Join(ids, " "))
	c.categories, c.prices = append(c.categories, strings.Join(places, " ")), append(c.prices, lines(of, spans))
	return nil
}

func (c *writtenPages) args() pgx.NamedArgs {
	return pgx.NamedArgs{
		"ids": c.ids, "skus": c.skus, "categories": c.categories, "variants": c.variants, "prices": c.prices, "bodies": c.bodies,
	}
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
