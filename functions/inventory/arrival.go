package main

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/shared/postgres"
)

// whatComesIn is told to callers of everything that can bring stock.
const whatComesIn = " What comes in goes on to the orders that have paid for it and wait, who paid first before the others, " +
	"right after this change and as sales of their own: the answer is the stock before them, and they raise its version."

// handOverWithin bounds what a caller waits for after the own change is done.
const handOverWithin = 3 * time.Second

// handOver is called when a change that may have brought stock is committed. It
// gives what came in to those who are owed it, and wakes the relay. That is no
// part of the change: it locks reservations, and they come before stock. What it
// leaves, because it fails or they are many, is done at the next tick.
func handOver(db postgres.DB, log *zap.Logger, wake func()) func(ctx context.Context, skus ...string) {
	return func(ctx context.Context, skus ...string) {
		defer wake()
		if len(skus) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handOverWithin)
		defer cancel()
		if _, err := reservation.Fulfil(ctx, db, tidyBatch, skus...); err != nil {
			log.Warn("what came in is handed over at the next tick only", zap.Error(err))
		}
	}
}
