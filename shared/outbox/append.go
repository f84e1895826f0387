// Package outbox keeps what is to be sent beside what it tells of: events are
// appended in the transaction of the change, so that either both happen or
// neither. It owns the table events.outbox. Writers append and, after their
// commit, wake the relay; only the events function claims.
package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/propagation"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/postgres"
)

const appendSQL = `
insert into events.outbox (id, stream, type, source, subject, time, data, traceparent, replay, sequence)
select n.id, n.stream, n.type, n.source, n.subject, n.time, n.data::jsonb, n.traceparent, n.replay, nullif(n.sequence, 0)
from unnest(@ids::text[], @streams::text[], @types::text[], @sources::text[], @subjects::text[], @times::timestamptz[],
    @data::text[], @traceparents::text[], @replays::boolean[], @sequences::bigint[])
    with ordinality as n (id, stream, type, source, subject, time, data, traceparent, replay, sequence, ordinal)
order by n.ordinal
on conflict do nothing`

// Append writes events in the caller's transaction, in the order given. The
// caller holds the lock of each event's subject, so that the order of the
// outbox is the order of commits. An id that waits already is the same event and
// is not written again. Events without data go through AppendState.
func Append(ctx context.Context, tx postgres.DB, events ...event.Event) error {
	if len(events) == 0 {
		return nil
	}
	c := columnsOf(ctx, events)
	data := make([]string, len(events))
	replays := make([]bool, len(events))
	sequences := make([]int64, len(events))
	for i, e := range events {
		if e.ID == "" || e.Type == "" || e.Source == "" || e.Subject == "" || e.Data == nil || !e.IsJSON() {
			return fmt.Errorf("append %q of %q: an event in the outbox has id, type, source, subject and JSON data", e.Type, e.Subject)
		}
		data[i], replays[i], sequences[i] = string(e.Data), e.Replay, e.Sequence
	}
	_, err := tx.Exec(ctx, appendSQL, postgres.Named{
		"ids": c.ids, "streams": c.streams, "types": c.types, "sources": c.sources, "subjects": c.subjects,
		"times": c.times, "data": data, "traceparents": c.traceparents, "replays": replays, "sequences": sequences,
	})
	if err != nil {
		return fmt.Errorf("append %d events to the outbox: %w", len(events), err)
	}
	return nil
}

const appendStatesSQL = `
select events.append_states(@ids, @types, @sources, @streams, @subjects, @times, nullif(@traceparent, ''))`

// AppendState says in the caller's transaction that the state of subjects
// changed; their data is read when they are sent. A subject that nobody has
// read since its last change keeps one row, so that a backlog shrinks to the
// newest version; once read, the next change makes a new event with a new id.
// The caller holds the lock of each subject.
func AppendState(ctx context.Context, tx postgres.DB, events ...event.Event) error {
	events, err := newestOfEach(events)
	if err != nil || len(events) == 0 {
		return err
	}
	c := columnsOf(ctx, events)
	_, err = tx.Exec(ctx, appendStatesSQL, pgx.NamedArgs{
		"ids": c.ids, "types": c.types, "sources": c.sources, "streams": c.streams, "subjects": c.subjects,
		"times": c.times, "traceparent": c.traceparents[0],
	})
	if err != nil {
		return fmt.Errorf("append %d states to the outbox: %w", len(events), err)
	}
	return nil
}

// newestOfEach keeps the last event of each stream; one that was created
// within the same call stays created.
func newestOfEach(events []event.Event) ([]event.Event, error) {
	at := make(map[string]int, len(events))
	kept := make([]event.Event, 0, len(events))
	for _, e := range events {
		t, known := event.TypeOf(e.Type)
		if !known || !t.State || e.Data != nil {
			return nil, fmt.Errorf("append state of %s: %s is not a state event without data", e.Subject, e.Type)
		}
		// Claims read the document by it; one that is no id would stop them all.
		if _, err := uuid.Parse(e.Subject); err != nil {
			return nil, fmt.Errorf("append state of %q: the subject is not a product's id", e.Subject)
		}
		i, again := at[e.Stream()]
		if !again {
			at[e.Stream()] = len(kept)
			kept = append(kept, e)
			continue
		}
		if kept[i].Type == event.ProductCreated && e.Type == event.ProductUpdated {
			e.Type = event.ProductCreated
		}
		kept[i] = e
	}
	return kept, nil
}

// Numbers is an array of as many sequences as the argument @numbers says, for a
// statement that runs after what locks the subjects. See Sequences.
const Numbers = `array(
			select nextval('events.outbox_position')
			from generate_series(1, @numbers::int)
		)`

const drawNumbers = `select ` + Numbers

// Sequences draws numbers for events that do not go through the outbox, such
// as replies, from the same order: they rise for a subject as long as the
// caller holds its lock.
func Sequences(ctx context.Context, tx postgres.DB, n int) (numbers []int64, err error) {
	if err := tx.QueryRow(ctx, drawNumbers, postgres.Named{"numbers": n}).Scan(&numbers); err != nil {
		return nil, fmt.Errorf("draw %d sequences: %w", n, err)
	}
	return numbers, nil
}

type columns struct {
	ids, streams, types, sources, subjects, traceparents []string
	times                                                []time.Time
}

func columnsOf(ctx context.Context, events []event.Event) columns {
	var c columns
	here := Traceparent(ctx)
	for _, e := range events {
		if e.Traceparent == "" {
			e.Traceparent = here
		}
		c.ids = append(c.ids, e.ID)
		c.streams = append(c.streams, e.Stream())
		c.types = append(c.types, e.Type)
		c.sources = append(c.sources, e.Source)
		c.subjects = append(c.subjects, e.Subject)
		c.times = append(c.times, e.Time)
		c.traceparents = append(c.traceparents, e.Traceparent)
	}
	return c
}

// Traceparent is the W3C trace context of the request that makes the change.
func Traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier.Get("traceparent")
}
