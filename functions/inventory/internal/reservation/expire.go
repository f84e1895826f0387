package reservation

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
)

// The oldest first, and no more than what is short.
const readOverdueFor = `
	select distinct order_id
	from (
		select
			o.order_id,
			n.quantity,
			sum(o.held) over (partition by o.sku order by o.expires_at, o.order_id, o.location) - o.held as before
		from unnest(@skus::text[], @quantities::bigint[]) as n (sku, quantity)
		join inventory.overdue o on o.sku = n.sku and o.sku = any(@skus)
	) o
	where before < quantity`

// overdueFor locks the reservations whose expiry gives what is short. It is
// called before any stock is locked.
func overdueFor(ctx context.Context, tx pgx.Tx, short needed, also ...string) (map[string]*record, error) {
	ids := also
	if len(short) > 0 {
		skus := slices.Collect(maps.Keys(short))
		quantities := make([]int64, len(skus))
		for i, sku := range skus {
			quantities[i] = short[sku]
		}
		rows, err := tx.Query(ctx, readOverdueFor, pgx.NamedArgs{"skus": skus, "quantities": quantities})
		if err != nil {
			return nil, fmt.Errorf("find overdue reservations: %w", err)
		}
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return nil, fmt.Errorf("find overdue reservations: %w", err)
		}
		ids = append(ids, found...)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return lockAndRead(ctx, tx, ids)
}

// expireInto records the expiry of those records that are still overdue now
// that they are locked, and returns the events that tell of it. The caller
// posts the book and appends the events.
func expireInto(ctx context.Context, tx pgx.Tx, book *stock.Book, records map[string]*record) ([]event.Event, error) {
	var due []*record
	for _, id := range slices.Sorted(maps.Keys(records)) {
		if records[id].Overdue {
			due = append(due, records[id])
		}
	}
	if len(due) == 0 {
		return nil, nil
	}
	sequences, err := outbox.Sequences(ctx, tx, len(due))
	if err != nil {
		return nil, err
	}
	events := make([]event.Event, len(due))
	for i, r := range due {
		if events[i], err = r.expire(book, sequences[i]); err != nil {
			return nil, err
		}
	}
	batch := &pgx.Batch{}
	queueRecords(batch, due)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("record %d expiries: %w", len(due), err)
	}
	return events, nil
}

const expiring = "expired"

func (r *record) expire(book *stock.Book, sequence int64) (event.Event, error) {
	cause := stock.OfOrder(r.OrderID, expiring, "expiry")
	r.State = r.whenOver()
	for _, l := range r.lines {
		book.Unreserve(cause, stock.Expire, l.SKU, l.Location, l.Held-l.Owed)
		l.Held = l.Owed
	}
	r.Overdue, r.ExpiresAt = false, nil
	data, err := r.document()
	if err != nil {
		return event.Event{}, err
	}
	reply, err := newReply(event.InventoryExpired, expiring, r.Now, sequence, data)
	if err != nil {
		return event.Event{}, err
	}
	r.settle(reply)
	return reply, nil
}

// whenOver is the state of a reservation whose time is over, recorded or not:
// with a part of it paid for, the rest is gone and the part stays.
func (r *record) whenOver() State {
	if slices.ContainsFunc(r.lines, func(l *line) bool { return l.Sold > 0 || l.Owed > 0 }) {
		return Committed
	}
	return Expired
}

// settle keeps the reply that led to the present state, or, of an order that
// is paid for in parts, to the newest part.
func (r *record) settle(reply event.Event) {
	if reply.Type == replyType(r.State) || reply.Type == event.InventoryCommitted {
		text := store(reply)
		r.Settled = &text
	}
}

// Those that somebody else is busy with are left to them.
const dueReservations = `
	select order_id
	from inventory.reservations
	where state in ('locked', 'partially_locked')
		and expires_at <= now()
	order by expires_at
	limit @limit
	for update skip locked`

// ExpireDue records the expiry of up to limit reservations in one transaction
// and returns how many there were. Nothing depends on it: it tidies up.
func ExpireDue(ctx context.Context, db postgres.DB, limit int) (n int, err error) {
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, dueReservations, pgx.NamedArgs{"limit": limit})
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if n = len(ids); err != nil || n == 0 {
			return err
		}
		due, err := lockAndRead(ctx, tx, ids)
		if err != nil {
			return err
		}
		book, err := stock.Open(ctx, tx, skusOf(nil, due))
		if err != nil {
			return err
		}
		events, err := expireInto(ctx, tx, book, due)
		if err != nil {
			return err
		}
		_, err = post(ctx, tx, book, &pgx.Batch{}, events)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("expire due reservations: %w", err)
	}
	return n, nil
}
