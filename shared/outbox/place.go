package outbox

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/event"
)

// Place is how far a relay has come on its way through the outbox, so that no
// claim looks again at what others have passed, nor at what was delivered and is
// not yet vacuumed. Streams are visited in the order of their names, round and
// round: each once in a round, however many rows it has. Two kinds of rows need
// not wait for their turn: the newest that are no replays, and outcomes of
// orders. The zero Place is a beginning. It is not safe for concurrent use.
type Place struct {
	newest   int64  // up to here rows were new to an earlier claim
	outcomes string // the last stream that was visited of outcomes
	others   string // and of all
}

// lane is a range of streams that is gone through.
type lane struct {
	first, end string
	after      *string
}

func (p *Place) lanes() [2]lane {
	outcomes := event.Event{Type: event.InventoryExpired}.Stream() // all begin like it
	return [2]lane{
		{outcomes, outcomes + last, &p.outcomes},
		{"", last, &p.others},
	}
}

// last comes after every stream.
const last = "\U0010FFFF"

// found is a row that can be sent, or the last that a search came to.
type found struct {
	Stream   string
	Position int64
	ID       string
	Due      bool
	Over     bool // the lane ends with it
}

// The outbox is empty most of the time, and what PostgreSQL knows of it is from
// then: it would sort a million rows to find the first of them. With these off
// it can only walk along an index that has the order asked for.
const byIndexSQL = `
select set_config(name, @value, true)
from unnest(array['enable_seqscan', 'enable_bitmapscan', 'enable_sort']) name`

const newestSQL = `
select
    o.stream,
    o.position,
    o.id,
    ` + due + ` and o.position = (
        select first.position
        from events.outbox first
        where (first.stream, first.position) >= (o.stream, 0)
        order by first.stream, first.position
        limit 1) as due,
    false as over
from events.outbox o
where o.position > @newest and not o.replay
order by o.position desc
limit @most`

// One step of the recursion is one look into the index, past all that waits in
// the stream before. Rows that are not due are passed too, a thousand at most.
const walkSQL = `
with recursive walk as (
    select @after::text collate "C" as stream, 0::bigint as position, '' as id, false as due, 0 as steps, 0 as found
    union all
    select next.stream, next.position, next.id, next.due, walk.steps + 1, walk.found + next.due::int
    from walk
    cross join lateral (
        select o.stream, o.position, o.id, ` + due + ` as due
        from events.outbox o
        where o.stream > walk.stream and o.stream < @end
        order by o.stream, o.position
        limit 1) next
    where walk.found < @most and walk.steps < @most + 1000
), last as (
    select max(steps) as steps, max(found) as found
    from walk
)
select walk.stream, walk.position, walk.id, walk.due, last.found < @most and last.steps < @most + 1000 as over
from walk
cross join last
where walk.due or walk.steps = last.steps
order by walk.steps`

// find returns rows that can be sent, and whether there may be others when none
// of them is free any more.
func (p *Place) find(ctx context.Context, tx pgx.Tx, limit int) (ready names, more bool, err error) {
	var fresh []found
	var walked [2][]found
	batch := &pgx.Batch{}
	batch.Queue(byIndexSQL, pgx.NamedArgs{"value": "off"})
	queue(batch, &fresh, newestSQL, pgx.NamedArgs{"newest": p.newest, "most": max(limit/4, 1)})
	for i, l := range p.lanes() {
		*l.after = max(*l.after, l.first)
		// Outcomes leave half to others, so that nobody starves.
		queue(batch, &walked[i], walkSQL, pgx.NamedArgs{"after": *l.after, "end": l.end, "most": max(limit>>(1-i), 1)})
	}
	batch.Queue(byIndexSQL, pgx.NamedArgs{"value": "on"})
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return ready, false, err
	}
	if len(fresh) > 0 {
		p.newest = fresh[0].Position
	}
	for _, f := range fresh {
		ready.addDue(f)
	}
	for i, l := range p.lanes() {
		whole := *l.after == l.first
		for _, f := range walked[i] {
			if f.Due && len(ready.ids) == limit {
				whole = false
				break
			}
			ready.addDue(f)
			*l.after = f.Stream
			whole = whole && f.Over && !f.Due
		}
		if end := walked[i][len(walked[i])-1]; end.Over && *l.after == end.Stream {
			*l.after = l.first
		}
		more = more || !whole
	}
	return ready, more, nil
}

func queue(batch *pgx.Batch, into *[]found, sql string, args pgx.NamedArgs) {
	batch.Queue(sql, args).Query(func(rows pgx.Rows) (err error) {
		*into, err = pgx.CollectRows(rows, pgx.RowToStructByName[found])
		return err
	})
}

// addDue keeps each once: the newest are found on the way, too.
func (n *names) addDue(f found) {
	if f.Due && !slices.Contains(n.positions, f.Position) {
		n.add(f.ID, f.Position)
	}
}
