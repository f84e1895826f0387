package reservation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/outbox"
)

const readMessage = `
	select reply
	from inventory.messages
	where order_id = @order_id
		and source = @source
		and id = @id`

// earlier is the answer to an earlier delivery of the message. The lock of the
// reservation is held, so two deliveries cannot both find none.
func earlier(ctx context.Context, tx pgx.Tx, m Message) (Answer, bool, error) {
	if m.ID == "" {
		return Answer{}, false, nil
	}
	var reply string
	err := tx.QueryRow(ctx, readMessage, pgx.NamedArgs{"order_id": m.OrderID, "source": m.Source, "id": m.ID}).Scan(&reply)
	if errors.Is(err, pgx.ErrNoRows) {
		return Answer{}, false, nil
	}
	if err != nil {
		return Answer{}, false, fmt.Errorf("read an earlier delivery: %w", err)
	}
	answer, err := repeat(m.OrderID, reply)
	return answer, true, err
}

const insertMessage = `
	insert into inventory.messages (order_id, source, id, step, reply)
	values (@order_id, @source, @id, @step, @reply::json)`

func queueMessage(batch *pgx.Batch, m Message, reply event.Event) {
	if m.ID != "" {
		batch.Queue(insertMessage, pgx.NamedArgs{
			"order_id": m.OrderID, "source": m.Source, "id": m.ID, "step": m.Step.String(), "reply": store(reply),
		})
	}
}

// repeatLast answers with the reply that led to the present state. It is
// remembered for this message: its redelivery gets it in any later state too.
func (r *record) repeatLast(ctx context.Context, tx pgx.Tx, m Message) (Answer, error) {
	reply := r.Settled
	if reply == nil {
		reply = r.Placed
	}
	answer, err := repeat(r.OrderID, *reply)
	if err != nil {
		return Answer{}, err
	}
	batch := &pgx.Batch{}
	queueMessage(batch, m, answer.Reply)
	if batch.Len() == 0 {
		return answer, nil
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return Answer{}, fmt.Errorf("remember a message: %w", err)
	}
	return answer, nil
}

// absent does what a message before its order does. A part of an order that is
// not there cannot be cancelled for good: it waits for the order.
func absent(ctx context.Context, tx pgx.Tx, m Message) (Answer, error) {
	outcome := OutcomeOf(m.Step, StandsNone)
	switch {
	case outcome.Do == Conflict:
		return Answer{}, fault.Clash(outcome.Reason, "no such order was placed")
	case outcome.Do == Wait || len(m.Lines) > 0:
		return Answer{}, &fault.Error{
			Kind: fault.Unavailable, Code: notArrived, Detail: "the order has not arrived yet", RetryAfter: time.Second,
		}
	default:
		return bury(ctx, tx, m)
	}
}

const insertTombstone = `
	insert into inventory.reservations (order_id, state, tombstone, settled)
	values (@order_id, 'released', true, @reply::json)
	on conflict do nothing`

// bury leaves a tombstone for an order whose cancel came first.
func bury(ctx context.Context, tx pgx.Tx, m Message) (Answer, error) {
	sequences, err := outbox.Sequences(ctx, tx, 1)
	if err != nil {
		return Answer{}, err
	}
	var now time.Time
	if err := tx.QueryRow(ctx, `select now()`).Scan(&now); err != nil {
		return Answer{}, err
	}
	data := event.ReservationData{OrderID: m.OrderID, State: string(Released), Lines: []event.ReservationLineData{}}
	reply, err := newReply(event.InventoryReleased, m.name(), now, sequences[0], data)
	if err != nil {
		return Answer{}, err
	}
	tag, err := tx.Exec(ctx, insertTombstone, pgx.NamedArgs{"order_id": m.OrderID, "reply": store(reply)})
	if err != nil {
		return Answer{}, fmt.Errorf("bury order %s: %w", m.OrderID, err)
	}
	if tag.RowsAffected() == 0 {
		return Answer{}, errAgain
	}
	batch := &pgx.Batch{}
	queueMessage(batch, m, reply)
	if batch.Len() > 0 {
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return Answer{}, fmt.Errorf("bury order %s: %w", m.OrderID, err)
		}
	}
	if m.Announce {
		err = outbox.Append(ctx, tx, reply)
	}
	return Answer{Reply: reply, Data: data, Appended: m.Announce}, err
}
