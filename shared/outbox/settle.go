package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

const removeSQL = `
delete from events.outbox o
where ` + named

// Remove takes rows out whose events were delivered or have become dead
// letters. It makes way for the next of their streams.
func Remove(ctx context.Context, db postgres.DB, rows ...Claimed) error {
	if len(rows) == 0 {
		return nil
	}
	var gone names
	for _, r := range rows {
		gone.add(r.Event.ID, r.position)
	}
	if _, err := db.Exec(ctx, removeSQL, pgx.NamedArgs{"ids": gone.ids, "positions": gone.positions}); err != nil {
		return fmt.Errorf("remove %d rows from the outbox: %w", len(rows), err)
	}
	return nil
}

// Failure is a row whose sending failed for now.
type Failure struct {
	Row    Claimed
	Reason string
	Again  time.Duration // to wait before the next attempt
}

// A lease that ran out may have been taken over: then its new holder decides.
const postponeSQL = `
update events.outbox o
set attempts = o.attempts + f.tried,
    last_error = coalesce(f.reason, o.last_error),
    next_attempt_at = clock_timestamp() + f.again,
    claimed_until = null
from unnest(@positions::bigint[], @claims::uuid[], @reasons::text[], @again::interval[], @tried::integer[])
    as f (position, claim, reason, again, tried)
where ` + named + ` and o.position + 0 = f.position and o.claim = f.claim`

// Postpone gives failed rows back until their time comes. A failure without a
// reason is no attempt: the row was claimed and not sent.
func Postpone(ctx context.Context, db postgres.DB, failures ...Failure) error {
	if len(failures) == 0 {
		return nil
	}
	var failed names
	claims := make([]uuid.UUID, len(failures))
	reasons := make([]*string, len(failures))
	again := make([]time.Duration, len(failures))
	tried := make([]int32, len(failures))
	for i, f := range failures {
		failed.add(f.Row.Event.ID, f.Row.position)
		claims[i], again[i] = f.Row.Claim, f.Again
		if f.Reason != "" {
			reasons[i], tried[i] = &f.Reason, 1
		}
	}
	_, err := db.Exec(ctx, postponeSQL, pgx.NamedArgs{
		"ids": failed.ids, "positions": failed.positions, "claims": claims, "reasons": reasons, "again": again, "tried": tried,
	})
	if err != nil {
		return fmt.Errorf("postpone %d rows of the outbox: %w", len(failures), err)
	}
	return nil
}
