package category

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/attribute"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
)

// Two writers who each move a category below the other's would make a cycle
// that neither sees, so that writers of the tree go one after the other.
const lockTreeSQL = `select pg_advisory_xact_lock(hashtext('catalog.categories'))`

// Save creates the category named ref, or replaces it when it exists; a slug
// other than ref renames it. allow is asked with the version of what exists,
// nil when nothing does. The result is created, updated or unchanged.
func Save(ctx context.Context, tx pgx.Tx, ref string, c Category, allow func(current *int64) error) (string, error) {
	c = c.Normalise()
	if err := c.Check().Err(); err != nil {
		return "", err
	}
	if _, err := tx.Exec(ctx, lockTreeSQL); err != nil {
		return "", fmt.Errorf("lock the category tree: %w", err)
	}
	old, err := existing(ctx, tx, ref)
	if err != nil {
		return "", err
	}
	var version *int64
	if old != nil {
		version = &old.Version
	}
	if err := allow(version); err != nil {
		return "", err
	}
	if old != nil && c.same(*old) {
		return "unchanged", nil
	}
	parent, err := placeBelow(ctx, tx, c, old)
	if err != nil {
		return "", err
	}
	return write(ctx, tx, c, old, parent)
}

func existing(ctx context.Context, tx pgx.Tx, ref string) (*Stored, error) {
	old, err := Get(ctx, tx, ref)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &old, nil
}

// placeBelow resolves the parent and refuses a cycle.
func placeBelow(ctx context.Context, tx pgx.Tx, c Category, old *Stored) (*uuid.UUID, error) {
	var faults fault.List
	var parent *uuid.UUID
	if c.Parent != nil {
		ids, err := IDs(ctx, tx, []string{*c.Parent})
		if err != nil {
			return nil, err
		}
		if id, exists := ids[*c.Parent]; exists {
			parent = &id
		} else {
			faults.Add("/parent", "unknown_category", "there is no such category")
		}
	}
	if parent != nil && old != nil {
		below, err := Descendants(ctx, tx, old.Slug)
		if err != nil {
			return nil, err
		}
		for _, id := range below {
			if id == *parent {
				faults.Add("/parent", "cycle", "it stands below the category itself")
			}
		}
	}
	unknown, err := unknownFilters(ctx, tx, c.Filters)
	if err != nil {
		return nil, err
	}
	return parent, append(faults, unknown...).Err()
}

func unknownFilters(ctx context.Context, tx pgx.Tx, codes []string) (fault.List, error) {
	known, err := attribute.Definitions(ctx, tx, codes)
	if err != nil {
		return nil, fmt.Errorf("attributes of filters: %w", err)
	}
	var faults fault.List
	for i, code := range codes {
		if _, ok := known[code]; !ok && code != "brand" && code != "price" {
			faults.Add("/filters/"+strconv.Itoa(i), "unknown_attribute", "there is no such attribute")
		}
	}
	return faults, nil
}

const insertSQL = `
insert into catalog.categories (id, slug, name, description, parent_id, position)
values (@id, @slug, @name, @description, @parent, @position)`

const updateSQL = `
update catalog.categories
set slug = @slug,
    name = @name,
    description = @description,
    parent_id = @parent,
    position = @position,
    version = version + 1,
    updated_at = now()
where id = @id`

const clearFiltersSQL = `
delete from catalog.category_filters
where category_id = @id`

const insertFiltersSQL = `
insert into catalog.category_filters (category_id, position, attribute_code, builtin)
select
    @id,
    f.position,
    case when f.code not in ('brand', 'price') then f.code end,
    case when f.code in ('brand', 'price') then f.code end
from unnest(@filters::text[]) with ordinality as f (code, position)`

func write(ctx context.Context, tx pgx.Tx, c Category, old *Stored, parent *uuid.UUID) (string, error) {
	result, sql := "updated", updateSQL
	var id uuid.UUID
	if old != nil {
		id = old.ID
	} else {
		fresh, err := uuid.NewV7()
		if err != nil {
			return "", fmt.Errorf("id of a category: %w", err)
		}
		id, result, sql = fresh, "created", insertSQL
	}
	batch := &pgx.Batch{}
	batch.Queue(sql, pgx.NamedArgs{
		"id": id, "slug": c.Slug, "name": c.Name, "description": c.Description, "parent": parent, "position": c.Position,
	})
	batch.Queue(clearFiltersSQL, pgx.NamedArgs{"id": id})
	batch.Queue(insertFiltersSQL, pgx.NamedArgs{"id": id, "filters": c.Filters})
	err := tx.SendBatch(ctx, batch).Close()
	if postgres.IsUnique(err, "categories_slug") {
		f := fault.Clash("duplicate_slug", "another category has this slug")
		f.Fields = []fault.Field{fault.At("/slug", "duplicate", "another category has this slug")}
		return "", f
	}
	if err != nil {
		return "", fmt.Errorf("save category %s: %w", c.Slug, err)
	}
	return result, tell(ctx, tx, c.Slug, result)
}

// tell appends the category as it is now to the outbox.
func tell(ctx context.Context, tx pgx.Tx, slug, change string) error {
	c, err := Get(ctx, tx, slug)
	if err != nil {
		return err
	}
	document, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("event of category %s: %w", slug, err)
	}
	e, err := event.New(event.CategoryChanged, event.FromCatalog, c.ID.String(), event.CategoryData{
		ID: c.ID.String(), Change: change, Slug: c.Slug, Name: c.Name, Parent: c.Parent, Document: document,
	})
	if err != nil {
		return err
	}
	return outbox.Append(ctx, tx, e)
}
