package category

import (
	"context"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/attribute"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Allow is asked with the version of what exists, nil when nothing does, and
// refuses a write that means another one.
type Allow = func(current *int64) error

// Two writers who each move a category below the other's would make a cycle
// that neither sees, so that writers of the tree go one after the other.
const lockTreeSQL = `select pg_advisory_xact_lock(hashtext('catalog.categories'))`

// Save creates the category named ref, or replaces it when it exists; a slug
// other than ref renames it. The result is created, updated or unchanged.
func Save(ctx context.Context, tx pgx.Tx, ref string, c Category, allow Allow) (string, error) {
	c = c.Normalise()
	if err := c.Check().Err(); err != nil {
		return "", err
	}
	old, err := locked(ctx, tx, ref)
	if err != nil {
		return "", err
	}
	if old == nil {
		if err := allow(nil); err != nil {
			return "", err
		}
		return save(ctx, tx, c, nil)
	}
	if err := allow(&old.Version); err != nil {
		return "", err
	}
	return save(ctx, tx, c, old)
}

// Revise changes a category that exists into what edit makes of it, which is
// normalised and checked. It returns the slug it then has.
func Revise(ctx context.Context, tx pgx.Tx, ref string, allow Allow, edit func(Category) (Category, error)) (string, error) {
	old, err := locked(ctx, tx, ref)
	if err != nil {
		return "", err
	}
	if old == nil {
		return "", missing(ctx, tx, ref)
	}
	if err := allow(&old.Version); err != nil {
		return "", err
	}
	c, err := edit(*old)
	if err != nil {
		return "", err
	}
	_, err = save(ctx, tx, c, old)
	return c.Slug, err
}

// SetFilters makes these a category's own filters, in this order.
func SetFilters(ctx context.Context, tx pgx.Tx, ref string, filters []string, allow Allow) (string, error) {
	return Revise(ctx, tx, ref, allow, func(c Category) (Category, error) {
		c.Filters = filters
		return c, c.Check().Err()
	})
}

// Move puts a category with all below it under another parent, nil being the
// top, and, when place is given, after that many of its new siblings.
func Move(ctx context.Context, tx pgx.Tx, ref string, parent *string, place *int, allow Allow) (string, error) {
	return Revise(ctx, tx, ref, allow, func(c Category) (Category, error) {
		c.Parent = parent
		_, faults, err := placeBelow(ctx, tx, parent, &c.ID)
		if err != nil {
			return c, err
		}
		if len(faults) > 0 || place == nil {
			return c, faults.Err()
		}
		c.Position, err = squeezeIn(ctx, tx, c, *place)
		return c, err
	})
}

// locked waits for its turn to write the tree and reads a category, nil when
// there is none.
func locked(ctx context.Context, tx pgx.Tx, ref string) (*Category, error) {
	if _, err := tx.Exec(ctx, lockTreeSQL); err != nil {
		return nil, fmt.Errorf("lock the category tree: %w", err)
	}
	return existing(ctx, tx, ref)
}

func save(ctx context.Context, tx pgx.Tx, c Category, old *Category) (string, error) {
	if old != nil && c.same(*old) {
		return "unchanged", nil
	}
	var id *uuid.UUID
	if old != nil {
		id = &old.ID
	}
	parent, faults, err := placeBelow(ctx, tx, c.Parent, id)
	if err != nil {
		return "", err
	}
	unknown, err := unknownFilters(ctx, tx, c.Filters)
	if err != nil {
		return "", err
	}
	if err := append(faults, unknown...).Err(); err != nil {
		return "", err
	}
	return write(ctx, tx, c, old, parent)
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

func write(ctx context.Context, tx pgx.Tx, c Category, old *Category, parent *uuid.UUID) (string, error) {
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
	batch.Queue(reuseSlugSQL, pgx.NamedArgs{"slug": c.Slug})
	if old != nil && old.Slug != c.Slug {
		batch.Queue(keepSlugSQL, pgx.NamedArgs{"slug": old.Slug, "id": id})
	}
	err := tx.SendBatch(ctx, batch).Close()
	if postgres.IsUnique(err, "categories_slug") {
		f := fault.Clash("duplicate_slug", "another category has this slug")
		f.Fields = []fault.Field{fault.At("/slug", "duplicate", "another category has this slug")}
		return "", f
	}
	if postgres.IsForeignKey(err, "category_filters_attribute") {
		return "", fault.Clash("attribute_deleted", "an attribute of its filters has been deleted meanwhile")
	}
	if err != nil {
		return "", fmt.Errorf("save category %s: %w", c.Slug, err)
	}
	return result, tell(ctx, tx, result, c.Slug)
}
