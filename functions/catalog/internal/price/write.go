package price

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

const endSQL = `
update catalog.prices p
set ends_at = r.ends_at,
    cancelled_at = r.cancelled_at
from unnest(@ids::uuid[], @ends::timestamptz[], @cancelled::timestamptz[]) as r (id, ends_at, cancelled_at)
where p.id = r.id`

const insertSQL = `
insert into catalog.prices (id, variant_id, currency, kind, amount, compare_at, starts_at, ends_at, cancelled_at)
select id, variant_id, currency, kind, amount, compare_at, starts_at, ends_at, cancelled_at
from unnest(
    @ids::uuid[], @variants::uuid[], @currencies::text[], @kinds::text[], @amounts::bigint[], @compare::bigint[],
    @starts::timestamptz[], @ends::timestamptz[], @cancelled::timestamptz[]
) as r (id, variant_id, currency, kind, amount, compare_at, starts_at, ends_at, cancelled_at)`

// columns is the rows, column by column.
func columns(rows []Row) pgx.NamedArgs {
	n := len(rows)
	ids, variants, currencies, kinds := make([]uuid.UUID, n), make([]uuid.UUID, n), make([]string, n), make([]string, n)
	amounts, compare := make([]int64, n), make([]*int64, n)
	starts, ends, cancelled := make([]time.Time, n), make([]*time.Time, n), make([]*time.Time, n)
	for i, r := range rows {
		ids[i], variants[i], currencies[i], kinds[i] = r.ID, r.VariantID, r.Currency, r.Kind
		amounts[i], compare[i] = r.Amount, r.CompareAt
		starts[i], ends[i], cancelled[i] = r.StartsAt, r.EndsAt, r.CancelledAt
	}
	return pgx.NamedArgs{
		"ids": ids, "variants": variants, "currencies": currencies, "kinds": kinds, "amounts": amounts, "compare": compare,
		"starts": starts, "ends": ends, "cancelled": cancelled,
	}
}

// Write writes the changes of the book. The database refuses what would
// overlap: fault.Conflict.
func (b *Book) Write(ctx context.Context, tx pgx.Tx) error {
	// What ends first makes room for what lasts longer and what is new.
	var shorter, longer, fresh []Row
	seen := map[*entry]bool{}
	for _, e := range b.changed {
		if seen[e] {
			continue
		}
		seen[e] = true
		switch {
		case e.fresh:
			fresh = append(fresh, e.Row)
		case e.CancelledAt == nil && e.until != nil && !e.endsBy(*e.until):
			longer = append(longer, e.Row)
		default:
			shorter = append(shorter, e.Row)
		}
	}
	batch := &pgx.Batch{}
	for _, w := range []struct {
		sql  string
		rows []Row
	}{{endSQL, shorter}, {endSQL, longer}, {insertSQL, fresh}} {
		if len(w.rows) > 0 {
			batch.Queue(w.sql, columns(w.rows))
		}
	}
	if batch.Len() == 0 {
		return nil
	}
	err := tx.SendBatch(ctx, batch).Close()
	if postgres.IsUnique(err, "prices_overlap") {
		clash := fault.Clash("price_overlap", "another price of this kind holds within that time")
		clash.Cause = err
		return clash
	}
	if err != nil {
		return fmt.Errorf("write prices: %w", err)
	}
	return nil
}

// Told is the prices that were set, scheduled, cancelled or ended without
// another to follow, each once and as it is now.
func (b *Book) Told() []Row {
	var rows []Row
	seen := map[*entry]bool{}
	for _, e := range b.told {
		if !seen[e] {
			rows = append(rows, e.Row)
		}
		seen[e] = true
	}
	return rows
}
