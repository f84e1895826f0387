package main

import (
	"context"
	"time"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/idempotency"
	"github.com/mallhive/product-service/shared/postgres"
)

// orders is the table from the type of a CloudEvent to what it does. What is
// returned is the reply to the order service.
func orders(db postgres.DB, queue *reservation.Queue, wake func()) map[string]event.Handler {
	apply := func(ctx context.Context, e event.Event, m reservation.Message) (*event.Event, error) {
		m.Source, m.ID, m.Actor = e.Source, e.ID, e.Source
		return replied(wake)(reservation.Apply(ctx, db, m))
	}
	return map[string]event.Handler{
		event.OrderPlaced: func(ctx context.Context, e event.Event) (*event.Event, error) {
			var d event.OrderPlacedData
			if err := e.Decode(&d); err != nil {
				return nil, err
			}
			return replied(wake)(queue.Place(ctx, reservation.Order{
				ID: d.OrderID, Lines: d.Lines, ExpiresAt: d.ExpiresAt, AllowPartial: d.AllowPartial, Actor: e.Source,
			}))
		},
		event.OrderPaid: func(ctx context.Context, e event.Event) (*event.Event, error) {
			var d event.OrderPaidData
			if err := e.Decode(&d); err != nil {
				return nil, err
			}
			return apply(ctx, e, reservation.Message{Step: reservation.Paid, OrderID: d.OrderID, Lines: d.Lines})
		},
		event.OrderCancelled: func(ctx context.Context, e event.Event) (*event.Event, error) {
			var d event.OrderCancelledData
			if err := e.Decode(&d); err != nil {
				return nil, err
			}
			return apply(ctx, e, reservation.Message{Step: reservation.Cancelled, OrderID: d.OrderID, Lines: d.Lines, Reason: d.Reason})
		},
		event.OrderReturned: func(ctx context.Context, e event.Event) (*event.Event, error) {
			var d event.OrderReturnedData
			if err := e.Decode(&d); err != nil {
				return nil, err
			}
			return apply(ctx, e, reservation.Message{Step: reservation.Returned, OrderID: d.OrderID, Lines: d.Lines, Restock: d.Restock})
		},
		event.Ping: func(ctx context.Context, _ event.Event) (*event.Event, error) {
			return nil, tidy(ctx, db, wake)
		},
	}
}

func replied(wake func()) func(reservation.Answer, error) (*event.Event, error) {
	return func(a reservation.Answer, err error) (*event.Event, error) {
		if err != nil {
			return nil, err
		}
		if a.Appended {
			wake()
		}
		return &a.Reply, nil
	}
}

const (
	tidyBatch = 200
	tidyFor   = 8 * time.Second // within a delivery; the rest waits for the next tick
)

// tidy records what has expired, hands over what is owed and has come in, and
// forgets old Idempotency-Keys. Nothing that is available depends on it.
func tidy(ctx context.Context, db postgres.DB, wake func()) error {
	ctx, cancel := context.WithTimeout(ctx, tidyFor)
	defer cancel()
	if err := inBatches(ctx, db, wake, reservation.ExpireDue); err != nil {
		return err
	}
	if err := fulfil(ctx, db, wake); err != nil {
		return err
	}
	_, err := idempotency.Prune(ctx, db)
	return err
}

// fulfil hands over what orders are owed and has come in. Nothing hangs on when:
// what is owed is reserved until then.
func fulfil(ctx context.Context, db postgres.DB, wake func()) error {
	return inBatches(ctx, db, wake, func(ctx context.Context, db postgres.DB, limit int) (int, error) {
		return reservation.Fulfil(ctx, db, limit)
	})
}

func inBatches(ctx context.Context, db postgres.DB, wake func(), do func(context.Context, postgres.DB, int) (int, error)) error {
	for {
		n, err := do(ctx, db, tidyBatch)
		if err != nil {
			return err
		}
		if n > 0 {
			wake()
		}
		if n < tidyBatch {
			return nil
		}
	}
}
