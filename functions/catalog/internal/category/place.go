package category

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	names "github.com/mallhive/product-service/functions/catalog/internal/slug"
	"github.com/mallhive/product-service/shared/fault"
)

// above is the way up from the wanted parent, below the category's own tree.
const placeSQL = `
with recursive above as (
    select id, parent_id, 1 as level
    from catalog.categories
    where slug = @parent
    union all
    select c.id, c.parent_id, a.level + 1
    from catalog.categories c
    join above a on c.id = a.parent_id
), below as (
    select id, 1 as level
    from catalog.categories
    where id = @id
    union all
    select c.id, b.level + 1
    from catalog.categories c
    join below b on c.parent_id = b.id
)
select
    (select id from above where level = 1) as parent,
    exists (select from above where id = @id) as cycle,
    coalesce((select max(level) from above), 0) + coalesce((select max(level) from below), 1) as depth`

// spot is where a category would stand below a parent.
type spot struct {
	Parent *uuid.UUID // nil when there is none with this slug
	Cycle  bool       // the parent is the category itself or stands below it
	Depth  int        // levels that the tree would have there
}

func lookAt(ctx context.Context, tx pgx.Tx, parent string, id *uuid.UUID) (spot, error) {
	var s spot
	if !names.Valid(parent) {
		return s, nil
	}
	err := tx.QueryRow(ctx, placeSQL, pgx.NamedArgs{"parent": parent, "id": id}).Scan(&s.Parent, &s.Cycle, &s.Depth)
	if err != nil {
		return s, fmt.Errorf("place below %s: %w", parent, err)
	}
	return s, nil
}

// placeBelow resolves the parent; it refuses a cycle and a tree that is too
// deep. id is nil for a category that does not exist yet.
func placeBelow(ctx context.Context, tx pgx.Tx, parent *string, id *uuid.UUID) (*uuid.UUID, fault.List, error) {
	if parent == nil {
		return nil, nil, nil
	}
	s, err := lookAt(ctx, tx, *parent, id)
	if err != nil {
		return nil, nil, err
	}
	var faults fault.List
	switch {
	case s.Parent == nil:
		faults.Add("/parent", "unknown_category", "there is no such category")
	case s.Cycle:
		faults.Add("/parent", "cycle", "it is the category itself, or stands below it")
	case s.Depth > MaxDepth:
		faults.Add("/parent", "too_deep", "the tree would have %d levels; at most %d", s.Depth, MaxDepth)
	}
	return s.Parent, faults, nil
}

type sibling struct {
	ID       uuid.UUID
	Slug     string
	Position int32
}

const siblingsSQL = `
select c.id, c.slug, c.position
from catalog.categories c
left join catalog.categories p on p.id = c.parent_id
where p.slug is not distinct from @parent
order by c.position, c.name, c.id`

const shiftSQL = `
update catalog.categories c
set position = s.position,
    version = c.version + 1,
    updated_at = now()
from unnest(@ids::uuid[], @positions::int[]) as s (id, position)
where c.id = s.id`

// squeezeIn finds the position by which a category comes after the first n of
// its siblings, its own if it stands there already; those behind it make room
// where they must.
func squeezeIn(ctx context.Context, tx pgx.Tx, c Category, n int) (position int32, err error) {
	rows, err := tx.Query(ctx, siblingsSQL, pgx.NamedArgs{"parent": c.Parent})
	if err != nil {
		return 0, fmt.Errorf("siblings of %s: %w", c.Slug, err)
	}
	siblings, err := pgx.CollectRows(rows, pgx.RowToStructByName[sibling])
	if err != nil {
		return 0, fmt.Errorf("siblings of %s: %w", c.Slug, err)
	}
	if i := slices.IndexFunc(siblings, func(s sibling) bool { return s.ID == c.ID }); i >= 0 {
		siblings = slices.Delete(siblings, i, i+1)
		if i == min(n, len(siblings)) {
			return c.Position, nil
		}
	}
	n = min(n, len(siblings))
	if n > 0 {
		position = siblings[n-1].Position + 1
	}
	var ids []uuid.UUID
	var positions []int32
	var slugs []string
	last := position
	for _, s := range siblings[n:] {
		if s.Position > last {
			break
		}
		last++
		ids, positions, slugs = append(ids, s.ID), append(positions, last), append(slugs, s.Slug)
	}
	if len(ids) == 0 {
		return position, nil
	}
	if _, err := tx.Exec(ctx, shiftSQL, pgx.NamedArgs{"ids": ids, "positions": positions}); err != nil {
		return 0, fmt.Errorf("make room for %s: %w", c.Slug, err)
	}
	return position, tell(ctx, tx, "updated", slugs...)
}
