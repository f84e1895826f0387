package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/event"
)

// Claimed is a row that this claim alone may send until Until.
type Claimed struct {
	Claim    uuid.UUID
	position int64
	Attempts int // that failed before
	Appended time.Time
	Until    time.Time
	Event    event.Event
}

type row struct {
	ID          string
	Position    int64
	Type        string
	Source      string
	Subject     string
	Time        time.Time
	Data        json.RawMessage
	Traceparent *string
	Replay      bool
	Sequence    int64
	Attempts    int
	AppendedAt  time.Time
}

// due is what may be claimed, of a row o.
const due = `(o.next_attempt_at <= clock_timestamp() and coalesce(o.claimed_until <= clock_timestamp(), true))`

// named are rows o by id and position. Positions alone would do, but of several
// indexes that have them PostgreSQL takes the wrong one when it thinks that the
// outbox is empty: + 0 keeps it from these. Ids alone are not unique: another
// source may have an event of the same.
const named = `o.id = any(@ids) and o.position + 0 = any(@positions)`

const claimSQL = `
with free as (
    select o.ctid
    from events.outbox o
    where ` + named + ` and ` + due + `
    for update of o skip locked
)
update events.outbox o
set claim = @claim, claimed_until = clock_timestamp() + @lease::interval
from free
where o.ctid = free.ctid
returning o.id, o.position, o.type, o.source, o.subject, o.time, o.data, o.traceparent, o.replay,
    coalesce(o.sequence, o.position) as sequence, o.attempts, o.appended_at`

// The rows are locked by now: whoever changes one of these subjects waits, so
// the document read here is the one that the row tells of. From then on the
// row has data, and the next change makes a row of its own.
const fillSQL = `
update events.outbox o
set data = coalesce(
    (select d.document from catalog.product_documents d where d.product_id = o.subject::uuid),
    jsonb_build_object('id', o.subject, 'deleted', true))
where ` + named + ` and o.data is null
returning o.position, o.data`

// searches bounds how much of what is not due one claim passes.
const searches = 20

// Claim leases up to limit rows that are due, each the oldest of its stream:
// whatever is behind it waits until it is gone, so that a subject's events
// arrive in order. It goes on where the last claim from this place ended. Claims
// of others are passed over, never waited for. Nothing is claimed before the
// caller's transaction commits.
func (p *Place) Claim(ctx context.Context, tx pgx.Tx, limit int, lease time.Duration) ([]Claimed, error) {
	for range searches {
		names, more, err := p.find(ctx, tx, limit)
		if err != nil {
			return nil, fmt.Errorf("look for rows of the outbox: %w", err)
		}
		rows, err := lock(ctx, tx, names, lease)
		if err != nil || len(rows) > 0 || !more {
			return rows, err
		}
	}
	return nil, nil
}

// names are what named takes: the i-th position belongs to the i-th id.
type names struct {
	ids       []string
	positions []int64
}

func (n *names) add(id string, position int64) {
	n.ids, n.positions = append(n.ids, id), append(n.positions, position)
}

func lock(ctx context.Context, tx pgx.Tx, found names, lease time.Duration) ([]Claimed, error) {
	if len(found.ids) == 0 {
		return nil, nil
	}
	claim, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	until := time.Now().Add(lease)
	free, err := tx.Query(ctx, claimSQL, pgx.NamedArgs{
		"ids": found.ids, "positions": found.positions, "claim": claim, "lease": lease,
	})
	if err != nil {
		return nil, fmt.Errorf("claim from the outbox: %w", err)
	}
	rows, err := pgx.CollectRows(free, pgx.RowToStructByName[row])
	if err != nil {
		return nil, fmt.Errorf("claim from the outbox: %w", err)
	}
	if err := fill(ctx, tx, rows); err != nil {
		return nil, fmt.Errorf("read what events of the outbox tell of: %w", err)
	}
	claimed := make([]Claimed, len(rows))
	for i, r := range rows {
		claimed[i] = Claimed{
			Claim: claim, position: r.Position, Attempts: r.Attempts, Appended: r.AppendedAt, Until: until, Event: r.event(),
		}
	}
	return claimed, nil
}

func fill(ctx context.Context, tx pgx.Tx, rows []row) error {
	missing := map[int64]int{}
	var empty names
	for i, r := range rows {
		if r.Data == nil {
			missing[r.Position] = i
			empty.add(r.ID, r.Position)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	filled, err := tx.Query(ctx, fillSQL, pgx.NamedArgs{"ids": empty.ids, "positions": empty.positions})
	if err != nil {
		return err
	}
	var position int64
	var data json.RawMessage
	_, err = pgx.ForEachRow(filled, []any{&position, &data}, func() error {
		rows[missing[position]].Data = append(json.RawMessage(nil), data...)
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
