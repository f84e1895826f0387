package stock

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

// Difference is a level that does not agree with its ledger, or with what
// reservations hold of it.
type Difference struct {
	SKU            string
	Location       string
	OnHand         int64
	LedgerOnHand   int64
	Reserved       int64
	LedgerReserved int64
	Held           int64
}

// One statement, so that all three are of one moment.
const audit = `
	select
		sku,
		location,
		coalesce(l.on_hand, 0) as on_hand,
		coalesce(m.on_hand, 0) as ledger_on_hand,
		coalesce(l.reserved, 0) as reserved,
		coalesce(m.reserved, 0) as ledger_reserved,
		coalesce(h.held, 0) as held
	from inventory.levels l
	full join (
		select sku, location, sum(on_hand_delta)::bigint as on_hand, sum(reserved_delta)::bigint as reserved
		from inventory.movements
		group by sku, location
	) m using (sku, location)
	full join inventory.holdings h using (sku, location)
	where coalesce(l.on_hand, 0) <> coalesce(m.on_hand, 0)
		or coalesce(l.reserved, 0) <> coalesce(m.reserved, 0)
		or coalesce(l.reserved, 0) <> coalesce(h.held, 0)
	order by sku, location
	limit @limit`

// Audit compares every level with its ledger and with what reservations hold;
// it finds nothing, always. It reads the whole ledger.
func Audit(ctx context.Context, db postgres.DB, limit int) ([]Difference, error) {
	var found []Difference
	batch := &pgx.Batch{}
	batch.Queue(postgres.Whole)
	batch.Queue(audit, pgx.NamedArgs{"limit": limit}).Query(func(rows pgx.Rows) (err error) {
		found, err = pgx.CollectRows(rows, pgx.RowToStructByName[Difference])
		return err
	})
	if err := db.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return found, nil
}
