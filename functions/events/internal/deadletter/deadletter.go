// Package deadletter keeps events that could not be delivered: those a broker
// gave up on and those the sink will never take. It owns the table
// events.dead_letters.
package deadletter

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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
	attributesOfKnative  = "knative" // also how long it may go round, and where it has been
)

// FromBroker reads what a broker gave up on.
func FromBroker(e event.Event) Letter {
	l := Letter{Destination: e.Extensions[attributeDestination], Reason: plain(e.Extensions[attributeData])}
	if code, err := strconv.Atoi(e.Extensions[attributeCode]); err == nil && code > 0 && code < 1000 {
		l.Status = code
	}
	own := map[string]string{}
	for name, value := range e.Extensions {
		if !strings.HasPrefix(name, attributesOfKnative) {
			own[name] = value
		}
	}
	e.Extensions = own
	l.Event = e
	return l
}

// plain undoes the base64 in which some brokers write the answer's body, where
// what comes out is text.
func plain(data string) string {
	text, err := base64.StdEncoding.DecodeString(data)
	if err != nil || !utf8.Valid(text) {
		return data
	}
	for _, r := range string(text) {
		if !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			return data
		}
	}
	return string(text)
}

// What comes again after it was replayed waits again.
const storeSQL = `
insert into events.dead_letters as d (id, event_id, source, type, subject, event, sequence, destination, status, reason)
select n.id, n.event_id, n.source, n.type, nullif(n.subject, ''), n.event::json, nullif(n.sequence, 0), n.destination,
    nullif(n.status, 0), nullif(n.reason, '')
from unnest(@ids::uuid[], @event_ids::text[], @sources::text[], @types::text[], @subjects::text[], @events::text[],
    @sequences::bigint[], @destinations::text[], @statuses::integer[], @reasons::text[])
    as n (id, event_id, source, type, subject, event, sequence, destination, status, reason)
on conflict (source, event_id, destination)
do update set
    deliveries = d.deliveries + 1,
    status = excluded.status,
    reason = excluded.reason,
    replayed_at = null`

// Store keeps letters. One that is there already, for the same destination, is
// counted: brokers deliver dead letters at least once, too.
func Store(ctx context.Context, db postgres.DB, letters ...Letter) error {
	if len(letters) == 0 {
		return nil
	}
	columns := map[string][]string{}
	add := func(name, value string) { columns[name] = append(columns[name], strings.ReplaceAll(value, "\x00", "")) }
	ids, statuses, sequences := make([]uuid.UUID, len(letters)), make([]int32, len(letters)), make([]int64, len(letters))
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
		ids[i], statuses[i], sequences[i] = id, int32(l.Status), l.Event.Sequence
		add("event_ids", l.Event.ID)
		add("sources", l.Event.Source)
		add("types", l.Event.Type)
		add("subjects", l.Event.Subject)
		add("events", string(whole))
		add("destinations", l.Destination)
		add("reasons", l.Reason)
	}
	args := pgx.NamedArgs{"ids": ids, "statuses": statuses, "sequences": sequences}
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
	Replays     int             `json:"replays" doc:"How often the broker took it again"`
	ReplayedAt  *time.Time      `json:"replayed_at" doc:"When last; null when it was not, or came back since"`
	Refusal     *string         `json:"refusal" doc:"Why it cannot be replayed: it is no event, or the broker refuses it" example:"the broker refuses the event: 400 Bad Request"`
	Sequence    *int64          `json:"sequence" doc:"The event's, by which replays are ordered; null when it has none"`
	CreatedAt   time.Time       `json:"created_at"`
	Event       json.RawMessage `json:"event,omitempty" doc:"The CloudEvent in its JSON format"`
}

const columns = `d.id, d.event_id, d.source, d.type, d.subject, d.destination, d.status, d.reason, d.deliveries, d.replays,
    d.replayed_at, d.refusal, d.sequence, d.created_at`

const getSQL = `
select ` + columns + `, d.event
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
