package listing

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/price"
)

// Entry is a product as listings see it.
type Entry struct {
	ProductID    uuid.UUID
	Name         string
	Brand        string
	Description  string
	Categories   []uuid.UUID
	Positions    map[uuid.UUID]int // its place in categories where somebody has placed it by hand
	Attributes   map[string]any
	Featured     bool
	PublishedAt  time.Time
	VisibleFrom  *time.Time
	VisibleUntil *time.Time
	Variants     []Variant
	Learned      bool // its terms are written already (Learn)
}

// Variant is one variant of an Entry.
type Variant struct {
	ID      uuid.UUID
	SKU     string
	MPN     string
	GTINs   []string
	Options map[string]string
}

const clearProductsSQL = `
delete from catalog.listed_products
where product_id = any(@products)`

const clearCategoriesSQL = `
delete from catalog.listed_categories
where product_id = any(@products)`

const clearAmountsSQL = `
delete from catalog.listed_prices
where product_id = any(@products)`

const insertProductsSQL = `
insert into catalog.listed_products (
    product_id, published_at, featured, name_key, terms, packed, skus)
select r.product_id, r.published_at, r.featured, r.name_key, r.terms::bigint[], r.packed, r.skus
from unnest(
    @products::uuid[], @published::timestamptz[], @featured::boolean[], @names::text[], @terms::text[], @packed::bytea[], @skus::text[]
) as r (product_id, published_at, featured, name_key, terms, packed, skus)`

const insertCategoriesSQL = `
insert into catalog.listed_categories (category_id, product_id, published_at, position, alone, visible_from, visible_until, packed)
select category_id, product_id, published_at, position, alone, visible_from, visible_until, packed
from unnest(
    @categories::uuid[], @products::uuid[], @published::timestamptz[], @positions::int[], @alone::boolean[], @from::timestamptz[], @until::timestamptz[],
    @packed::bytea[]
) as r (category_id, product_id, published_at, position, alone, visible_from, visible_until, packed)`

const insertAmountsSQL = `
insert into catalog.listed_prices (currency, amount, product_id)
select currency, amount, product_id
from unnest(@currencies::text[], @amounts::bigint[], @products::uuid[]) as r (currency, amount, product_id)`

// Write replaces what listings know of products: those in cleared leave, those
// of entries enter with the prices of their variants. A product that is listed
// already stands in both.
func Write(ctx context.Context, tx pgx.Tx, cleared []uuid.UUID, entries []Entry, prices []price.Span) error {
	batch := &pgx.Batch{}
	if len(cleared) > 0 {
		for _, sql := range []string{clearProductsSQL, clearCategoriesSQL, clearAmountsSQL} {
			batch.Queue(sql, pgx.NamedArgs{"products": cleared})
		}
	}
	if len(entries) > 0 {
		queueEntries(batch, entries, prices)
	}
	if batch.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write listings: %w", err)
	}
	return nil
}

func queueEntries(batch *pgx.Batch, entries []Entry, prices []price.Span) {
	spans := map[uuid.UUID][]price.Span{}
	for _, s := range prices {
		spans[s.VariantID] = append(spans[s.VariantID], s)
	}
	terms, n := newDictionary(), len(entries)
	ids, published, featured := make([]uuid.UUID, n), make([]time.Time, n), make([]bool, n)
	names, skus, sets, all := make([]string, n), make([]string, n), make([]string, n), make([][]byte, n)
	var costs costs
	for i, e := range entries {
		r := pack(e, spans, terms)
		ids[i], published[i], featured[i], all[i] = e.ProductID, e.PublishedAt, e.Featured, r.pack()
		names[i], skus[i], sets[i] = nameKey(e.Name), r.skus, arrayText(r.terms)
		costs.add(e.ProductID, r.amounts)
	}
	batch.Queue(insertProductsSQL, pgx.NamedArgs{
		"products": ids, "published": published, "featured": featured, "names": names, "terms": sets, "packed": all, "skus": skus,
	})
	queueCategories(batch, entries, all)
	costs.queue(batch)
	if !learned(entries) {
		terms.queue(batch)
	}
}

func queueCategories(batch *pgx.Batch, entries []Entry, all [][]byte) {
	var categories, products []uuid.UUID
	var published []time.Time
	var positions []*int
	var only []bool
	var from, until []*time.Time
	var indexed [][]byte
	for i, e := range entries {
		for _, c := range e.Categories {
			categories, products, published = append(categories, c), append(products, e.ProductID), append(published, e.PublishedAt)
			only, from, until = append(only, len(e.Categories) == 1), append(from, e.VisibleFrom), append(until, e.VisibleUntil)
			var at *int
			if p, placed := e.Positions[c]; placed {
				at = &p
			}
			positions, indexed = append(positions, at), append(indexed, indexable(all[i]))
		}
	}
	if len(categories) > 0 {
		batch.Queue(insertCategoriesSQL, pgx.NamedArgs{
			"categories": categories, "products": products, "published": published, "positions": positions, "alone": only, "from": from, "until": until,
			"packed": indexed,
		})
	}
}

