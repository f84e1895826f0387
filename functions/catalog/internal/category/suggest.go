package category

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

// Named is a category as a search box suggests it.
type Named struct {
	Slug string
	Name string
}

const beginningSQL = `
select slug, name
from catalog.categories
where ' ' || translate(lower(public.unaccent(name)), '-_/', '   ') like '% ' || @beginning || '%'
order by lower(public.unaccent(name)) like @beginning || '%' desc, length(name), slug
limit @most`

// Beginning reads categories one of whose words begins with a text, which is in
// lower case and without accents; those first whose name begins with it. It
// reads them all: a tree has thousands of categories at most.
func Beginning(ctx context.Context, db postgres.DB, text string, most int) ([]Named, error) {
	rows, err := db.Query(ctx, beginningSQL, pgx.NamedArgs{"beginning": text, "most": most})
	if err != nil {
		return nil, fmt.Errorf("suggest categories: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Named])
	if err != nil {
		return nil, fmt.Errorf("suggest categories: %w", err)
	}
	return list, nil
}
