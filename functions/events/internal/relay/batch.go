package relay

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/events/internal/deadletter"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
)

// batch is what became of the rows of one claim.
type batch struct {
	mu        sync.Mutex
	delivered []outbox.Claimed
	failed    []outbox.Failure
	refused   []deadletter.Letter
	buried    []outbox.Claimed // the rows of refused
	unsent    []outbox.Failure // given back untried
}

// send tries every row once, side by side. When the broker turns out to be
// down, the rest goes back untried.
func (r *Relay) send(ctx context.Context, rows []outbox.Claimed) *batch {
	b := &batch{}
	work := make(chan outbox.Claimed)
	var workers sync.WaitGroup
	for range min(r.o.Workers, len(rows)) {
		workers.Go(func() {
			for row := range work {
				r.sendOne(ctx, row, b)
			}
		})
	}
	for _, row := range rows {
		work <- row
	}
	close(work)
	workers.Wait()
	return b
}

func (r *Relay) sendOne(ctx context.Context, row outbox.Claimed, b *batch) {
	if ctx.Err() != nil || r.rest.resting() || !enough(row.Until) {
		b.giveBack(row)
		return
	}
	e := row.Event
	receipt := r.o.Send(ctx, e)
	if ctx.Err() != nil && receipt.Outcome == event.Retry {
		b.giveBack(row) // we left, the broker did not fail
		return
	}
	r.rest.learn(receipt)
	if receipt.Outcome == event.Retry && !receipt.Down() && row.Attempts+1 >= r.o.Attempts {
		receipt.Outcome = event.Refused
		receipt.Reason = fmt.Sprintf("given up after %d attempts: %s", row.Attempts+1, receipt.Reason)
	}
	switch receipt.Outcome {
	case event.Delivered:
		b.put(func() { b.delivered = append(b.delivered, row) })
	case event.Refused:
		r.o.Trouble(e, row.Attempts+1, receipt)
		b.put(func() {
			b.buried = append(b.buried, row)
			b.refused = append(b.refused, deadletter.Letter{Event: e, Status: receipt.Status, Reason: receipt.Reason})
		})
	default:
		r.o.Trouble(e, row.Attempts+1, receipt)
		again := backoff(r.o.Backoff, row.Attempts, receipt.After)
		b.put(func() {
			b.failed = append(b.failed, outbox.Failure{Row: row, Reason: receipt.Reason, Again: again})
		})
	}
}

// enough says that a send begun now ends before the lease does.
func enough(until time.Time) bool { return time.Until(until) > 2*SendLimit }

func (b *batch) put(do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	do()
}

func (b *batch) giveBack(row outbox.Claimed) {
	b.put(func() { b.unsent = append(b.unsent, outbox.Failure{Row: row}) })
}

// soonest is when the first failed row is due, or before if that is earlier. It
// is asked for after the rows were noted, and later than the database thinks.
func (b *batch) soonest(before time.Time) time.Time {
	const margin = 20 * time.Millisecond
	for _, f := range b.failed {
		if at := time.Now().Add(f.Again + margin); before.IsZero() || at.Before(before) {
			before = at
		}
	}
	return before
}

// settle notes what became of the rows. Whatever it cannot note is sent again
// when the lease is over.
func (r *Relay) settle(ctx context.Context, b *batch) error {
	return postgres.InTx(ctx, r.o.DB, func(tx pgx.Tx) error {
		if err := deadletter.Store(ctx, tx, b.refused...); err != nil {
			return err
		}
		if err := outbox.Remove(ctx, tx, append(b.delivered, b.buried...)...); err != nil {
			return err
		}
		return outbox.Postpone(ctx, tx, append(b.failed, b.unsent...)...)
	})
}
