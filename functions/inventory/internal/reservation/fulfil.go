package reservation

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
)

// Who paid first is served first, and nobody is found for whom nothing is left.
// The number of the reply to a payment tells when it was. The planner cannot
// know how few are owed anything: without subqueries for what belongs to each
// it reads all reservations.
const readServable = `
	select order_id
	from (
		select
			o.order_id,
			o.paid,
			o.on_hand,
			sum(o.owed) over (partition by o.sku, o.location order by o.paid, o.order_id) - o.owed as before
		from (
			select
				l.order_id,
				l.sku,
				l.location,
				case when l.expires_at is null then l.held else l.owed end as owed,
				(
					select coalesce((r.settled ->> 'sequence')::bigint, 0)
					from inventory.reservations r
					where r.order_id = l.order_id
				) as paid,
				(
					select h.on_hand
					from inventory.on_hand h
					where h.sku = l.sku
						and h.location = l.location
				) as on_hand
			from inventory.reservation_lines l
			where l.held > 0 and (l.expires_at is null or l.owed > 0)
		) o
	) s
	where before < on_hand
	group by order_id, paid
	order by paid, order_id
	limit @limit`

// Fulfil sells what orders are owed and what has come in since they paid, in the
// order of their payments, and tells of each. It looks at up to limit orders in
// a transaction of its own, because it locks reservations before stock, and
// returns how many got something. It changes nothing of what is available: what
// goes from on hand goes from reserved too. A backorder is served where it is
// held; what comes in elsewhere has to be transferred.
func Fulfil(ctx context.Context, db postgres.DB, limit int) (n int, err error) {
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		n, err = fulfil(ctx, tx, limit)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("fulfil what is owed: %w", err)
	}
	return n, nil
}

func fulfil(ctx context.Context, tx pgx.Tx, limit int) (int, error) {
	rows, err := tx.Query(ctx, readServable, pgx.NamedArgs{"limit": limit})
	if err != nil {
		return 0, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	records, err := lockAndRead(ctx, tx, ids)
	if err != nil {
		return 0, err
	}
	book, err := stock.Open(ctx, tx, skusOf(nil, records))
	if err != nil {
		return 0, err
	}
	sequences, err := outbox.Sequences(ctx, tx, len(ids))
	if err != nil {
		return 0, err
	}
	var served []*record
	var events []event.Event
	for i, id := range ids {
		r := records[id]
		step := "fulfilled/" + strconv.FormatInt(sequences[i], 10)
		if !r.serve(book, stock.OfOrder(id, step, "fulfilment")) {
			continue // since they were found, somebody else has served or released it
		}
		data, err := r.document()
		if err != nil {
			return 0, err
		}
		told, err := newReply(event.InventoryCommitted, step, r.Now, sequences[i], data)
		if err != nil {
			return 0, err
		}
		served, events = append(served, r), append(events, told)
	}
	batch := &pgx.Batch{}
	queueRecords(batch, served)
	_, err = post(ctx, tx, book, batch, events)
	return len(served), err
}

// serve sells what the order is owed, as far as it is there. Its stored replies
// stay as they are: a payment that is delivered again gets the answer that it
// got.
func (r *record) serve(book *stock.Book, cause stock.Cause) bool {
	var n int64
	for _, l := range r.lines {
		if l.Owed > 0 {
			n += l.serve(book, cause)
		}
	}
	return n > 0
}
