package outbox

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/postgres"
)

// A change that waits is read when it is sent: then it tells all that a replay
// beside it could.
const appendReplaysSQL = `
insert into events.outbox (id, stream, type, source, subject, time, traceparent, replay)
select n.id, n.stream, n.type, n.source, n.subject, n.time, nullif(n.traceparent, ''), true
from unnest(@ids::text[], @streams::text[], @types::text[], @sources::text[], @subjects::text[], @times::timestamptz[],
    @traceparents::text[])
    with ordinality as n (id, stream, type, source, subject, time, traceparent, ordinal)
order by n.ordinal
on conflict (stream) where data is null do nothing`

// AppendReplay says in the caller's transaction that the state of subjects is
// to be sent again, and returns how many rows that made: a subject whose state
// waits already needs none, and keeps what it is. Whoever changes a subject
// before its replay is sent makes it an event of the change. The caller holds
// the lock of each subject.
func AppendReplay(ctx context.Context, tx postgres.DB, events ...event.Event) (int64, error) {
	events, err := newestOfEach(events)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	c := columnsOf(ctx, events)
	tag, err := tx.Exec(ctx, appendReplaysSQL, pgx.NamedArgs{
		"ids": c.ids, "streams": c.streams, "types": c.types, "sources": c.sources, "subjects": c.subjects,
		"times": c.times, "traceparents": c.traceparents,
	})
	if err != nil {
		return 0, fmt.Errorf("append %d replays to the outbox: %w", len(events), err)
	}
	return tag.RowsAffected(), nil
}

const replaysWaitingSQL = `
select count(*)
from events.outbox
where replay`

// ReplaysWaiting counts the replays that are not sent yet.
func ReplaysWaiting(ctx context.Context, db postgres.DB) (int64, error) {
	var n int64
	if err := db.QueryRow(ctx, replaysWaitingSQL).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the replays that wait: %w", err)
	}
	return n, nil
}
