package attribute

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

const getSQL = `
select code, name, type, unit, filterable, version, created_at, updated_at
from catalog.attributes
where code = @code`

// Get reads one attribute.
func Get(ctx context.Context, db postgres.DB, code string) (Stored, error) {
	if !validCode(code) {
		return Stored{}, fault.Missing("there is no such attribute")
	}
	rows, err := db.Query(ctx, getSQL, pgx.NamedArgs{"code": code})
	if err != nil {
		return Stored{}, fmt.Errorf("attribute %s: %w", code, err)
	}
	a, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Stored])
	if errors.Is(err, pgx.ErrNoRows) {
		return Stored{}, fault.Missing("there is no attribute %s", code)
	}
	if err != nil {
		return Stored{}, fmt.Errorf("attribute %s: %w", code, err)
	}
	return a, nil
}

const listSQL = `
select code, name, type, unit, filterable, version, created_at, updated_at
from catalog.attributes
where code > @after
order by code
limit @limit`

// List reads attributes by code, those after the given one.
func List(ctx context.Context, db postgres.DB, after string, limit int) ([]Stored, error) {
	rows, err := db.Query(ctx, listSQL, pgx.NamedArgs{"after": after, "limit": limit})
	if err != nil {
		return nil, fmt.Errorf("attributes: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Stored])
	if err != nil {
		return nil, fmt.Errorf("attributes: %w", err)
	}
	return list, nil
}

const definitionsSQL = `
select code, name, type, unit, filterable
from catalog.attributes
where code = any(@codes)`

// Definitions reads the attributes that exist among the codes.
func Definitions(ctx context.Context, db postgres.DB, codes []string) (map[string]Attribute, error) {
	found := make(map[string]Attribute, len(codes))
	codes = slices.DeleteFunc(slices.Clone(codes), func(c string) bool { return !validCode(c) })
	if len(codes) == 0 {
		return found, nil
	}
	rows, err := db.Query(ctx, definitionsSQL, pgx.NamedArgs{"codes": codes})
	if err != nil {
		return nil, fmt.Errorf("attribute definitions: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Attribute])
	if err != nil {
		return nil, fmt.Errorf("attribute definitions: %w", err)
	}
	for _, a := range list {
		found[a.Code] = a
	}
	return found, nil
}
