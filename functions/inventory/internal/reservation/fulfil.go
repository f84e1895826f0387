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

// servable is an order and the levels at which something of what it is owed is
// there.
type servable struct {
	OrderID   string
	SKUs      []string `db:"skus"`
	Locations []string
}

func (s servable) at(l *line) bool {
	for i := range s.SKUs {
		if s.SKUs[i] == l.SKU && s.Locations[i] == l.Location {
			return true
		}
	}
	return false
}

// Who paid first is served first, and nobody is found for whom nothing is left.
// The number of the reply to a payment tells when it was. The planner cannot
// know how few are owed anything: without subqueries for what belongs to each
// it reads all reservations.
const (
	readServable = `
	select order_id, array_agg(sku) as skus, array_agg(location) as locations` + owedLines + whoPaidFirst

	readServableOf = `
	select order_id, array_agg(sku) as skus, array_agg(location) as locations` + owedLines + `
				and l.sku = any(@skus)
				and (l.sku, l.location) in (
					select h.sku, h.location
					from inventory.on_hand h
					where h.sku = any(@skus)
				)` + whoPaidFirst

	owedLines = `
	from (
		select
			o.order_id,
			o.sku,
			o.location,
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
				-- Of a preorder very many may have paid, and nothing is there yet.
				and exists (
					select
					from inventory.on_hand h
					where h.sku = l.sku
						and h.location = l.location
				)`

	whoPaidFirst = `
		) o
	) s
	where before < on_hand
	group by order_id, paid
	order by paid, order_id
	limit @limit`
)

// Fulfil sells what orders are owed of the SKUs, or of all when there are none,
// and what has come in since they paid, in the order of their payments, and
// tells of each. It looks at up to limit orders in a transaction of its own,
// because it locks reservations before stock, and returns how many got
// something. It changes nothing of what is available: what goes from on hand
// goes from reserved too. A backorder is served where it is held; what comes in
// elsewhere has to be transferred.
func Fulfil(ctx context.Context, db postgres.DB, limit int, skus ...string) (n int, err error) {
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		n, err = fulfil(ctx, tx, limit, skus)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("fulfil what is owed: %w", err)
	}
	return n, nil
}

func fulfil(ctx context.Context, tx pgx.Tx, limit int, skus []string) (int, error) {
	sql := readServable
	if len(skus) > 0 {
		sql = readServableOf
	}
	rows, err := tx.Query(ctx, sql, pgx.NamedArgs{"limit": limit, "skus": skus})
	if err != nil {
		return 0, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[servable])
	if err != nil || len(found) == 0 {
		return 0, err
	}
	ids := make([]string, len(found))
	for i, f := range found {
		ids[i] = f.OrderID
	}
	records, err := lockAndRead(ctx, tx, ids)
	if err != nil {
		return 0, err
	}
	book, err := stock.Open(ctx, tx, skusOf(nil, records))
	if err != nil {
		return 0, err
	}
	sequences, err := outbox.Sequences(ctx, tx, len(found))
	if err != nil {
		return 0, err
	}
	var served []*record
	var events []event.Event
	for i, f := range found {
		r := records[f.OrderID]
		step := "fulfilled/" + strconv.FormatInt(sequences[i], 10)
		if !r.serve(book, stock.OfOrder(f.OrderID, step, "fulfilment"), f) {
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

// serve sells what the order is owed and was found, as far as it is still there:
// of what has come in elsewhere since, others may have paid first. Its stored
// replies stay as they are: a payment that is delivered again gets the answer
// that it got.
func (r *record) serve(book *stock.Book, cause stock.Cause, found servable) bool {
	var n int64
	for _, l := range r.lines {
		if l.Owed > 0 && found.at(l) {
			n += l.serve(book, cause)
		}
	}
	return n > 0
}
