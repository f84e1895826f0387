package category

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	names "github.com/mallhive/product-service/functions/catalog/internal/slug"
	"github.com/mallhive/product-service/shared/postgres"
)

const allSQL = `
select
    c.id,
    c.slug,
    c.name,
    p.slug as parent,
    c.description,
    c.position,
    coalesce((
        select array_agg(coalesce(f.attribute_code, f.builtin) order by f.position)
        from catalog.category_filters f
        where f.category_id = c.id), '{}') as filters,
    c.version,
    c.created_at,
    c.updated_at
from catalog.categories c
left join catalog.categories p on p.id = c.parent_id
where @slugs::text[] is null or c.slug = any(@slugs)
order by c.position, c.name, c.id`

// All reads every category, siblings in their order.
func All(ctx context.Context, db postgres.DB) ([]Category, error) { return read(ctx, db, nil) }

func read(ctx context.Context, db postgres.DB, slugs []string) ([]Category, error) {
	rows, err := db.Query(ctx, allSQL, pgx.NamedArgs{"slugs": slugs})
	if err != nil {
		return nil, fmt.Errorf("categories: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByNameLax[Category])
	if err != nil {
		return nil, fmt.Errorf("categories: %w", err)
	}
	return list, nil
}

// Get reads one category. A slug that its category no longer has is *Moved.
func Get(ctx context.Context, db postgres.DB, slug string) (Category, error) {
	c, err := existing(ctx, db, slug)
	if err != nil {
		return Category{}, err
	}
	if c == nil {
		return Category{}, missing(ctx, db, slug)
	}
	return *c, nil
}

// existing reads one category, nil when there is none.
func existing(ctx context.Context, db postgres.DB, slug string) (*Category, error) {
	if !names.Valid(slug) {
		return nil, nil
	}
	list, err := read(ctx, db, []string{slug})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

const descendantsSQL = `
with recursive below as (
    select id from catalog.categories where slug = @slug
    union
    select category_id from catalog.old_category_slugs where slug = @slug
    union
    select c.id from catalog.categories c join below b on c.parent_id = b.id
)
select id from below`

// Descendants is the category itself and all below it; its old slugs are as
// good as its present one.
func Descendants(ctx context.Context, db postgres.DB, slug string) ([]uuid.UUID, error) {
	if !names.Valid(slug) {
		return nil, nil
	}
	rows, err := db.Query(ctx, descendantsSQL, pgx.NamedArgs{"slug": slug})
	if err != nil {
		return nil, fmt.Errorf("categories below %s: %w", slug, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("categories below %s: %w", slug, err)
	}
	return ids, nil
}

// Filter is one entry of a category's filter list and the category it comes
// from: its own, or an ancestor's.
type Filter struct {
	Code string `json:"code" doc:"Attribute code, brand or price"`
	From string `json:"category" doc:"The category whose list it stands on"`
}

const filtersSQL = `
with recursive above as (
    select id, parent_id, slug, 0 as depth from catalog.categories where slug = @slug
    union all
    select c.id, c.parent_id, c.slug, a.depth + 1 from catalog.categories c join above a on c.id = a.parent_id
), listed as (
    select distinct on (code) code, a.slug, a.depth, f.position
    from above a
    join catalog.category_filters f on f.category_id = a.id
    cross join lateral (select coalesce(f.attribute_code, f.builtin) as code) c
    order by code, a.depth
)
select code, slug as "from"
from listed
order by depth, position`

// Filters is a category's own filters, then its ancestors'.
func Filters(ctx context.Context, db postgres.DB, slug string) ([]Filter, error) {
	rows, err := db.Query(ctx, filtersSQL, pgx.NamedArgs{"slug": slug})
	if err != nil {
		return nil, fmt.Errorf("filters of %s: %w", slug, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Filter])
	if err != nil {
		return nil, fmt.Errorf("filters of %s: %w", slug, err)
	}
	return list, nil
}

// Crumb is one step of the way from the top of the tree.
type Crumb struct {
	Slug string `json:"slug"`
	Name string `json:"name"`
}

const breadcrumbsSQL = `
with recursive above as (
    select id, parent_id, slug, name, 0 as depth
    from catalog.categories
    where slug = @slug
    union all
    select c.id, c.parent_id, c.slug, c.name, a.depth + 1
    from catalog.categories c
    join above a on c.id = a.parent_id
)
select slug, name
from above
order by depth desc`

// Breadcrumbs is the way from the top of the tree to the category.
func Breadcrumbs(ctx context.Context, db postgres.DB, slug string) ([]Crumb, error) {
	rows, err := db.Query(ctx, breadcrumbsSQL, pgx.NamedArgs{"slug": slug})
	if err != nil {
		return nil, fmt.Errorf("way to %s: %w", slug, err)
	}
	crumbs, err := pgx.CollectRows(rows, pgx.RowToStructByName[Crumb])
	if err != nil {
		return nil, fmt.Errorf("way to %s: %w", slug, err)
	}
	return crumbs, nil
}

// Within lists, for every category, itself and all below it.
func Within(all []Category) map[uuid.UUID][]uuid.UUID {
	bySlug := make(map[string]Category, len(all))
	for _, c := range all {
		bySlug[c.Slug] = c
	}
	within := make(map[uuid.UUID][]uuid.UUID, len(all))
	for _, c := range all {
		within[c.ID] = append(within[c.ID], c.ID)
		for above := c.Parent; above != nil; above = bySlug[*above].Parent {
			id := bySlug[*above].ID
			within[id] = append(within[id], c.ID)
		}
	}
	return within
}
