package main

import (
	"context"
	"fmt"
	"time"

	"github.com/mallhive/product-service/shared/event"
)

// shape is how the rows of a backlog belong to subjects.
type shape struct {
	name    string
	subject string // in SQL, of the row's number i
}

func shapes() []shape {
	return []shape{
		{"every event of a subject of its own", "i"},
		{"a thousand events of each subject", "i / 1000"},
	}
}

const fillSQL = `
insert into events.outbox (id, stream, type, source, subject, data)
select gen_random_uuid()::text, 'stock:BENCH-' || %[1]s, '` + event.StockLow + `', '` + event.FromInventory + `', 'BENCH-' || %[1]s,
    jsonb_build_object('sku', 'BENCH-' || %[1]s, 'available', 3, 'threshold', 5, 'note', repeat('as long as most are ', 12))
from generate_series(1, $1::int) i`

// fill makes a backlog of events as a broker that is down leaves them behind.
func (w *world) fill(ctx context.Context, s shape) error {
	say("filling: %d rows, %s", w.rows, s.name)
	if _, err := w.database.Conn.Exec(ctx, "truncate events.outbox"); err != nil {
		return err
	}
	if _, err := w.database.Conn.Exec(ctx, fmt.Sprintf(fillSQL, s.subject), w.rows); err != nil {
		return fmt.Errorf("fill the outbox: %w", err)
	}
	return w.database.Checkpoint(ctx)
}

func (w *world) waiting(ctx context.Context) (rows int64, err error) {
	err = w.database.Conn.QueryRow(ctx, "select count(*) from events.outbox").Scan(&rows)
	return rows, err
}

// release ends the leases of a relay that was stopped.
func (w *world) release(ctx context.Context) error {
	_, err := w.database.Conn.Exec(ctx, "update events.outbox set claimed_until = null where claimed_until is not null")
	return err
}

const batch = 256

// The reference knows no subjects and no broker: it leases the oldest rows that
// are due, and deletes them.
const referenceScript = `
with due as (
    select position
    from events.outbox
    where next_attempt_at <= clock_timestamp() and (claimed_until is null or claimed_until <= clock_timestamp())
    order by position
    limit 256
    for update skip locked
), claimed as (
    update events.outbox o
    set claim = gen_random_uuid(), claimed_until = clock_timestamp() + interval '1 minute'
    from due
    where o.position = due.position
    returning o.position
)
select coalesce(array_agg(position), '{}')::text as positions from claimed \gset
delete from events.outbox where position = any(:positions::bigint[]);
`

// cpuEach is a part of CPU time for one of n.
func cpuEach(cpu time.Duration, n int64) string {
	return fmt.Sprintf("%.0f", float64(cpu.Microseconds())/float64(max(n, 1)))
}
