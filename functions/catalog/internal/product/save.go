package product

import (
	"context"
	"encoding/hex"
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
	// Learned says that what it shares with others is written already (Learn).
	Learned bool
	// Allow is asked with the version of what exists, nil when nothing does.
	Allow func(current *int64) error
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

type productRow struct {
	ID          uuid.UUID      `json:"id"`
	ExternalID  *string        `json:"external_id"`
	Slug        string         `json:"slug"`
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Brand       *string        `json:"brand"`
	Status      string         `json:"status"`
	PublishAt   *time.Time     `json:"publish_at"`
	UnpublishAt *time.Time     `json:"unpublish_at"`
	PublishedAt *time.Time     `json:"published_at"`
	Featured    bool           `json:"featured"`
	Options     []string       `json:"options"`
	Attributes  map[string]any `json:"attributes"`
	Media       []Media        `json:"media"`
	ContentHash string         `json:"content_hash"`
}

const productRows = `
json_to_recordset(@rows) as r (
    id uuid, external_id text, slug text, name text, description text, brand text, status text,
    publish_at timestamptz, unpublish_at timestamptz, published_at timestamptz, featured boolean,
    options text[], attributes jsonb, media jsonb, content_hash text)`

const insertSQL = `
insert into catalog.products (
    id, external_id, slug, name, description, brand, status, publish_at, unpublish_at, published_at,
    featured, options, attributes, media, content_hash)
select
    id, external_id, slug, name, description, brand, status, publish_at, unpublish_at, published_at,
    featured, options, attributes, media, decode(content_hash, 'hex')
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
    options = r.options,
    attributes = r.attributes,
    media = r.media,
    content_hash = decode(r.content_hash, 'hex'),
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
	var fresh, changed []productRow
	var slugs, previous []string
	var previousOf []uuid.UUID
	for _, p := range plans {
		slugs = append(slugs, p.doc.Slug)
		if p.previous != "" {
			previous, previousOf = append(previous, p.previous), append(previousOf, p.id)
		}
		if p.old == nil {
			fresh = append(fresh, p.row())
		} else {
			changed = append(changed, p.row())
		}
	}
	batch := &pgx.Batch{}
	for _, w := range []struct {
		sql  string
		rows []productRow
	}{{insertSQL, fresh}, {updateSQL, changed}} {
		if len(w.rows) == 0 {
			continue
		}
		b, err := json.Marshal(w.rows)
		if err != nil {
			return fmt.Errorf("write products: %w", err)
		}
		batch.Queue(w.sql, pgx.NamedArgs{"rows": string(b)})
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

func (p plan) row() productRow {
	d := p.doc
	return productRow{
		ID: p.id, ExternalID: d.ExternalID, Slug: d.Slug, Name: d.Name, Description: d.Description, Brand: d.Brand,
		Status: d.Status, PublishAt: d.PublishAt, UnpublishAt: d.UnpublishAt, PublishedAt: d.PublishedAt,
		Featured: d.Featured, Options: d.Options, Attributes: d.Attributes, Media: d.Media,
		ContentHash: hex.EncodeToString(p.hash),
	}
}
