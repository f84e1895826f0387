package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/postgres"
)

// Claimed is a row that this claim alone may send until Until.
type Claimed struct {
	Position int64
	Claim    uuid.UUID
	Attempts int // that failed before
	Appended time.Time
	Until    time.Time
	Event    event.Event
}

type row struct {
	Position    int64
	ID          string
	Type        string
	Source      string
	Subject     string
	Time        time.Time
	Data        json.RawMessage
	Traceparent *string
	Replay      bool
	Sequence    int64
	Attempts    int
}

// Only the oldest row of a stream is taken: whatever is behind it waits until
// it is gone, so that a subject's events arrive in order.
const claimSQL = `
with due as (
    select o.position
    from events.outbox o
    where o.next_attempt_at <= clock_timestamp()
        and (o.claimed_until is null or o.claimed_until <= clock_timestamp())
        and not exists (
            select from events.outbox earlier
            where earlier.stream = o.stream and earlier.position < o.position)
    order by o.position
    limit @limit
    for update of o skip locked
)
update events.outbox o
set claim = @claim, claimed_until = clock_timestamp() + @lease::interval
from due
where o.position = due.position
returning o.position, o.id, o.type, o.source, o.subject, o.time, o.data, o.traceparent, o.replay,
    coalesce(o.sequence, o.position) as sequence, o.attempts`

// The rows are locked by now: whoever changes one of these subjects waits, so
// the document read here is the one that the row tells of. From then on the
// row has data, and the next change makes a row of its own.
const fillSQL = `
update events.outbox o
set data = coalesce(
    (select d.document from catalog.product_documents d where d.product_id = o.subject::uuid),
    jsonb_build_object('id', o.subject, 'deleted', true))
where o.claim = @claim and o.data is null
returning o.position, o.data`

// Claim leases the oldest due rows of up to limit streams. Claims of others
// are passed over, never waited for.
func Claim(ctx context.Context, db postgres.DB, limit int, lease time.Duration) ([]Claimed, error) {
	claim, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	until := time.Now().Add(lease)
	var rows []row
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		found, err := tx.Query(ctx, claimSQL, pgx.NamedArgs{"limit": limit, "claim": claim, "lease": lease})
		if err != nil {
			return err
		}
		if rows, err = pgx.CollectRows(found, pgx.RowToStructByName[row]); err != nil {
			return err
		}
		return fill(ctx, tx, claim, rows)
	})
	if err != nil {
		return nil, fmt.Errorf("claim from the outbox: %w", err)
	}
	claimed := make([]Claimed, len(rows))
	for i, r := range rows {
		claimed[i] = Claimed{
			Position: r.Position, Claim: claim, Attempts: r.Attempts, Appended: r.Time, Until: until, Event: r.event(),
		}
	}
	return claimed, nil
}

func fill(ctx context.Context, tx pgx.Tx, claim uuid.UUID, rows []row) error {
	missing := map[int64]int{}
	for i, r := range rows {
		if r.Data == nil {
			missing[r.Position] = i
		}
	}
	if len(missing) == 0 {
		return nil
	}
	filled, err := tx.Query(ctx, fillSQL, pgx.NamedArgs{"claim": claim})
	if err != nil {
		return err
	}
	var position int64
	var data json.RawMessage
	_, err = pgx.ForEachRow(filled, []any{&position, &data}, func() error {
		if i, ok := missing[position]; ok {
			rows[i].Data = append(json.RawMessage(nil), data...)
		}
		return nil
	})
	return err
}

func (r row) event() event.Event {
	e := event.Event{
		ID: r.ID, Source: r.Source, Type: r.Type, Subject: r.Subject, Time: r.Time.UTC(),
		PartitionKey: r.Subject, Sequence: r.Sequence, Replay: r.Replay, Data: r.Data,
	}
	if r.Traceparent != nil {
		e.Traceparent = *r.Traceparent
	}
	return e
}

const removeSQL = `
delete from events.outbox
where position = any(@positions)`

// Remove takes rows out whose events were delivered or have become dead
// letters. It makes way for the next of their streams.
func Remove(ctx context.Context, db postgres.DB, rows ...Claimed) error {
	if len(rows) == 0 {
		return nil
	}
	positions := make([]int64, len(rows))
	for i, r := range rows {
		positions[i] = r.Position
	}
	if _, err := db.Exec(ctx, removeSQL, pgx.NamedArgs{"positions": positions}); err != nil {
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
where o.position = f.position and o.claim = f.claim`

// Postpone gives failed rows back until their time comes. A failure without a
// reason is no attempt: the row was claimed and not sent.
func Postpone(ctx context.Context, db postgres.DB, failures ...Failure) error {
	if len(failures) == 0 {
		return nil
	}
	positions := make([]int64, len(failures))
	claims := make([]uuid.UUID, len(failures))
	reasons := make([]*string, len(failures))
	again := make([]time.Duration, len(failures))
	tried := make([]int32, len(failures))
	for i, f := range failures {
		positions[i], claims[i], again[i] = f.Row.Position, f.Row.Claim, f.Again
		if f.Reason != "" {
			reasons[i], tried[i] = &f.Reason, 1
		}
	}
	_, err := db.Exec(ctx, postponeSQL, pgx.NamedArgs{
		"positions": positions, "claims": claims, "reasons": reasons, "again": again, "tried": tried,
	})
	if err != nil {
		return fmt.Errorf("postpone %d rows of the outbox: %w", len(failures), err)
	}
	return nil
}

// Backlog is what waits in the outbox.
type Backlog struct {
	Rows    int64      // all that wait, also behind others
	Oldest  *time.Time // when the oldest of them was appended
	NextDue *time.Time // when the next may be sent; nil when none waits
}

const backlogSQL = `
select count(*) as rows,
    min(time) as oldest,
    min(greatest(next_attempt_at, coalesce(claimed_until, next_attempt_at))) as next_due
from events.outbox`

// Waiting counts the backlog; it reads the whole outbox.
func Waiting(ctx context.Context, db postgres.DB) (Backlog, error) {
	rows, err := db.Query(ctx, backlogSQL)
	if err != nil {
		return Backlog{}, fmt.Errorf("backlog of the outbox: %w", err)
	}
	b, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Backlog])
	if err != nil {
		return Backlog{}, fmt.Errorf("backlog of the outbox: %w", err)
	}
	return b, nil
}
