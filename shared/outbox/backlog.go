package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

// Backlog is what waits in the outbox.
type Backlog struct {
	// Rows are all that wait, also behind others. Above Counted it is PostgreSQL's
	// estimate: as good as its last vacuum.
	Rows   int64
	Oldest *time.Time // when the oldest of them was appended
}

// Counted is how many rows are counted at most.
const Counted = 10_000

// Both ends of an index are looked at and no more, however long the backlog: a
// count of a million rows at each scrape would cost more than their sending.
const backlogSQL = `
with counted as (
    select count(*) as rows
    from (select from events.outbox order by position desc limit @counted + 1) newest
)
select
    case
        when rows <= @counted then rows
        else greatest(rows, (
            select c.reltuples / greatest(c.relpages, 1) * pg_relation_size(c.oid) / current_setting('block_size')::int
            from pg_class c
            where c.oid = 'events.outbox'::regclass)::bigint)
    end as rows,
    (select appended_at from events.outbox order by position limit 1) as oldest
from counted`

// Waiting tells the backlog. What it costs does not grow with it.
func Waiting(ctx context.Context, db postgres.DB) (Backlog, error) {
	rows, err := db.Query(ctx, backlogSQL, pgx.NamedArgs{"counted": Counted})
	if err != nil {
		return Backlog{}, fmt.Errorf("backlog of the outbox: %w", err)
	}
	b, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Backlog])
	if err != nil {
		return Backlog{}, fmt.Errorf("backlog of the outbox: %w", err)
	}
	return b, nil
}
