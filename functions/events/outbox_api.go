package main

import (
	"context"

	"github.com/mallhive/product-service/functions/events/internal/relay"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
)

// drainOn sends the outbox while the delivery that asked for it is open, for
// a function that may scale to zero works only then. What does not fit into
// one delivery goes on in the next.
func drainOn(r *relay.Relay, waker *outbox.Waker) event.Handler {
	return func(ctx context.Context, _ event.Event) (*event.Event, error) {
		report, err := r.Drain(ctx)
		if report.More {
			waker.Wake()
		}
		return nil, err
	}
}
