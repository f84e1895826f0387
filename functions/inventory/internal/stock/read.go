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
func (s Stock) OnHand() int64 { return s.Total().OnHand }

// Reserved is the sum over all locations.
func (s Stock) Reserved() int64 { return s.Total().Reserved }

// Available is Total's.
func (s Stock) Available() int64 { return s.Total().Available() }

// Orderable is Total's.
func (s Stock) Orderable() int64 { return s.Total().Orderable() }

// Shortfall is the sum over all locations.
func (s Stock) Shortfall() int64 {
	var n int64
	for _, l := range s.Levels {
		n += l.Shortfall
	}
	return n
}

// Revision rises with every change of policy or on hand, at any location.
func (s Stock) Revision() int64 {
	n := s.Version
	for _, l := range s.Levels {
		n += l.Version
	}
	return n
}

// Total adds the locations up.
func (s Stock) Total() Total {
	t := Total{Policy: s.Policy, Overdue: s.Overdue}
	for _, l := range s.Levels {
		t.add(l.OnHand, l.Reserved, l.BackorderAllowance)
	}
	return t
}

// Total is a SKU as all locations together hold it: what can be ordered of it.
type Total struct {
	Policy
	OnHand             int64
	Reserved           int64
	BackorderAllowance int64
	Overdue            int64
}

func (t *Total) add(onHand, reserved, allowance int64) {
	t.OnHand += onHand
	t.Reserved += reserved
	t.BackorderAllowance += allowance
}

// Available is on hand − reserved + overdue − safety stock; negative where
// more is promised than there is.
func (t Total) Available() int64 { return t.OnHand - t.Reserved + t.Overdue - t.SafetyStock }

// Orderable is what a lock would get now: what is available and, while the
// policy allows it, what may be ordered beyond that.
func (t Total) Orderable() int64 {
	if !t.Track {
		return Unlimited
	}
	n := t.Available()
	if t.Beyond {
		n += t.BackorderAllowance
	}
	return max(n, 0)
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

// beyond judges a row s of inventory.stock.
const beyond = `
		case s.when_out_of_stock
			when 'backorder' then true
			when 'preorder' then coalesce(s.available_on > now(), true)
			else false
		end`

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
		s.version,` + beyond + ` as beyond,
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
	left join inventory.levels l on l.sku = s.sku and l.sku = any(@skus)
	left join inventory.locations p on p.code = l.location
	where s.sku = any(@skus)
	order by p.priority, l.location`

// Read finds the stock of SKUs in one statement; a SKU without stock is not in
// the answer.
func Read(ctx context.Context, db postgres.DB, skus []string) (map[string]Stock, error) {
	// What cannot be a SKU has no stock; PostgreSQL would not even read some of it.
	skus = slices.DeleteFunc(slices.Clone(skus), func(sku string) bool { return !ValidID(sku) })
	rows, err := db.Query(ctx, readStock, pgx.NamedArgs{"skus": skus})
	if err != nil {
		return nil, fmt.Errorf("read stock of %d skus: %w", len(skus), err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[stockRow])
	if err != nil {
		return nil, fmt.Errorf("read stock of %d skus: %w", len(skus), err)
	}
	return stocksOf(found), nil
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

// Where one location alone has enough, what is overdue changes no answer, and is
// not looked for; see ReadOverdue.
const readTotals = `
	select
		s.sku,
		s.track,
		s.when_out_of_stock,
		s.available_on,
		s.safety_stock,
		s.max_per_order,` + beyond + `,
		case
			when not s.track or l.on_hand - l.reserved - s.safety_stock >= $2 then 0
			else (
				select coalesce(sum(held), 0)::bigint
				from inventory.overdue
				where sku = s.sku
			)
		end,
		coalesce(l.on_hand, 0),
		coalesce(l.reserved, 0),
		coalesce(l.backorder_allowance, 0)
	from inventory.stock s
	left join inventory.levels l on l.sku = s.sku and l.sku = any($1)
	where s.sku = any($1)`

// QueueTotals reads, together with other queries, what Orderable and Available
// follow from and a buyer is told; of the policy no more than that. All of skus
// can be one. Of a SKU of which there is more than most, both may be less than
// there is, but not less than most.
func QueueTotals(batch *pgx.Batch, skus []string, most int64, into map[string]Total) {
	batch.Queue(readTotals, skus, most).Query(func(rows pgx.Rows) error {
		var t Total
		var overdue, onHand, reserved, allowance int64
		_, err := pgx.ForEachRow(rows, []any{
			&t.SKU, &t.Track, &t.WhenOutOfStock, &t.AvailableOn, &t.SafetyStock, &t.MaxPerOrder, &t.Beyond,
			&overdue, &onHand, &reserved, &allowance,
		}, func() error {
			sum, seen := into[t.SKU]
			if !seen {
				sum = t
			}
			sum.add(onHand, reserved, allowance)
			sum.Overdue = max(sum.Overdue, overdue) // each location knows all of it, or nothing
			into[t.SKU] = sum
			return nil
		})
		return err
	})
}

const listSKUs = `
	select sku
	from inventory.stock
	where sku > @after
	order by sku
	limit @limit`

// available is judged as Total.Available does.
const listLowSKUs = `
	select s.sku
	from inventory.stock s
	cross join lateral (
		select coalesce(sum(l.on_hand - l.reserved), 0) - s.safety_stock
			+ coalesce((select sum(o.held) from inventory.overdue o where o.sku = s.sku), 0) as available
		from inventory.levels l
		where l.sku = s.sku
	) a
	where s.sku > @after
		and s.track
		and a.available <= s.low_stock_threshold
	order by s.sku
	limit @limit`

// List is a page of all stock by SKU, from after one; lowOnly leaves out what
// is above its threshold.
func List(ctx context.Context, db postgres.DB, after string, lowOnly bool, limit int) ([]Stock, error) {
	sql := listSKUs
	if lowOnly {
		sql = listLowSKUs
	}
	rows, err := db.Query(ctx, sql, pgx.NamedArgs{"after": after, "limit": limit})
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
