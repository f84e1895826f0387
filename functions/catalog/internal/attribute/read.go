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
func Get(ctx context.Context, db postgres.DB, code string) (Attribute, error) {
	if !validCode(code) {
		return Attribute{}, fault.Missing("there is no such attribute")
	}
	rows, err := db.Query(ctx, getSQL, pgx.NamedArgs{"code": code})
	if err != nil {
		return Attribute{}, fmt.Errorf("attribute %s: %w", code, err)
	}
	a, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Attribute])
	if errors.Is(err, pgx.ErrNoRows) {
		return Attribute{}, fault.Missing("there is no attribute %s", code)
	}
	if err != nil {
		return Attribute{}, fmt.Errorf("attribute %s: %w", code, err)
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
func List(ctx context.Context, db postgres.DB, after string, limit int) ([]Attribute, error) {
	rows, err := db.Query(ctx, listSQL, pgx.NamedArgs{"after": after, "limit": limit})
	if err != nil {
		return nil, fmt.Errorf("attributes: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Attribute])
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
	batch := &pgx.Batch{}
	found := queueDefinitions(batch, codes)
	if err := db.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("attribute definitions: %w", err)
	}
	return found, nil
}

// Writers of values share this lock, and whoever makes values impossible has it
// alone: a value is never stored of a type or an attribute that is no more.
const (
	holdSQL  = `select pg_advisory_xact_lock_shared(hashtext('catalog.attributes'))`
	claimSQL = `select pg_advisory_xact_lock(hashtext('catalog.attributes'))`
)

// Hold is Definitions for a writer of values: until its transaction ends no
// attribute is deleted or gets another type.
func Hold(ctx context.Context, tx pgx.Tx, codes []string) (map[string]Attribute, error) {
	batch := &pgx.Batch{}
	batch.Queue(holdSQL)
	found := queueDefinitions(batch, codes)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("attribute definitions: %w", err)
	}
	return found, nil
}

func queueDefinitions(batch *pgx.Batch, codes []string) map[string]Attribute {
	found := make(map[string]Attribute, len(codes))
	codes = slices.DeleteFunc(slices.Clone(codes), func(c string) bool { return !validCode(c) })
	batch.Queue(definitionsSQL, pgx.NamedArgs{"codes": codes}).Query(func(rows pgx.Rows) error {
		list, err := pgx.CollectRows(rows, pgx.RowToStructByNameLax[Attribute])
		for _, a := range list {
			found[a.Code] = a
		}
		return err
	})
	return found
}
