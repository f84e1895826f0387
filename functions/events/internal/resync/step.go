package resync

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
)

// Options of a worker. Zero values are replaced by defaults.
type Options struct {
	DB     postgres.DB
	Ahead  int           // replays that may wait in the outbox at once; live events wait behind no more
	AtOnce int           // products of a step
	Budget time.Duration // after which Advance begins no more steps
}

// Worker does the work of resyncs. Any number of them may try at once.
type Worker struct{ o Options }

// New makes a worker; it contacts nothing.
func New(o Options) *Worker {
	if o.Ahead == 0 {
		o.Ahead = 1000
	}
	if o.AtOnce == 0 {
		o.AtOnce = 250
	}
	if o.Budget == 0 {
		o.Budget = 2 * time.Second
	}
	return &Worker{o: o}
}

// Wake-ups come often and resyncs seldom: most end here.
const askedSQL = `select exists (select from events.resyncs where finished_at is null)`

// Advance fills up what waits in the outbox. More says that it did something,
// so that it is worth being called again once that is sent. What went wrong is
// noted where operators look, too.
func (w *Worker) Advance(ctx context.Context) (more bool, err error) {
	var asked bool
	if err := w.o.DB.QueryRow(ctx, askedSQL).Scan(&asked); err != nil || !asked {
		return false, err
	}
	for began := time.Now(); time.Since(began) < w.o.Budget; {
		did, err := w.Step(ctx)
		if err != nil {
			return more, errors.Join(err, w.note(ctx, err))
		}
		if !did {
			return more, nil
		}
		more = true
	}
	return more, nil
}

// task is the oldest resync that is not at its end.
type task struct {
	ID       uuid.UUID
	Since    *time.Time
	Position uuid.UUID
	Last     *uuid.UUID
}

func (t task) walked() bool { return t.Last == nil || t.Position == *t.Last }

// Only one step runs at a time, whoever takes it: else two could see the same
// room in the outbox.
const turnSQL = `select pg_try_advisory_xact_lock(hashtext('events.resyncs'))`

const taskSQL = `
select id, since, position, last
from events.resyncs
where finished_at is null
order by id
limit 1
for update`

// A step waits a while for whoever writes its first product; less than a
// delivery stays open.
const patienceSQL = `set local lock_timeout = '3s'`

// Step looks at the next few products of the oldest resync and appends their
// replays, or finishes it when all are sent. It does nothing, and says so, when
// there is no resync, when enough waits in the outbox, or while another one
// steps.
func (w *Worker) Step(ctx context.Context) (did bool, err error) {
	err = postgres.InTx(ctx, w.o.DB, func(tx pgx.Tx) error {
		did = false
		t, found, err := next(ctx, tx)
		if err != nil || !found {
			return err
		}
		waiting, err := outbox.ReplaysWaiting(ctx, tx)
		if err != nil {
			return err
		}
		if t.walked() {
			did = waiting == 0
			return finish(ctx, tx, t, did)
		}
		room := min(int64(w.o.Ahead)-waiting, int64(w.o.AtOnce))
		if room <= 0 {
			return nil
		}
		did = true
		return walk(ctx, tx, t, room)
	})
	if err != nil {
		return false, fmt.Errorf("step of a resync: %w", err)
	}
	return did, nil
}

func next(ctx context.Context, tx pgx.Tx) (t task, found bool, err error) {
	if err := tx.QueryRow(ctx, turnSQL).Scan(&found); err != nil || !found {
		return t, false, err
	}
	rows, err := tx.Query(ctx, taskSQL)
	if err != nil {
		return t, false, err
	}
	t, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[task])
	if errors.Is(err, pgx.ErrNoRows) {
		return t, false, nil
	}
	return t, err == nil, err
}

const finishSQL = `
update events.resyncs
set state = 'finished',
    error = null,
    started_at = coalesce(started_at, clock_timestamp()),
    updated_at = clock_timestamp(),
    finished_at = clock_timestamp()
where id = @id`

func finish(ctx context.Context, tx pgx.Tx, t task, sent bool) error {
	if !sent {
		return nil
	}
	_, err := tx.Exec(ctx, finishSQL, pgx.NamedArgs{"id": t.ID})
	return err
}

// held is a product that nobody changes until the transaction ends.
type held struct {
	ProductID uuid.UUID
	Deleted   bool
	Changed   bool
}

const holdSQL = `
select product_id, deleted, changed
from catalog.hold_products(@after, @last, @since, @most)`

const walkedSQL = `
update events.resyncs
set state = 'running',
    position = @position,
    done = done + @done,
    resent = resent + @resent,
    error = null,
    started_at = coalesce(started_at, clock_timestamp()),
    updated_at = clock_timestamp()
where id = @id`

func walk(ctx context.Context, tx pgx.Tx, t task, most int64) error {
	if _, err := tx.Exec(ctx, patienceSQL); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, holdSQL, pgx.NamedArgs{"after": t.Position, "last": t.Last, "since": t.Since, "most": most})
	if err != nil {
		return err
	}
	products, err := pgx.CollectRows(rows, pgx.RowToStructByName[held])
	if err != nil {
		return err
	}
	resent, err := appendReplays(ctx, tx, products)
	if err != nil {
		return err
	}
	position := *t.Last
	if n := len(products); n > 0 {
		position = products[n-1].ProductID
	}
	_, err = tx.Exec(ctx, walkedSQL, pgx.NamedArgs{"id": t.ID, "position": position, "done": len(products), "resent": resent})
	return err
}

func appendReplays(ctx context.Context, tx pgx.Tx, products []held) (int64, error) {
	var events []event.Event
	for _, p := range products {
		if !p.Changed {
			continue
		}
		typ := event.ProductUpdated
		if p.Deleted {
			typ = event.ProductDeleted
		}
		e, err := event.New(typ, event.FromCatalog, p.ProductID.String(), nil)
		if err != nil {
			return 0, err
		}
		events = append(events, e)
	}
	return outbox.AppendReplay(ctx, tx, events...)
}

const noteSQL = `
update events.resyncs
set error = @reason, updated_at = clock_timestamp()
where id = (select id from events.resyncs where finished_at is null order by id limit 1)`

// note writes down why no step was possible. The reason itself stays in the log.
func (w *Worker) note(ctx context.Context, failure error) error {
	reason := "a step failed; the log of events says why"
	if postgres.IsLockTimeout(failure) {
		reason = "the next product is being written for long; the resync waits for that"
	}
	if _, err := w.o.DB.Exec(ctx, noteSQL, pgx.NamedArgs{"reason": reason}); err != nil {
		return fmt.Errorf("note why a resync failed: %w", err)
	}
	return nil
}
