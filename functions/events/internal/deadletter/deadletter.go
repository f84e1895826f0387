// Package deadletter keeps events that could not be delivered: those a broker
// gave up on and those the sink will never take. It owns the table
// events.dead_letters.
package deadletter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Letter is a dead letter as it comes in.
type Letter struct {
	Event       event.Event
	Destination string // who did not take it
	Status      int    // its last answer; 0 is none
	Reason      string
}

// Attributes that Knative adds to a dead letter. They tell of the delivery,
// and are no part of the event.
const (
	attributeDestination = "knativeerrordest"
	attributeCode        = "knativeerrorcode"
	attributeData        = "knativeerrordata"
	attributesOfKnative  = "knativeerror"
	attributeTTL         = "knativebrokerttl"
)

// FromBroker reads what a broker gave up on.
func FromBroker(e event.Event) Letter {
	l := Letter{Destination: e.Extensions[attributeDestination], Reason: e.Extensions[attributeData]}
	if code, err := strconv.Atoi(e.Extensions[attributeCode]); err == nil && code > 0 && code < 1000 {
		l.Status = code
	}
	own := map[string]string{}
	for name, value := range e.Extensions {
		if !strings.HasPrefix(name, attributesOfKnative) && name != attributeTTL {
			own[name] = value
		}
	}
	e.Extensions = own
	l.Event = e
	return l
}

const storeSQL = `
insert into events.dead_letters as d (id, event_id, source, type, subject, event, destination, status, reason)
select n.id, n.event_id, n.source, n.type, nullif(n.subject, ''), n.event::json, n.destination, nullif(n.status, 0), nullif(n.reason, '')
from unnest(@ids::uuid[], @event_ids::text[], @sources::text[], @types::text[], @subjects::text[], @events::text[],
    @destinations::text[], @statuses::integer[], @reasons::text[])
    as n (id, event_id, source, type, subject, event, destination, status, reason)
on conflict (source, event_id, destination)
do update set
    deliveries = d.deliveries + 1,
    status = excluded.status,
    reason = excluded.reason`

// Store keeps letters. One that is there already, for the same destination, is
// counted: brokers deliver dead letters at least once, too.
func Store(ctx context.Context, db postgres.DB, letters ...Letter) error {
	if len(letters) == 0 {
		return nil
	}
	columns := map[string][]string{}
	add := func(name, value string) { columns[name] = append(columns[name], strings.ReplaceAll(value, "\x00", "")) }
	ids, statuses := make([]uuid.UUID, len(letters)), make([]int32, len(letters))
	for i, l := range letters {
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("id of a dead letter: %w", err)
		}
		whole, err := json.Marshal(l.Event)
		if err != nil {
			// Not an event at all: that is why it is here, and it must not come back.
			l.Reason += "; " + err.Error()
			whole = []byte(`null`)
		}
		ids[i], statuses[i] = id, int32(l.Status)
		add("event_ids", l.Event.ID)
		add("sources", l.Event.Source)
		add("types", l.Event.Type)
		add("subjects", l.Event.Subject)
		add("events", string(whole))
		add("destinations", l.Destination)
		add("reasons", l.Reason)
	}
	args := pgx.NamedArgs{"ids": ids, "statuses": statuses}
	for name, values := range columns {
		args[name] = values
	}
	if _, err := db.Exec(ctx, storeSQL, args); err != nil {
		return fmt.Errorf("store %d dead letters: %w", len(letters), err)
	}
	return nil
}

// DeadLetter is one as it is kept.
type DeadLetter struct {
	ID          uuid.UUID       `json:"id"`
	EventID     string          `json:"event_id"`
	Source      string          `json:"source"`
	Type        string          `json:"type"`
	Subject     *string         `json:"subject"`
	Destination string          `json:"destination" doc:"Who did not take it; empty when the broker itself refused it"`
	Status      *int            `json:"status" doc:"The last answer's HTTP status; null when there was none"`
	Reason      *string         `json:"reason" doc:"The last answer, or why there was none"`
	Deliveries  int             `json:"deliveries" doc:"How often it was given up on"`
	Replays     int             `json:"replays"`
	ReplayedAt  *time.Time      `json:"replayed_at"`
	CreatedAt   time.Time       `json:"created_at"`
	Event       json.RawMessage `json:"event,omitempty" doc:"The CloudEvent in its JSON format"`
}

// Filter narrows a list. The zero value takes all.
type Filter struct {
	Type    string
	Subject string
	After   uuid.UUID // the last one seen; newest come first
	Limit   int
}

const listSQL = `
select d.id, d.event_id, d.source, d.type, d.subject, d.destination, d.status, d.reason,
    d.deliveries, d.replays, d.replayed_at, d.created_at, null::json as event
from events.dead_letters d
where (@type = '' or d.type = @type)
    and (@subject = '' or d.subject = @subject)
    and (@after::uuid is null or d.id < @after)
order by d.id desc
limit @limit`

// List shows dead letters without their events, newest first.
func List(ctx context.Context, db postgres.DB, f Filter) ([]DeadLetter, error) {
	var after *uuid.UUID
	if f.After != uuid.Nil {
		after = &f.After
	}
	rows, err := db.Query(ctx, listSQL, pgx.NamedArgs{"type": f.Type, "subject": f.Subject, "after": after, "limit": f.Limit})
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[DeadLetter])
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	return found, nil
}

const getSQL = `
select d.id, d.event_id, d.source, d.type, d.subject, d.destination, d.status, d.reason,
    d.deliveries, d.replays, d.replayed_at, d.created_at, d.event
from events.dead_letters d
where d.id = @id`

// Get shows one with its event.
func Get(ctx context.Context, db postgres.DB, id uuid.UUID) (DeadLetter, error) {
	rows, err := db.Query(ctx, getSQL, pgx.NamedArgs{"id": id})
	if err != nil {
		return DeadLetter{}, fmt.Errorf("dead letter %s: %w", id, err)
	}
	found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[DeadLetter])
	if errors.Is(err, pgx.ErrNoRows) {
		return DeadLetter{}, fault.Missing("there is no dead letter %s", id)
	}
	if err != nil {
		return DeadLetter{}, fmt.Errorf("dead letter %s: %w", id, err)
	}
	return found, nil
}

// counted is how many dead letters are counted at most.
const counted = 1000

const waitingSQL = `
select count(*)
from (select from events.dead_letters d where d.deliveries > d.replays limit @counted) waiting`

// Waiting counts dead letters that were given up on more often than they were
// replayed: somebody has to look at them. More than a thousand are a thousand.
func Waiting(ctx context.Context, db postgres.DB) (int64, error) {
	var n int64
	if err := db.QueryRow(ctx, waitingSQL, pgx.NamedArgs{"counted": counted}).Scan(&n); err != nil {
		return 0, fmt.Errorf("count dead letters: %w", err)
	}
	return n, nil
}

const deleteSQL = `
delete from events.dead_letters
where id = @id`

// Delete forgets one.
func Delete(ctx context.Context, db postgres.DB, id uuid.UUID) error {
	tag, err := db.Exec(ctx, deleteSQL, pgx.NamedArgs{"id": id})
	if err != nil {
		return fmt.Errorf("delete dead letter %s: %w", id, err)
	}
	if tag.RowsAffected() == 0 {
		return fault.Missing("there is no dead letter %s", id)
	}
	return nil
}