// indexable is the packed product, nil when it is too long for an index.
func indexable(b []byte) []byte {
	if len(b) > mostIndexed {
		return nil
	}
	return b
}

// costs gathers what products cost at any time.
type costs struct {
	products   []uuid.UUID
	currencies []string
	amounts    []int64
}

func (c *costs) add(product uuid.UUID, amounts []amount) {
	for _, a := range amounts {
		c.products, c.currencies, c.amounts = append(c.products, product), append(c.currencies, a.currency), append(c.amounts, a.amount)
	}
}

func (c *costs) queue(batch *pgx.Batch) {
	if len(c.products) > 0 {
		batch.Queue(insertAmountsSQL, pgx.NamedArgs{"currencies": c.currencies, "amounts": c.amounts, "products": c.products})
	}
}

// arrayText is the terms as PostgreSQL reads an array.
func arrayText(terms []int64) string {
	b := make([]byte, 0, 2+20*len(terms))
	b = append(b, '{')
	for i, t := range terms {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, t, 10)
	}
	return string(append(b, '}'))
}

const lockProductsSQL = `
select product_id, terms, packed
from catalog.listed_products
where product_id = any(@products)
order by product_id
for update`

const replacePricesSQL = `
update catalog.listed_products l
set terms = r.terms::bigint[],
    packed = r.packed
from unnest(@products::uuid[], @terms::text[], @packed::bytea[]) as r (product_id, terms, packed)
where l.product_id = r.product_id`

const replaceIndexedSQL = `
update catalog.listed_categories c
set packed = r.packed
from unnest(@products::uuid[], @packed::bytea[]) as r (product_id, packed)
where c.product_id = r.product_id`

type repriced struct {
	ProductID uuid.UUID
	Terms     []int64
	Packed    []byte
}

// WritePrices replaces what variants of products cost. Products that are not
// listed are left out.
func WritePrices(ctx context.Context, tx pgx.Tx, products, variants []uuid.UUID, prices []price.Span) error {
	rows, err := tx.Query(ctx, lockProductsSQL, pgx.NamedArgs{"products": products})
	if err != nil {
		return fmt.Errorf("write prices of listings: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[repriced])
	if err != nil {
		return fmt.Errorf("write prices of listings: %w", err)
	}
	spans := make(map[uuid.UUID][]price.Span, len(variants))
	for _, v := range variants {
		spans[v] = nil
	}
	for _, s := range prices {
		spans[s.VariantID] = append(spans[s.VariantID], s)
	}
	var costs costs
	var ids []uuid.UUID
	var sets []string
	var all, indexed [][]byte
	for _, p := range list {
		r, err := p.reprice(spans)
		if err != nil {
			return fmt.Errorf("write prices of listings: %w", err)
		}
		b := r.pack()
		ids, sets, all, indexed = append(ids, p.ProductID), append(sets, arrayText(r.terms)), append(all, b), append(indexed, indexable(b))
		costs.add(p.ProductID, r.amounts)
	}
	batch := &pgx.Batch{}
	batch.Queue(replacePricesSQL, pgx.NamedArgs{"products": ids, "terms": sets, "packed": all})
	batch.Queue(replaceIndexedSQL, pgx.NamedArgs{"products": ids, "packed": indexed})
	batch.Queue(clearAmountsSQL, pgx.NamedArgs{"products": ids})
	costs.queue(batch)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write prices of listings: %w", err)
	}
	return nil
}

// reprice is the product with the offers of the variants that spans names
// replaced.
func (p repriced) reprice(spans map[uuid.UUID][]price.Span) (row, error) {
	before, err := unpack(p.Packed)
	if err != nil {
		return row{}, err
	}
	old := row{packed: before}
	old.price()
	bucketed := map[int64]bool{}
	for _, t := range old.terms {
		bucketed[t] = true
	}
	r := row{packed: before, terms: slices.DeleteFunc(p.Terms, func(t int64) bool { return bucketed[t] })}
	r.offers = nil
	for place := 0; place*variantSize < len(before.variants); place++ {
		id := uuid.UUID(before.variants[place*variantSize:][:variantSize])
		if changed, is := spans[id]; is {
			r.offers = appendOffers(r.offers, place, changed)
			continue
		}
		for o := before.offers; len(o) > 0; o = o[offerSize:] {
			if int(binary.BigEndian.Uint16(o)) == place {
				r.offers = append(r.offers, o[:offerSize]...)
			}
		}
	}
	r.price()
	return r, nil
}
