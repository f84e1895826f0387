package stock

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

const lockLevels = `
	select
		l.sku,
		l.location,
		l.on_hand,
		l.reserved,
		l.backorder_allowance,
		l.shortfall,
		l.version,
		p.priority
	from inventory.levels l
	join inventory.locations p on p.code = l.location
	where l.sku = any(@skus)
	order by l.sku, l.location
	for update of l`

const readPolicies = `
	select
		sku,
		track,
		when_out_of_stock,
		backorder_limit,
		available_on,
		safety_stock,
		low_stock_threshold,
		max_per_order,
		incoming,
		version,
		case when_out_of_stock
			when 'backorder' then true
			when 'preorder' then coalesce(available_on > now(), true)
			else false
		end as beyond
	from inventory.stock
	where sku = any(@skus)`

// Open locks every level of the SKUs, in the one order that all writers keep.
// The rest is read after the locks are held, so that it is as new as they are.
func Open(ctx context.Context, tx postgres.DB, skus []string) (*Book, error) {
	batch := &pgx.Batch{}
	b := QueueOpen(batch, skus)
	if batch.Len() == 0 {
		return b, nil
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("lock the levels of %d skus: %w", len(skus), err)
	}
	return b, nil
}

// QueueOpen is Open as a part of the caller's batch: the book can be used when
// that was sent.
func QueueOpen(batch *pgx.Batch, skus []string) *Book {
	b := &Book{pages: make(map[string]*page, len(skus))}
	if len(skus) == 0 {
		return b
	}
	var levels []Level
	args := postgres.Named{"skus": skus}
	batch.Queue(lockLevels, args).Query(func(rows pgx.Rows) (err error) {
		levels, err = pgx.CollectRows(rows, pgx.RowToStructByName[Level])
		return err
	})
	batch.Queue(readPolicies, args).Query(func(rows pgx.Rows) error {
		policies, err := pgx.CollectRows(rows, pgx.RowToStructByName[Policy])
		if err != nil {
			return err // the levels belong to policies
		}
		for _, p := range policies {
			b.pages[p.SKU] = &page{Policy: p}
		}
		b.enter(levels)
		return nil
	})
	return b
}

const readOverdue = `
	select sku, sum(held)::bigint as held
	from inventory.overdue
	where sku = any(@skus)
	group by sku`

// ReadOverdue reads what reservations past their expiry still hold of the SKUs:
// free for whoever records their expiry. Only who is short needs to know, and
// after a night without anybody to record them there may be many.
func (b *Book) ReadOverdue(ctx context.Context, tx postgres.DB, skus []string) error {
	rows, err := tx.Query(ctx, readOverdue, pgx.NamedArgs{"skus": skus})
	if err != nil {
		return fmt.Errorf("read what is overdue: %w", err)
	}
	var sku string
	var held int64
	_, err = pgx.ForEachRow(rows, []any{&sku, &held}, func() error {
		b.pages[sku].overdue = held
		return nil
	})
	if err != nil {
		return fmt.Errorf("read what is overdue: %w", err)
	}
	return nil
}
