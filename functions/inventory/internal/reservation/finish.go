package reservation

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
)

// An order that somebody else decided meanwhile is refused by the primary key,
// and with it the whole batch.
const insertReservations = `
	insert into inventory.reservations (order_id, state, fingerprint, expires_at, placed)
	select order_id, state, fingerprint, expires_at, placed::json
	from unnest(@ids::text[], @states::text[], @fingerprints::bytea[], @expiries::timestamptz[], @replies::text[])
		as n (order_id, state, fingerprint, expires_at, placed)
	order by order_id`

const insertLines = `
	insert into inventory.reservation_lines (order_id, sku, location, held, expires_at)
	select *
	from unnest(@ids::text[], @skus::text[], @locations::text[], @held::bigint[], @expiries::timestamptz[])`

// finish is what writes the decisions: outcomes, lines, levels, ledger, outbox.
func (r *round) finish(ctx context.Context, expired []event.Event) (*pgx.Batch, error) {
	var ids, states, replies []string
	var prints [][]byte
	var expiries, lineExpiries []*time.Time
	var lines []*line
	announced := expired
	for i, o := range r.orders {
		p, isFresh := r.fresh[o.ID]
		if !isFresh {
			continue
		}
		reply, text, err := p.reply(r.now, r.sequences[len(ids)])
		if err != nil {
			return nil, err
		}
		r.decisions[i].Answer = Answer{Reply: reply, Data: p.document()}
		ids, states, replies = append(ids, o.ID), append(states, string(p.state)), append(replies, text)
		prints, expiries = append(prints, p.print), append(expiries, &p.expires)
		for _, l := range p.parts {
			lines, lineExpiries = append(lines, l), append(lineExpiries, &p.expires)
		}
		if o.Announce {
			reply.Traceparent = o.Traceparent
			announced = append(announced, reply)
		}
	}
	batch := &pgx.Batch{}
	if len(ids) > 0 {
		batch.Queue(insertReservations, postgres.Named{
			"ids": ids, "states": states, "fingerprints": prints, "expiries": expiries, "replies": replies,
		})
	}
	if len(lines) > 0 {
		batch.Queue(insertLines, newLineArgs(lines, lineExpiries))
	}
	appended, err := queueBook(ctx, batch, r.book, announced)
	for i := range r.decisions {
		r.decisions[i].Answer.Appended = r.decisions[i].Answer.Appended || appended
	}
	return batch, err
}

func newLineArgs(lines []*line, expiries []*time.Time) postgres.Named {
	n := len(lines)
	ids, skus, locations, held := make([]string, n), make([]string, n), make([]string, n), make([]int64, n)
	for i, l := range lines {
		ids[i], skus[i], locations[i], held[i] = l.OrderID, l.SKU, l.Location, l.Held
	}
	return postgres.Named{"ids": ids, "skus": skus, "locations": locations, "held": held, "expiries": expiries}
}

// post sends the batch together with the book and what is to be announced; it
// says whether there was anything of the last.
func post(ctx context.Context, tx pgx.Tx, book *stock.Book, batch *pgx.Batch, announced []event.Event) (bool, error) {
	appended, err := queueBook(ctx, batch, book, announced)
	if err != nil || batch.Len() == 0 {
		return false, err
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return false, fmt.Errorf("write the outcome: %w", err)
	}
	return appended, nil
}

func queueBook(ctx context.Context, batch *pgx.Batch, book *stock.Book, announced []event.Event) (bool, error) {
	book.Queue(batch)
	crossed, err := book.Announce(ctx, postgres.Later(batch))
	if err != nil {
		return false, err
	}
	return crossed || len(announced) > 0, outbox.Append(ctx, postgres.Later(batch), announced...)
}
