package reservation

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Extend lets a running reservation hold for so long from now; zero means the
// usual time. It never shortens, and in all a lock holds no longer than the
// rules allow, however often it is extended. One that runs no longer is a fault
// of kind Conflict.
func Extend(ctx context.Context, db postgres.DB, rules Rules, orderID string, hold time.Duration) (event.ReservationData, error) {
	if hold == 0 {
		hold = rules.TTL
	}
	var data event.ReservationData
	err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		records, err := lockAndRead(ctx, tx, []string{orderID})
		if err != nil {
			return err
		}
		r := records[orderID]
		if r == nil {
			return fault.Missing("no reservation has this order id")
		}
		if !r.State.Holding() || r.Overdue {
			return fault.Clash(notLocked, "only a reservation that is locked can be extended")
		}
		until := r.Now.Add(hold)
		if last := r.CreatedAt.Add(rules.MaxTTL); until.After(last) {
			until = last
		}
		if until.Before(*r.ExpiresAt) {
			until = *r.ExpiresAt
		}
		until = until.UTC()
		r.ExpiresAt = &until
		batch := &pgx.Batch{}
		queueRecords(batch, []*record{r})
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		data, err = r.document()
		return err
	})
	if err != nil {
		return event.ReservationData{}, fmt.Errorf("extend order %s: %w", orderID, err)
	}
	return data, nil
}
