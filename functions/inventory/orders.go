package main

import (
	"context"
	"time"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/shared/event"
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
	tidyFor   = 8 * time.Second // within a delivery
	// tidyShare is what each part of a tick may take: after a sale one of them has
	// more to do, and must not keep the other from it. The rest waits for the next.
	tidyShare = 3 * time.Second
)

// tidy records what has expired and hands over what is owed and has come in.
// Nothing that is available depends on it.
func tidy(ctx context.Context, db postgres.DB, wake func()) error {
	ctx, cancel := context.WithTimeout(ctx, tidyFor)
	defer cancel()
	if err := inBatches(ctx, db, wake, tidyShare, reservation.ExpireDue); err != nil {
		return err
	}
	return fulfil(ctx, db, wake)
}

// fulfil hands over what orders are owed and has come in. Nothing hangs on when:
// what is owed is reserved until then.
func fulfil(ctx context.Context, db postgres.DB, wake func()) error {
	return inBatches(ctx, db, wake, tidyShare, func(ctx context.Context, db postgres.DB, limit int) (int, error) {
		return reservation.Fulfil(ctx, db, limit)
	})
}

func inBatches(ctx context.Context, db postgres.DB, wake func(), share time.Duration, do func(context.Context, postgres.DB, int) (int, error)) error {
	for began := time.Now(); ; {
		n, err := do(ctx, db, tidyBatch)
		if err != nil {
			return err
		}
		if n > 0 {
			wake()
		}
		if n < tidyBatch || time.Since(began) >= share {
			return nil
		}
	}
}
