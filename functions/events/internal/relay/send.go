package relay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mallhive/product-service/functions/events/internal/deadletter"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
)

// outcome is what became of one row: it was delivered, or one of the others.
type outcome struct {
	row    outbox.Claimed
	letter *deadletter.Letter // refused for good
	again  *outbox.Failure    // to be tried again; without a reason it was not tried
}

// send tries a row once. When the broker turns out to be down, or there is no
// time left for it, it is given back untried.
func (r *Relay) send(ctx context.Context, row outbox.Claimed) outcome {
	untried := outcome{row: row, again: &outbox.Failure{Row: row}}
	if ctx.Err() != nil || r.isClosed() || r.rest.resting() || !enough(row.Until) {
		return untried
	}
	receipt := r.o.Send(ctx, row.Event)
	if ctx.Err() != nil && receipt.Outcome == event.Retry {
		return untried // we left, the broker did not fail
	}
	r.rest.learn(receipt, row.Attempts)
	if receipt.Outcome == event.Retry && !receipt.Down() && row.Attempts+1 >= r.o.Attempts {
		receipt.Outcome = event.Refused
		receipt.Reason = fmt.Sprintf("given up after %d attempts: %s", row.Attempts+1, receipt.Reason)
	}
	if receipt.Outcome == event.Delivered {
		r.o.Sent(max(time.Since(row.Appended), 0))
		return outcome{row: row}
	}
	r.o.Trouble(row.Event, row.Attempts+1, receipt)
	if receipt.Outcome == event.Refused {
		return outcome{row: row, letter: &deadletter.Letter{Event: row.Event, Status: receipt.Status, Reason: receipt.Reason}}
	}
	again := backoff(r.o.Backoff, row.Attempts, receipt.After)
	return outcome{row: row, again: &outbox.Failure{Row: row, Reason: receipt.Reason, Again: again}}
}

// enough says that a send begun now ends before the lease does.
func enough(until time.Time) bool { return time.Until(until) > 2*SendLimit }

// longestAsked bounds for how long a broker may ask to be left alone.
const longestAsked = 15 * time.Minute

// backoff doubles with each failed attempt up to a minute, spread by a quarter
// so that rows that failed together do not come together.
func backoff(first time.Duration, attempts int, asked time.Duration) time.Duration {
	const longest = time.Minute
	wait := longest
	if attempts < 12 {
		wait = min(first<<attempts, longest)
	}
	wait += time.Duration((rand.Float64() - 0.5) / 2 * float64(wait))
	return max(wait, min(asked, longestAsked))
}
