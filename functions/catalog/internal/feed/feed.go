// Package feed is the feed of all that changes in the catalog: of each
// product, category, attribute and price the latest change, at a position that
// rises with commits. The database notes products, categories and attributes
// by itself; positions are given while a transaction commits, under one lock,
// so that nobody who reads on from a position misses anything. It owns
// catalog.changes and catalog.changes_under_way.
package feed

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

// The kinds of subjects.
const (
	Product   = "product"   // by id
	Category  = "category"  // by id
	Attribute = "attribute" // by code
	Price     = "price"     // by SKU
)

const appendPricesSQL = `
insert into catalog.changes_under_way (kind, subjects)
values ('price', @skus)`

// AppendPrices says in the caller's transaction that the prices of variants
// changed. Products, categories and attributes need no such call.
func AppendPrices(ctx context.Context, tx postgres.DB, skus ...string) error {
	if len(skus) == 0 {
		return nil
	}
	skus = slices.Compact(slices.Sorted(slices.Values(skus)))
	if _, err := tx.Exec(ctx, appendPricesSQL, pgx.NamedArgs{"skus": skus}); err != nil {
		return fmt.Errorf("append %d prices to the change feed: %w", len(skus), err)
	}
	return nil
}

// Change is the latest change of one subject.
type Change struct {
	Position  int64
	Kind      string
	Subject   string
	Slug      *string // of products and categories
	Version   *int64  // of all but prices
	Deleted   bool
	ChangedAt time.Time
}

const lastSQL = `
select coalesce(max(position), 0)
from catalog.changes`

const listSQL = `
select position, kind, subject, slug, version, deleted, changed_at
from catalog.changes
where position > @after
    and (@kinds::text[] is null or kind = any(@kinds))
order by position
limit @limit`

// List reads the changes after a position, in order; kinds may be nil for all.
// last is a position up to which nothing else can come to light.
func List(ctx context.Context, db postgres.DB, after int64, kinds []string, limit int) (list []Change, last int64, err error) {
	batch := &pgx.Batch{}
	// Read first: all that lies up to it is there to be listed.
	batch.Queue(lastSQL).QueryRow(func(row pgx.Row) error { return row.Scan(&last) })
	batch.Queue(listSQL, pgx.NamedArgs{"after": after, "kinds": kinds, "limit": limit}).Query(func(rows pgx.Rows) error {
		var err error
		list, err = pgx.CollectRows(rows, pgx.RowToStructByName[Change])
		return err
	})
	if err := db.SendBatch(ctx, batch).Close(); err != nil {
		return nil, 0, fmt.Errorf("changes after %d: %w", after, err)
	}
	return list, last, nil
}
