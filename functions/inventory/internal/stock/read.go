package stock

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

// Stock is a SKU as it stands: its policy, its levels by priority, and what
// follows from them.
type Stock struct {
	Policy
	Levels []Level
	// Overdue is held by reservations past their expiry, so it is free.
	Overdue int64
}

// OnHand is the sum over all locations.
func (s Stock) OnHand() int64 { return s.sum(func(l Level) int64 { return l.OnHand }) }

// Reserved is the sum over all locations.
func (s Stock) Reserved() int64 { return s.sum(func(l Level) int64 { return l.Reserved }) }

// Shortfall is the sum over all locations.
func (s Stock) Shortfall() int64 { return s.sum(func(l Level) int64 { return l.Shortfall }) }

// Revision rises with every change of policy or on hand, at any location.
func (s Stock) Revision() int64 {
	return s.Version + s.sum(func(l Level) int64 { return l.Version })
}

// Available is on hand − reserved + overdue − safety stock; negative where
// more is promised than there is.
func (s Stock) Available() int64 { return s.OnHand() - s.Reserved() + s.Overdue - s.SafetyStock }

// Orderable is what a lock would get now: what is available and, while the
// policy allows it, what may be ordered beyond that.
func (s Stock) Orderable() int64 {
	if !s.Track {
		return Unlimited
	}
	n := s.Available()
	if s.Beyond {
		n += s.sum(func(l Level) int64 { return l.BackorderAllowance })
	}
	return max(n, 0)
}

func (s Stock) sum(of func(Level) int64) int64 {
	var n int64
	for _, l := range s.Levels {
		n += of(l)
	}
	return n
}

type stockRow struct {
	Policy
	Held               int64
	Location           *string
	Priority           *int32
	OnHand             int64
	Reserved           int64
	BackorderAllowance int64
	Shortfall          int64
	LevelVersion       int64
}

const readStock = `
	select
		s.sku,
		s.track,
		s.when_out_of_stock,
		s.backorder_limit,
		s.available_on,
		s.safety_stock,
		s.low_stock_threshold,
		s.max_per_order,
		s.incoming,
		s.version,
		case s.when_out_of_stock
			when 'backorder' then true
			when 'preorder' then coalesce(s.available_on > now(), true)
			else false
		end as beyond,
		o.held,
		l.location,
		p.priority,
		coalesce(l.on_hand, 0) as on_hand,
		coalesce(l.reserved, 0) as reserved,
		coalesce(l.backorder_allowance, 0) as backorder_allowance,
		coalesce(l.shortfall, 0) as shortfall,
		coalesce(l.version, 0) as level_version
	from inventory.stock s
	cross join lateral (
		select coalesce(sum(held), 0)::bigint as held
		from inventory.overdue
		where sku = s.sku
	) o
	left join inventory.levels l on l.sku = s.sku
	left join inventory.locations p on p.code = l.location
	where s.sku = any(@skus)
	order by p.priority, l.location`

// Read finds the stock of SKUs in one statement; a SKU without stock is not in
// the answer.
func Read(ctx context.Context, db postgres.DB, skus []string) (map[string]Stock, error) {
	batch := &pgx.Batch{}
	var all map[string]Stock
	QueueRead(batch, skus, &all)
	if err := db.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("read stock of %d skus: %w", len(skus), err)
	}
	return all, nil
}

// QueueRead lets Read go together with other queries.
func QueueRead(batch *pgx.Batch, skus []string, into *map[string]Stock) {
	// What cannot be a SKU has no stock; PostgreSQL would not even read some of it.
	skus = slices.DeleteFunc(slices.Clone(skus), func(sku string) bool { return !ValidID(sku) })
	batch.Queue(readStock, pgx.NamedArgs{"skus": skus}).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowToStructByName[stockRow])
		*into = stocksOf(found)
		return err
	})
}

func stocksOf(rows []stockRow) map[string]Stock {
	all := make(map[string]Stock, len(rows))
	for _, r := range rows {
		s, seen := all[r.SKU]
		if !seen {
			s = Stock{Policy: r.Policy, Overdue: r.Held}
		}
		if r.Location != nil {
			s.Levels = append(s.Levels, Level{
				SKU: r.SKU, Location: *r.Location, Priority: *r.Priority, OnHand: r.OnHand, Reserved: r.Reserved,
				BackorderAllowance: r.BackorderAllowance, Shortfall: r.Shortfall, Version: r.LevelVersion,
			})
		}
		all[r.SKU] = s
	}
	return all
}

// available is judged as Stock.Available does.
const listSKUs = `
	select s.sku
	from inventory.stock s
	cross join lateral (
		select coalesce(sum(l.on_hand - l.reserved), 0) - s.safety_stock
			+ coalesce((select sum(o.held) from inventory.overdue o where o.sku = s.sku), 0) as available
		from inventory.levels l
		where l.sku = s.sku
	) a
	where s.sku > @after
		and (not @low or s.track and a.available <= s.low_stock_threshold)
	order by s.sku
	limit @limit`

// List is a page of all stock by SKU, from after one; lowOnly leaves out what
// is above its threshold.
func List(ctx context.Context, db postgres.DB, after string, lowOnly bool, limit int) ([]Stock, error) {
	rows, err := db.Query(ctx, listSKUs, pgx.NamedArgs{"after": after, "low": lowOnly, "limit": limit})
	if err != nil {
		return nil, fmt.Errorf("list stock: %w", err)
	}
	skus, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list stock: %w", err)
	}
	found, err := Read(ctx, db, skus)
	if err != nil {
		return nil, err
	}
	page := make([]Stock, 0, len(skus))
	for _, sku := range skus {
		page = append(page, found[sku])
	}
	return page, nil
}
