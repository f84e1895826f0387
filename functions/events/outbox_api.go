package main

import (
	"context"

	"go.uber.org/zap"

	"github.com/mallhive/product-service/functions/events/internal/relay"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
)

// drainOn sends the outbox while the delivery that asked for it is open, for
// a function that may scale to zero works only then. What does not fit into
// one delivery goes on in the next.
func drainOn(r *relay.Relay, waker *outbox.Waker, count func(context.Context, relay.Report)) event.Handler {
	return func(ctx context.Context, _ event.Event) (*event.Event, error) {
		report, err := r.Drain(ctx)
		count(ctx, report)
		if report.More {
			waker.Wake()
		}
		return nil, err
	}
}

// logTrouble tells operators which event waits and why, and which has become a
// dead letter.
func logTrouble(log *zap.Logger) func(event.Event, int, event.Receipt) {
	return func(e event.Event, attempts int, receipt event.Receipt) {
		fields := append(event.LogFields(e),
			zap.Int("attempts", attempts), zap.Int("status", receipt.Status), zap.String("reason", receipt.Reason))
		if receipt.Outcome == event.Refused {
			log.Error("the broker refuses an event; it is a dead letter now", fields...)
			return
		}
		log.Warn("an event could not be sent and waits", fields...)
	}
}
