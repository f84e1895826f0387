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
    and (@subject = '' or left(d.subject, 256) = left(@subject, 256) and d.subject = @subject)
    and (@event_id = '' or left(d.event_id, 256) = left(@event_id, 256) and d.event_id = @event_id)
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
	Kept    int64 // all; above Counted PostgreSQL's estimate, as good as its last vacuum
	Waiting int64 // neither replayed since they came last nor refused; Counted when there are as many or more
}

// Counted is how many letters are counted at most.
const Counted = 10_000

// Each is the beginning of an index: a consumer that is away for a night leaves
// very many letters, and they are asked for at each scrape.
const countsSQL = `
with counted as (
    select count(*) as kept
    from (select from events.dead_letters order by id desc limit @counted) newest
), due as (
    select count(*) as waiting
    from (
        select from events.dead_letters
        where replayed_at is null and refusal is null
        order by sequence nulls first, id
        limit @counted) first
)
select
    case
        when kept < @counted then kept
        else greatest(kept, (
            select c.reltuples / greatest(c.relpages, 1) * pg_relation_size(c.oid) / current_setting('block_size')::int
            from pg_class c
            where c.oid = 'events.dead_letters'::regclass)::bigint)
    end as kept,
    waiting
from counted
cross join due`

// Count tells how many there are. What it costs does not grow with them.
func Count(ctx context.Context, db postgres.DB) (Counts, error) {
	rows, err := db.Query(ctx, countsSQL, pgx.NamedArgs{"counted": Counted})
	if err != nil {
		return Counts{}, fmt.Errorf("count dead letters: %w", err)
	}
	counts, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Counts])
	if err != nil {
		return Counts{}, fmt.Errorf("count dead letters: %w", err)
	}
	return counts, nil
}
