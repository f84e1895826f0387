// Package resync sends products again that a consumer may have lost: all, or
// what changed since a time. It walks through the catalog in small steps, each
// of which appends a few replays to the outbox and saves how far it came in one
// transaction, so that it may be cut at any point. It owns the table
// events.resyncs.
package resync

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Recommendation is who wants whole products, tombstones of deleted ones too.
const Recommendation = "recommendation"

// The states of a resync.
const (
	Waiting   = "waiting" // for the one before it
	Running   = "running"
	Finished  = "finished"
	Cancelled = "cancelled"
)

// Resync is one as it stands.
type Resync struct {
	ID          uuid.UUID  `json:"id"`
	Target      string     `json:"target" enum:"recommendation"`
	Since       *time.Time `json:"since" doc:"Only what changed since; null is the whole catalog"`
	State       string     `json:"state" enum:"waiting,running,finished,cancelled" doc:"One runs at a time; finished says that the broker has taken every replay or it is a dead letter; a product that was changed before its replay was sent goes as that change"`
	Total       int64      `json:"total" doc:"Products that there were when it was asked for, deleted ones too" example:"5000"`
	Done        int64      `json:"done" doc:"Products looked at" example:"1200"`
	Resent      int64      `json:"resent" doc:"Events appended for it. A product that did not change since, or whose change was about to be sent anyway, has none" example:"1190"`
	Error       *string    `json:"error" doc:"Why the last step failed; it is tried again by itself" example:"the next product is being written for long; the resync waits for that"`
	RequestedBy string     `json:"requested_by" doc:"Subject of the caller" example:"ops@mallhive.com"`
	CreatedAt   time.Time  `json:"created_at"`
	StartedAt   *time.Time `json:"started_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	FinishedAt  *time.Time `json:"finished_at" doc:"When it was finished or cancelled"`
}

// Request asks for one.
type Request struct {
	Target string
	Since  *time.Time
	By     string
}

const columns = `id, target, since, state, total, done, resent, error, requested_by, created_at, started_at, updated_at, finished_at`

const startSQL = `
insert into events.resyncs (id, target, since, requested_by, last, total)
select @id, @target, @since, @by, (select k.product_id from catalog.known_products k order by k.product_id desc limit 1), count(*)
from catalog.known_products
returning ` + columns

// Start puts a resync at the end of the queue. Steps do the work.
func Start(ctx context.Context, db postgres.DB, r Request) (Resync, error) {
	if r.Target != Recommendation {
		return Resync{}, fault.InvalidInput(fault.At("/target", "unknown", "there is only %s", Recommendation))
	}
	if r.Since != nil && r.Since.After(time.Now()) {
		return Resync{}, fault.InvalidInput(fault.At("/since", "future", "nothing can have changed since then"))
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Resync{}, fmt.Errorf("id of a resync: %w", err)
	}
	return one(ctx, db, "start a resync", startSQL, pgx.NamedArgs{"id": id, "target": r.Target, "since": r.Since, "by": r.By})
}

const getSQL = `
select ` + columns + `
from events.resyncs
where id = @id`

// Get shows one.
func Get(ctx context.Context, db postgres.DB, id uuid.UUID) (Resync, error) {
	found, err := one(ctx, db, "read a resync", getSQL, pgx.NamedArgs{"id": id})
	if errors.Is(err, pgx.ErrNoRows) {
		return found, fault.Missing("there is no resync %s", id)
	}
	return found, err
}

const listSQL = `
select ` + columns + `
from events.resyncs
where @before::uuid is null or id < @before
order by id desc
limit @limit`

// List shows resyncs, newest first; before is the last one seen, or the zero id.
func List(ctx context.Context, db postgres.DB, before uuid.UUID, limit int) ([]Resync, error) {
	args := pgx.NamedArgs{"before": nil, "limit": limit}
	if before != uuid.Nil {
		args["before"] = before
	}
	rows, err := db.Query(ctx, listSQL, args)
	if err != nil {
		return nil, fmt.Errorf("list resyncs: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[Resync])
	if err != nil {
		return nil, fmt.Errorf("list resyncs: %w", err)
	}
	return found, nil
}

const cancelSQL = `
update events.resyncs
set state = 'cancelled', updated_at = clock_timestamp(), finished_at = clock_timestamp()
where id = @id and finished_at is null
returning ` + columns

// Cancel appends no more for it; what waits in the outbox is sent all the same.
// One that is cancelled already stays so, one that is finished is a conflict.
func Cancel(ctx context.Context, db postgres.DB, id uuid.UUID) (Resync, error) {
	cancelled, err := one(ctx, db, "cancel a resync", cancelSQL, pgx.NamedArgs{"id": id})
	if !errors.Is(err, pgx.ErrNoRows) {
		return cancelled, err
	}
	was, err := Get(ctx, db, id)
	if err == nil && was.State == Finished {
		return was, fault.Clash("finished", "the resync is finished")
	}
	return was, err
}

func one(ctx context.Context, db postgres.DB, what, sql string, args pgx.NamedArgs) (Resync, error) {
	rows, err := db.Query(ctx, sql, args)
	if err != nil {
		return Resync{}, fmt.Errorf("%s: %w", what, err)
	}
	found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Resync])
	if err != nil {
		return Resync{}, fmt.Errorf("%s: %w", what, err)
	}
	return found, nil
}
