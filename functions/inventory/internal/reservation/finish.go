package reservation

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
)

const finishReservations = `
	update inventory.reservations r
	set state = c.state, placed = c.placed::json
	from unnest(@ids::text[], @states::text[], @replies::text[]) as c (order_id, state, placed)
	where r.order_id = c.order_id`

const insertLines = `
	insert into inventory.reservation_lines (order_id, sku, location, held, sold, returned, expires_at)
	select *
	from unnest(@ids::text[], @skus::text[], @locations::text[], @held::bigint[], @sold::bigint[], @returned::bigint[], @expiries::timestamptz[])`

// finish writes what was decided: outcomes, lines, levels, ledger, outbox.
func finish(
	ctx context.Context, tx pgx.Tx, book *stock.Book, orders []Order, begun opening, decisions []Decision, expired []event.Event,
) error {
	var ids, states, replies []string
	var lines []*line
	var expiries []*time.Time
	announced := expired
	for i, o := range orders {
		p, isFresh := begun.fresh[o.ID]
		if !isFresh {
			continue
		}
		reply, text, err := p.reply(begun.now, begun.sequences[len(ids)])
		if err != nil {
			return err
		}
		decisions[i].Answer = Answer{Reply: reply, Data: p.document()}
		ids, states, replies = append(ids, o.ID), append(states, string(p.state)), append(replies, text)
		for _, l := range p.parts {
			lines, expiries = append(lines, l), append(expiries, &p.expires)
		}
		if o.Announce {
			reply.Traceparent = o.Traceparent
			announced = append(announced, reply)
		}
	}
	batch := &pgx.Batch{}
	batch.Queue(finishReservations, pgx.NamedArgs{"ids": ids, "states": states, "replies": replies})
	if len(lines) > 0 {
		batch.Queue(insertLines, lineArgs(lines, expiries))
	}
	appended, err := post(ctx, tx, book, batch, announced)
	for i := range decisions {
		decisions[i].Answer.Appended = appended
	}
	return err
}

// post sends the batch together with the book, then what is to be announced;
// it says whether there was anything.
func post(ctx context.Context, tx pgx.Tx, book *stock.Book, batch *pgx.Batch, announced []event.Event) (bool, error) {
	book.Queue(batch)
	if batch.Len() > 0 {
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return false, fmt.Errorf("write the outcome: %w", err)
		}
	}
	crossed, err := book.Announce(ctx, tx)
	if err != nil || len(announced) == 0 {
		return crossed, err
	}
	return true, outbox.Append(ctx, tx, announced...)
}
