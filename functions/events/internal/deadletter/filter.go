package deadletter

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

// Filter narrows what is meant. The zero value takes all.
type Filter struct {
	IDs         []uuid.UUID
	Type        string
	Subject     string
	EventID     string
	Source      string
	Destination string
	Status      int
	Replayed    *bool // nil: both
	Refused     *bool // that cannot be replayed; nil: both
	Since       *time.Time
	Until       *time.Time
}

const matching = `
    (@ids::uuid[] is null or d.id = any(@ids))
    and (@type = '' or d.type = @type)
    and (@subject = '' or d.subject = @subject)
    and (@event_id = '' or d.event_id = @event_id)
    and (@source = '' or d.source = @source)
    and (@destination = '' or d.destination = @destination)
    and (@status = 0 or d.status = @status)
    and (@replayed::boolean is null or (d.replayed_at is not null) = @replayed)
    and (@refused::boolean is null or (d.refusal is not null) = @refused)
    and (@since::timestamptz is null or d.created_at >= @since)
    and (@until::timestamptz is null or d.created_at < @until)`

func (f Filter) args() pgx.NamedArgs {
	return pgx.NamedArgs{
		"ids": f.IDs, "type": f.Type, "subject": f.Subject, "event_id": f.EventID, "source": f.Source,
		"destination": f.Destination, "status": f.Status, "replayed": f.Replayed, "refused": f.Refused,
		"since": f.Since, "until": f.Until,
	}
}

const listSQL = `
select ` + columns + `, null::json as event
from events.dead_letters d
where (@after::uuid is null or d.id < @after)
    and ` + matching + `
order by d.id desc
limit @limit`

// List shows dead letters without their events, newest first; after is the last
// one seen, or the zero id.
func List(ctx context.Context, db postgres.DB, f Filter, after uuid.UUID, limit int) ([]DeadLetter, error) {
	args := f.args()
	args["limit"], args["after"] = limit, nil
	if after != uuid.Nil {
		args["after"] = after
	}
	rows, err := db.Query(ctx, listSQL, args)
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[DeadLetter])
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	return found, nil
}

const deleteManySQL = `
delete from events.dead_letters
where id = any(array(
    select d.id
    from events.dead_letters d
    where ` + matching + `
    order by d.id
    limit @limit))`

// DeleteMany forgets the oldest letters that match, at most limit, and returns
// how many.
func DeleteMany(ctx context.Context, db postgres.DB, f Filter, limit int) (int64, error) {
	args := f.args()
	args["limit"] = limit
	tag, err := db.Exec(ctx, deleteManySQL, args)
	if err != nil {
		return 0, fmt.Errorf("delete dead letters: %w", err)
	}
	return tag.RowsAffected(), nil
}

// Counts are how many letters there are.
type Counts struct {
	Kept    int64 // all
	Waiting int64 // neither replayed since they came last nor refused
}

const countsSQL = `
select count(*) as kept,
    count(*) filter (where replayed_at is null and refusal is null) as waiting
from events.dead_letters`

// Count reads the whole table.
func Count(ctx context.Context, db postgres.DB) (Counts, error) {
	rows, err := db.Query(ctx, countsSQL)
	if err != nil {
		return Counts{}, fmt.Errorf("count dead letters: %w", err)
	}
	counts, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Counts])
	if err != nil {
		return Counts{}, fmt.Errorf("count dead letters: %w", err)
	}
	return counts, nil
}
