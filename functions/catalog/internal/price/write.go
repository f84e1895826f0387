package price

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

const endSQL = `
update catalog.prices p
set ends_at = r.ends_at,
    cancelled_at = r.cancelled_at
from json_to_recordset(@rows) as r (id uuid, ends_at timestamptz, cancelled_at timestamptz)
where p.id = r.id`

const insertSQL = `
insert into catalog.prices (id, variant_id, currency, kind, amount, compare_at, starts_at, ends_at, cancelled_at)
select id, variant_id, currency, kind, amount, compare_at, starts_at, ends_at, cancelled_at
from json_to_recordset(@rows) as r (
    id uuid, variant_id uuid, currency text, kind text, amount bigint, compare_at bigint,
    starts_at timestamptz, ends_at timestamptz, cancelled_at timestamptz)`

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
		if len(w.rows) == 0 {
			continue
		}
		rows, err := json.Marshal(w.rows)
		if err != nil {
			return fmt.Errorf("write prices: %w", err)
		}
		batch.Queue(w.sql, pgx.NamedArgs{"rows": string(rows)})
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
