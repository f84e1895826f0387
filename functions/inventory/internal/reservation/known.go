package reservation

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/outbox"
)

type known struct {
	OrderID     string
	State       State
	Tombstone   bool
	Fingerprint []byte
	Placed      *string
	Now         time.Time
}

const readKnown = `
	select order_id, state, tombstone, fingerprint, placed, now() as now
	from inventory.reservations
	where order_id = any(@ids)
	order by order_id`

// answerKnown answers the orders that were there before.
func answerKnown(ctx context.Context, tx pgx.Tx, orders []Order, fresh map[string]*placing, decisions []Decision) error {
	var ids []string
	at := map[string]int{}
	for i, o := range orders {
		if fresh[o.ID] == nil {
			ids = append(ids, o.ID)
			at[o.ID] = i
		}
	}
	if len(ids) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, readKnown, pgx.NamedArgs{"ids": ids})
	if err != nil {
		return fmt.Errorf("read %d orders that came before: %w", len(ids), err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[known])
	if err != nil {
		return fmt.Errorf("read %d orders that came before: %w", len(ids), err)
	}
	for _, k := range found {
		i := at[k.OrderID]
		if decisions[i].Answer, err = k.answer(ctx, tx, orders[i]); err == nil {
			continue
		}
		if !fault.Is(err, fault.Conflict) {
			return err
		}
		decisions[i].Err = err
	}
	return nil
}

func (k known) answer(ctx context.Context, tx pgx.Tx, o Order) (Answer, error) {
	lines := summed(o.Lines)
	step := Placed
	if k.Fingerprint != nil && !bytes.Equal(k.Fingerprint, fingerprint(lines)) {
		step = PlacedOtherwise
	}
	outcome := OutcomeOf(step, standingOf(k.State, k.Tombstone))
	switch {
	case outcome.Do == Conflict:
		return Answer{}, fault.Clash(outcome.Reason, "the order is known with other lines")
	case k.Placed != nil:
		return repeat(k.OrderID, *k.Placed)
	default:
		return k.rejectLate(ctx, tx, o, lines, outcome.Reason)
	}
}

const rejectTombstone = `
	update inventory.reservations
	set placed = coalesce(placed, @reply::json), updated_at = now()
	where order_id = @order_id
	returning placed`

// rejectLate answers an order that was cancelled before it was placed. Of
// several deliveries at once the first one's reply is everyone's.
func (k known) rejectLate(ctx context.Context, tx pgx.Tx, o Order, lines []event.OrderLine, reason string) (Answer, error) {
	data := event.ReservationData{OrderID: o.ID, State: string(Rejected), Reason: reason}
	for _, l := range lines {
		data.Lines = append(data.Lines, event.ReservationLineData{SKU: l.SKU, Requested: l.Quantity, Reason: reason})
	}
	sequences, err := outbox.Sequences(ctx, tx, 1)
	if err != nil {
		return Answer{}, err
	}
	reply, err := newReply(event.InventoryRejected, Placed.String(), k.Now, sequences[0], data)
	if err != nil {
		return Answer{}, err
	}
	text := store(reply)
	var placed string
	if err := tx.QueryRow(ctx, rejectTombstone, pgx.NamedArgs{"order_id": o.ID, "reply": text}).Scan(&placed); err != nil {
		return Answer{}, fmt.Errorf("reject late order %s: %w", o.ID, err)
	}
	answer, err := repeat(o.ID, placed)
	if err != nil || placed != text {
		return answer, err
	}
	answer.Repeated = false
	if o.Announce {
		answer.Appended = true
		return answer, outbox.Append(ctx, tx, answer.Reply)
	}
	return answer, nil
}
