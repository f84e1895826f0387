package deadletter

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Send hands an event to the broker.
type Send func(context.Context, event.Event) event.Receipt

// Replay sends a dead letter to the broker again, with the id and sequence it
// had: whoever saw it already can tell. It stays until it is deleted. The
// address in the letter is never used.
func Replay(ctx context.Context, db postgres.DB, send Send, id uuid.UUID) (DeadLetter, error) {
	letter, err := Get(ctx, db, id)
	if err != nil {
		return DeadLetter{}, err
	}
	sent, err := letter.replay(ctx, db, send)
	if err != nil {
		return DeadLetter{}, err
	}
	switch sent.Code {
	case "":
		return Get(ctx, db, id)
	case notTaken:
		return DeadLetter{}, fault.Passing(fmt.Errorf("replay %s: %s", id, sent.Detail), sent.after, "the broker does not take the event now")
	default:
		return DeadLetter{}, fault.Clash(sent.Code, "%s", sent.Detail)
	}
}

// Codes of replays that failed.
const (
	notReplayable = "not_replayable" // it is no event
	refused       = "refused"        // the broker will never take it
	notTaken      = "not_taken"      // the broker does not take it now
)

// Failure is a letter that could not be replayed. The zero code means that it was.
type Failure struct {
	ID      uuid.UUID `json:"id"`
	EventID string    `json:"event_id"`
	Code    string    `json:"code" enum:"not_replayable,refused,not_taken" doc:"Only what is not_taken is worth another try"`
	Detail  string    `json:"detail" doc:"What the broker answered, or why the event cannot be read" example:"the broker refuses the event: 400 Bad Request"`

	after time.Duration // when to try again what is not taken
	down  bool          // nothing else will be taken either
}

const refusedSQL = `
update events.dead_letters
set refusal = @refusal
where id = @id`

// replay sends one and notes what became of it. The error is of the database.
func (d DeadLetter) replay(ctx context.Context, db postgres.DB, send Send) (Failure, error) {
	f := Failure{ID: d.ID, EventID: d.EventID}
	var e event.Event
	if err := json.Unmarshal(d.Event, &e); err != nil {
		f.Code, f.Detail = notReplayable, fmt.Sprintf("the stored event cannot be read: %.300s", fault.As(err).Detail)
	} else {
		switch r := send(ctx, e); r.Outcome {
		case event.Delivered:
			return f, replayed(context.WithoutCancel(ctx), db, d)
		case event.Refused:
			f.Code, f.Detail = refused, fmt.Sprintf("the broker refuses the event: %.300s", r.Reason)
		default:
			f.Code, f.Detail = notTaken, fmt.Sprintf("%.300s", r.Reason)
			f.after, f.down = max(r.After, 5*time.Second), r.Down()
			return f, nil
		}
	}
	if _, err := db.Exec(ctx, refusedSQL, pgx.NamedArgs{"id": d.ID, "refusal": f.Detail}); err != nil {
		return f, fmt.Errorf("note the refusal of dead letter %s: %w", d.ID, err)
	}
	return f, nil
}

// A letter that has come back before its replay is noted waits again.
const replayedSQL = `
update events.dead_letters
set replays = replays + 1,
    replayed_at = case when deliveries = @deliveries then clock_timestamp() else replayed_at end,
    refusal = null
where id = @id`

func replayed(ctx context.Context, db postgres.DB, d DeadLetter) error {
	if _, err := db.Exec(ctx, replayedSQL, pgx.NamedArgs{"id": d.ID, "deliveries": d.Deliveries}); err != nil {
		return fmt.Errorf("note the replay of dead letter %s: %w", d.ID, err)
	}
	return nil
}
