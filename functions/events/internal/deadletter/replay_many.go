package deadletter

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Many says which letters to replay.
type Many struct {
	Filter Filter // Replayed is not looked at; Refused nil leaves out what is known to be refused
	// ReplayedBefore takes those along that were replayed, the last time before
	// this time. What is replayed now is later, so that calls come to an end.
	ReplayedBefore *time.Time
	Limit          int
	Budget         time.Duration // after which no more are sent
}

// Progress is what became of the letters of one call.
type Progress struct {
	Replayed  int       `json:"replayed" doc:"Letters that the broker took in this call"`
	Failed    []Failure `json:"failed"`
	Remaining int64     `json:"remaining" doc:"Letters that the same request would still replay: call again"`
}

// lease is how long the letters of a call are its own; more than a budget and
// a send. Should the process die, others wait as long.
const lease = 30 * time.Second

// ReplayMany replays letters one after the other in the order of their events,
// so that it holds for each subject. One call runs at a time, whoever makes it.
// An event that several did not take is sent once: the broker hands it to all.
// Behind an event that is not taken its subject waits; when the broker takes
// nothing at all, that is the end of the call, and a fault if it was the
// beginning too.
func ReplayMany(ctx context.Context, db postgres.DB, send Send, m Many) (Progress, error) {
	letters, err := claim(ctx, db, m)
	if err != nil {
		return Progress{}, err
	}
	p := Progress{Failed: []Failure{}}
	err = p.replay(ctx, db, send, letters, time.Now().Add(m.Budget))
	free, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if released := release(free, db, letters); err == nil {
		err = released
	}
	if err != nil {
		return p, err
	}
	p.Remaining, err = remaining(ctx, db, m)
	return p, err
}

func (p *Progress) replay(ctx context.Context, db postgres.DB, send Send, letters []claimed, until time.Time) error {
	sent, waits := map[string]bool{}, map[string]bool{}
	for _, c := range letters {
		if time.Now().After(until) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err // nobody waits for the answer any more
		}
		if waits[c.stream()] {
			continue
		}
		letter, err := Get(ctx, db, c.ID)
		if fault.Is(err, fault.NotFound) {
			continue // somebody has deleted it
		}
		if err != nil {
			return err
		}
		once := send
		if sent[c.event()] {
			once = taken
		}
		f, err := letter.replay(ctx, db, once)
		switch {
		case err != nil:
			return err
		case f.Code == "":
			p.Replayed++
			sent[c.event()] = true
			continue
		case f.down && p.Replayed == 0 && len(p.Failed) == 0:
			return fault.Passing(fmt.Errorf("replay dead letters: %s", f.Detail), f.after, "the broker takes nothing now")
		}
		p.Failed = append(p.Failed, f)
		if f.down {
			return nil
		}
		waits[c.stream()] = f.Code == notTaken
	}
	return nil
}

func taken(context.Context, event.Event) event.Receipt {
	return event.Receipt{Outcome: event.Delivered}
}

// claimed is a letter that is this call's.
type claimed struct {
	ID      uuid.UUID
	EventID string
	Source  string
	Type    string
	Subject *string
}

func (c claimed) event() string { return c.Source + "\x00" + c.EventID }

func (c claimed) stream() string {
	if c.Subject == nil {
		return c.event()
	}
	return event.Event{ID: c.EventID, Type: c.Type, Subject: *c.Subject}.Stream()
}

const (
	turnSQL = `select pg_advisory_xact_lock(hashtext('events.dead_letters'))`

	busySQL = `select exists (select from events.dead_letters where claimed_until > clock_timestamp())`
)

const due = `
    (d.replayed_at is null or d.replayed_at < @replayed_before::timestamptz)
    and ` + matching

const claimSQL = `
with picked as materialized (
    select d.id
    from events.dead_letters d
    where ` + due + `
    order by d.sequence nulls first, d.id
    limit @limit
), taken as (
    update events.dead_letters d
    set claimed_until = clock_timestamp() + @lease::interval
    from picked
    where d.id = picked.id
    returning d.id, d.event_id, d.source, d.type, d.subject, d.sequence
)
select id, event_id, source, type, subject
from taken
order by sequence nulls first, id`

func claim(ctx context.Context, db postgres.DB, m Many) (letters []claimed, err error) {
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, turnSQL); err != nil {
			return err
		}
		var busy bool
		if err := tx.QueryRow(ctx, busySQL).Scan(&busy); err != nil {
			return err
		}
		if busy {
			return fault.Clash("replay_in_progress", "another replay of many is under way; try again in a moment")
		}
		args := m.args()
		args["limit"], args["lease"] = m.Limit, lease
		rows, err := tx.Query(ctx, claimSQL, args)
		if err != nil {
			return err
		}
		letters, err = pgx.CollectRows(rows, pgx.RowToStructByName[claimed])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim dead letters: %w", err)
	}
	return letters, nil
}

func (m Many) args() pgx.NamedArgs {
	f := m.Filter
	f.Replayed = nil
	if f.Refused == nil && len(f.IDs) == 0 {
		f.Refused = new(bool)
	}
	args := f.args()
	args["replayed_before"] = m.ReplayedBefore
	return args
}

const releaseSQL = `
update events.dead_letters
set claimed_until = null
where id = any(@ids)`

func release(ctx context.Context, db postgres.DB, letters []claimed) error {
	ids := make([]uuid.UUID, len(letters))
	for i, c := range letters {
		ids[i] = c.ID
	}
	if _, err := db.Exec(ctx, releaseSQL, pgx.NamedArgs{"ids": ids}); err != nil {
		return fmt.Errorf("release dead letters: %w", err)
	}
	return nil
}

const remainingSQL = `
select count(*)
from events.dead_letters d
where ` + due

func remaining(ctx context.Context, db postgres.DB, m Many) (n int64, err error) {
	if err := db.QueryRow(ctx, remainingSQL, m.args()).Scan(&n); err != nil {
		return 0, fmt.Errorf("count dead letters: %w", err)
	}
	return n, nil
}
