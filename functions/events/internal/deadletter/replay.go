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

const replayedSQL = `
update events.dead_letters
set replays = replays + 1, replayed_at = clock_timestamp()
where id = @id`

// Replay sends a dead letter to the broker again, with the id and sequence it
// had: whoever saw it already can tell. It stays until it is deleted. The
// address in the letter is never used.
func Replay(ctx context.Context, db postgres.DB, send Send, id uuid.UUID) (DeadLetter, error) {
	letter, err := Get(ctx, db, id)
	if err != nil {
		return DeadLetter{}, err
	}
	var e event.Event
	if err := json.Unmarshal(letter.Event, &e); err != nil {
		return DeadLetter{}, fault.Clash("not_replayable", "the stored event cannot be read: %s", fault.As(err).Detail)
	}
	switch r := send(ctx, e); r.Outcome {
	case event.Delivered:
	case event.Refused:
		return DeadLetter{}, fault.Clash("refused", "the broker refuses the event: %.300s", r.Reason)
	default:
		return DeadLetter{}, fault.Passing(fmt.Errorf("replay %s: %s", id, r.Reason), max(r.After, 5*time.Second), "the broker does not take the event now")
	}
	if _, err := db.Exec(ctx, replayedSQL, pgx.NamedArgs{"id": id}); err != nil {
		return DeadLetter{}, fmt.Errorf("note the replay of dead letter %s: %w", id, err)
	}
	return Get(ctx, db, id)
}
