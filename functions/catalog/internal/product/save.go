package product

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Intent is one document to write, normalised and checked.
type Intent struct {
	Doc    Document
	Target *uuid.UUID // the product to replace; nil means the one the document is keyed by
	Create bool       // there must be no such product yet
	New    uuid.UUID  // the id of a product that is created; one is drawn when it is nil
	// Allow is asked with the version of what exists, nil when nothing does.
	Allow func(current *int64) error
	// known is set when what it shares with others is written already (Learn).
	known *Memory
}

// Outcome is what became of an intent: created, updated or unchanged, or a
// fault that concerns it alone.
type Outcome struct {
	ID     uuid.UUID
	Result string
	Fault  error
}

// SaveAll writes documents that share no external id, slug or SKU, in a number
// of statements that does not grow with them. Each is judged alone: a fault of
// one is its outcome. An error is the database's and leaves the transaction
// unusable; a unique violation means that somebody else wrote the same thing
// meanwhile, and that another try will see it.
func SaveAll(ctx context.Context, tx pgx.Tx, intents []Intent) ([]Outcome, error) {
	s, err := load(ctx, tx, intents)
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(intents))
	plans := make([]plan, 0, len(intents))
	taken := map[string]bool{}
	for i, in := range intents {
		p, err := s.decide(in, taken)
		outcomes[i] = Outcome{ID: p.id, Result: p.result, Fault: err}
		if err == nil && p.result != "unchanged" {
			plans = append(plans, p)
		}
	}
	if len(plans) == 0 {
		return outcomes, nil
	}
	if err := writeProducts(ctx, tx, plans); err != nil {
		return nil, err
	}
	return outcomes, writeRest(ctx, tx, plans, s.prices)
}

// Save is SaveAll for one document, in a transaction of its own that is tried
// again when another writer was quicker.
func Save(ctx context.Context, db postgres.DB, in Intent) (Outcome, error) {
	var out Outcome
	for try := 1; ; try++ {
		err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
			list, err := SaveAll(ctx, tx, []Intent{in})
			if err != nil {
				return err
			}
			out = list[0]
			return out.Fault
		})
		if err == nil || !postgres.IsUnique(err) || try == 3 {
			return out, taken(err)
		}
	}
}

// taken is the answer to a writer who lost every race.
func taken(err error) error {
	if postgres.IsUnique(err) {
		return fault.Clash("duplicate", "another product has its slug, external id or one of its SKUs")
	}
	return err
}

// Texts that PostgreSQL takes apart by itself where a column is no plain value:
// arrays of arrays would have to be of one length each.
const productRows = `
unnest(
    @ids::uuid[], @external_ids::text[], @slugs::text[], @names::text[], @descriptions::text[], @brands::text[], @statuses::text[],
    @publish::timestamptz[], @unpublish::timestamptz[], @published::timestamptz[], @featured::boolean[],
    @options::text[], @attributes::text[], @media::text[], @hashes::bytea[]
) as r (
    id, external_id, slug, name, description, brand, status,
    publish_at, unpublish_at, published_at, featured,
    options, attributes, media, content_hash)`

const insertSQL = `
insert into catalog.products (
    id, external_id, slug, name, description, brand, status, publish_at, unpublish_at, published_at,
    featured, options, attributes, media, content_hash)
select
    id, external_id, slug, name, description, brand, status, publish_at, unpublish_at, published_at,
    featured, array(select json_array_elements_text(options::json)), attributes::jsonb, media::jsonb, content_hash
from` + productRows

const updateSQL = `
update catalog.products p
set external_id = r.external_id,
    slug = r.slug,
    name = r.name,
    description = r.description,
    brand = r.brand,
    status = r.status,
    publish_at = r.publish_at,
    unpublish_at = r.unpublish_at,
    published_at = r.published_at,
    featured = r.featured,
    options = array(select json_array_elements_text(r.options::json)),
    attributes = r.attributes::jsonb,
    media = r.media::jsonb,
    content_hash = r.content_hash,
    version = p.version + 1,
    updated_at = now(),
    deleted_at = null
from` + productRows + `
where p.id = r.id`

// A slug in use again no longer leads elsewhere.
const reuseSlugsSQL = `
delete from catalog.old_slugs
where slug = any(@slugs)`

const keepSlugsSQL = `
insert into catalog.old_slugs (slug, product_id)
select slug, id
from unnest(@slugs::text[], @ids::uuid[]) as s (slug, id)
on conflict (slug) do update
set product_id = excluded.product_id,
    created_at = now()`

func writeProducts(ctx context.Context, tx pgx.Tx, plans []plan) error {
	var fresh, changed productColumns
	var slugs, previous []string
	var previousOf []uuid.UUID
	for _, p := range plans {
		slugs = append(slugs, p.doc.Slug)
		if p.previous != "" {
			previous, previousOf = append(previous, p.previous), append(previousOf, p.id)
		}
		to := &changed
		if p.old == nil {
			to = &fresh
		}
		if err := to.add(p); err != nil {
			return fmt.Errorf("write products: %w", err)
		}
	}
	batch := &pgx.Batch{}
	if len(fresh.ids) > 0 {
		batch.Queue(insertSQL, fresh.args())
	}
	if len(changed.ids) > 0 {
		batch.Queue(updateSQL, changed.args())
	}
	batch.Queue(reuseSlugsSQL, pgx.NamedArgs{"slugs": slugs})
	if len(previous) > 0 {
		batch.Queue(keepSlugsSQL, pgx.NamedArgs{"slugs": previous, "ids": previousOf})
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write products: %w", err)
	}
	return nil
}

// productColumns is rows of products, column by column.
type productColumns struct {
	ids                           []uuid.UUID
	externals, brands             []*string
	slugs, names, descriptions    []string
	statuses                      []string
	publish, unpublish, published []*time.Time
	featured                      []bool
	options, attributes, media    []string
	hashes                        [][]byte
}

func (c *productColumns) add(p plan) error {
	d := p.doc
	for _, part := range []struct {
		value any
		to    *[]string
	}{{d.Options, &c.options}, {d.Attributes, &c.attributes}, {d.Media, &c.media}} {
		b, err := json.Marshal(part.value)
		if err != nil {
			return err
		}
		*part.to = append(*part.to, string(b))
	}
	c.ids, c.externals, c.slugs = append(c.ids, p.id), append(c.externals, d.ExternalID), append(c.slugs, d.Slug)
	c.names, c.descriptions, c.brands = append(c.names, d.Name), append(c.descriptions, d.Description), append(c.brands, d.Brand)
	c.statuses, c.featured, c.hashes = append(c.statuses, d.Status), append(c.featured, d.Featured), append(c.hashes, p.hash)
	c.publish, c.unpublish = append(c.publish, d.PublishAt), append(c.unpublish, d.UnpublishAt)
	c.published = append(c.published, d.PublishedAt)
	return nil
}

func (c *productColumns) args() pgx.NamedArgs {
	return pgx.NamedArgs{
		"ids": c.ids, "external_ids": c.externals, "slugs": c.slugs, "names": c.names, "descriptions": c.descriptions, "brands": c.brands,
		"statuses": c.statuses, "publish": c.publish, "unpublish": c.unpublish, "published": c.published, "featured": c.featured,
		"options": c.options, "attributes": c.attributes, "media": c.media, "hashes": c.hashes,
	}
}
