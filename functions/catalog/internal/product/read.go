package product

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/functions/catalog/internal/slug"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// What visitors may know of a product now.
const (
	visible = "visible"
	hidden  = "hidden" // not yet
	gone    = "gone"   // no longer
	deleted = "deleted"
)

// OutOfStock is the availability of a variant that inventory knows nothing of.
const OutOfStock = "out_of_stock"

type view struct {
	ID           uuid.UUID
	State        string
	Document     []byte
	Availability map[string]string
}

const stateColumn = `
    case
        when p.deleted_at is not null then 'deleted'
        when p.status = 'draft' then 'hidden'
        when p.status = 'archived' then case when p.published_at is null then 'hidden' else 'gone' end
        when p.publish_at > clock_timestamp() then 'hidden'
        when p.unpublish_at <= clock_timestamp() then 'gone'
        else 'visible'
    end as state`

const viewColumns = `
select
    p.id,` + stateColumn + `,
    -- As a join the documents of all products would be made, and hashed.
    (select d.document from catalog.product_documents d where d.product_id = p.id) as document,
    coalesce((
        select jsonb_object_agg(s.sku, s.availability)
        from catalog.variants v
        join inventory.sellability s on s.sku = v.sku
        where v.product_id = p.id
            and v.removed_at is null), '{}') as availability
from catalog.products p`

// A slug means the live product, else the one deleted last.
const byRefSQL = viewColumns + `
where p.id = coalesce(@id, (
    select q.id
    from catalog.products q
    where q.slug = @slug
    order by q.deleted_at desc nulls first
    limit 1))`

const ledToSQL = `
select p.slug
from catalog.old_slugs o
join catalog.products p on p.id = o.product_id
where o.slug = @slug
    and p.deleted_at is null`

// Moved is the answer to a slug that its product no longer has.
type Moved struct{ Slug string }

func (m *Moved) Error() string { return "the product is now at " + m.Slug }

// Get reads one product by id or slug as a visitor sees it, or, with drafts,
// whatever its status. Not yet shown is NotFound, no longer shown is Gone, an
// old slug is *Moved.
func Get(ctx context.Context, db postgres.DB, ref string, drafts bool) (Document, error) {
	v, err := find(ctx, db, ref)
	if err != nil {
		return Document{}, err
	}
	if err := seen(v.State, drafts); err != nil {
		return Document{}, err
	}
	d, err := v.read()
	if err != nil || len(d.Categories) == 0 {
		return d, err
	}
	d.Breadcrumbs, err = category.Breadcrumbs(ctx, db, d.Categories[0])
	return d, err
}

// seen is the answer to who asks for a product in this state.
func seen(state string, drafts bool) error {
	switch {
	case state == deleted:
		return fault.Deleted("the product is deleted")
	case drafts || state == visible:
		return nil
	case state == gone:
		return fault.Deleted("the product is no longer published")
	}
	return fault.Missing("there is no such product")
}

func find(ctx context.Context, db postgres.DB, ref string) (view, error) {
	var id *uuid.UUID
	if parsed, err := uuid.Parse(ref); err == nil && len(ref) == 36 {
		id = &parsed
	}
	if id == nil && !slug.Valid(ref) {
		return view{}, fault.Missing("there is no such product")
	}
	rows, err := db.Query(ctx, byRefSQL, pgx.NamedArgs{"id": id, "slug": ref})
	if err != nil {
		return view{}, fmt.Errorf("product %.64s: %w", ref, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[view])
	if err != nil {
		return view{}, fmt.Errorf("product %.64s: %w", ref, err)
	}
	if len(found) == 1 && found[0].State != deleted {
		return found[0], nil
	}
	if id == nil {
		if now, err := ledTo(ctx, db, ref); err != nil || now != "" {
			return view{}, orMoved(err, now)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return view{}, fault.Missing("there is no such product")
}

func orMoved(err error, slug string) error {
	if err != nil {
		return err
	}
	return &Moved{Slug: slug}
}

func ledTo(ctx context.Context, db postgres.DB, slug string) (string, error) {
	rows, err := db.Query(ctx, ledToSQL, pgx.NamedArgs{"slug": slug})
	if err != nil {
		return "", fmt.Errorf("old slug %.64s: %w", slug, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return "", fmt.Errorf("old slug %.64s: %w", slug, err)
	}
	if len(found) == 0 {
		return "", nil
	}
	return found[0], nil
}

func (v view) read() (Document, error) {
	var d Document
	if err := json.Unmarshal(v.Document, &d); err != nil {
		return d, fmt.Errorf("document of product %s: %w", v.ID, err)
	}
	for i := range d.Variants {
		word := v.Availability[d.Variants[i].SKU]
		if word == "" {
			word = OutOfStock
		}
		d.Variants[i].Availability = word
	}
	return d, nil
}

const byIDsSQL = viewColumns + `
where p.id = any(@ids)`

// Documents reads products that exist, by id.
func Documents(ctx context.Context, db postgres.DB, ids []uuid.UUID) (map[uuid.UUID]Document, error) {
	rows, err := db.Query(ctx, byIDsSQL, pgx.NamedArgs{"ids": ids})
	if err != nil {
		return nil, fmt.Errorf("product documents: %w", err)
	}
	views, err := pgx.CollectRows(rows, pgx.RowToStructByName[view])
	if err != nil {
		return nil, fmt.Errorf("product documents: %w", err)
	}
	documents := make(map[uuid.UUID]Document, len(views))
	for _, v := range views {
		if v.State == deleted {
			continue
		}
		if documents[v.ID], err = v.read(); err != nil {
			return nil, err
		}
	}
	return documents, nil
}
