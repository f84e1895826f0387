package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// backlog appends rows of stock: so many of each subject, one subject after the
// other.
func backlog(t *testing.T, owner postgres.DB, subjects, each int) {
	t.Helper()
	_, err := owner.Exec(context.Background(), `
		insert into events.outbox (id, stream, type, source, subject, data)
		select gen_random_uuid()::text, 'stock:' || s, $3, $4, s::text, '{}'
		from generate_series(1, $1::int) s
		cross join generate_series(1, $2::int)`, subjects, each, event.StockLow, event.FromInventory)
	require.NoError(t, err)
}

func claimOf(t *testing.T, place *outbox.Place, db postgres.DB, limit int) []outbox.Claimed {
	t.Helper()
	rows, err := claimFrom(place, db, limit)
	require.NoError(t, err)
	require.LessOrEqual(t, len(rows), limit)
	return rows
}

func TestANewEventDoesNotWaitBehindABacklog(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	ctx, relay := context.Background(), db.Pool(t, "events")
	backlog(t, db.Owner(t), 2000, 2)
	var place outbox.Place
	claimOf(t, &place, relay, 20)
	require.NoError(t, outbox.Append(ctx, db.Pool(t, "inventory"), low(t, "new", 1), low(t, "1999", 1)))
	got := subjects(claimOf(t, &place, relay, 20))
	require.Contains(t, got, "new")
	require.Len(t, got, 20, "the backlog goes on meanwhile")
	for _, row := range claim(t, relay) {
		if row.Event.Subject == "1999" {
			require.JSONEq(t, "{}", string(row.Event.Data), "a new event of a subject waits for its older ones")
		}
	}
}

func TestOutcomesOfOrdersWaitForNoImport(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	ctx, relay := context.Background(), db.Pool(t, "events")
	backlog(t, db.Owner(t), 1000, 1)
	var place outbox.Place
	claimOf(t, &place, relay, 20)
	outcome := wakeUp(t, event.InventoryExpired, "order-1", map[string]any{"order_id": "order-1"})
	require.NoError(t, outbox.Append(ctx, db.Pool(t, "inventory"), outcome))
	backlog(t, db.Owner(t), 5000, 1) // newer than the outcome
	require.Contains(t, subjects(claimOf(t, &place, relay, 20)), "order-1")
}

func TestReplaysYieldToWhatIsNew(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	ctx, inventory, relay := context.Background(), db.Pool(t, "inventory"), db.Pool(t, "events")
	backlog(t, db.Owner(t), 1000, 1)
	var place outbox.Place
	claimOf(t, &place, relay, 20)
	replays := []event.Event{low(t, "live", 1)}
	for i := range 500 {
		e := low(t, fmt.Sprint("z-replay-", i), 1)
		e.Replay = true
		replays = append(replays, e)
	}
	require.NoError(t, outbox.Append(ctx, inventory, replays...))
	got := claimOf(t, &place, relay, 20)
	require.Contains(t, subjects(got), "live")
	for _, row := range got {
		require.False(t, row.Event.Replay)
	}
}

// A backlog may be a million rows of a few subjects: a claim must not go
// through what waits behind others.
func TestWhatAClaimReadsDoesNotGrowWithTheBacklog(t *testing.T) {
	t.Parallel()
	for _, shape := range []struct{ subjects, each int }{{20_000, 1}, {20, 1000}} {
		db := testdb.New(t)
		// A vacuum before the commit counts none of the rows, and what it counted is
		// all that PostgreSQL knows of them until the next. Which plan it likes then
		// depends on the size of pages and trees; here it is led to the worst.
		ctx, owner := context.Background(), db.Owner(t)
		require.NoError(t, postgres.InTx(ctx, owner, func(tx pgx.Tx) error {
			backlog(t, tx, shape.subjects, shape.each)
			_, err := owner.Exec(ctx, "vacuum events.outbox")
			return err
		}))
		relay := db.Pool(t, "events")
		var place outbox.Place
		for range 3 {
			var rows []outbox.Claimed
			var read int
			require.NoError(t, postgres.InTx(ctx, relay, func(tx pgx.Tx) (err error) {
				if _, err := tx.Exec(ctx, "set local enable_indexscan = off"); err != nil {
					return err
				}
				if rows, err = place.Claim(ctx, tx, 100, time.Minute); err != nil {
					return err
				}
				return tx.QueryRow(ctx, `
					select pg_stat_get_xact_tuples_returned('events.outbox'::regclass)
						+ sum(pg_stat_get_xact_tuples_returned(indexrelid))
					from pg_index where indrelid = 'events.outbox'::regclass`).Scan(&read)
			}))
			require.Equal(t, min(100, shape.subjects), len(rows), "the oldest of each subject") //nolint:testifylint // it would print them all
			require.Less(t, read, 2000, "%d subjects of %d rows each", shape.subjects, shape.each)
			require.NoError(t, outbox.Remove(ctx, relay, rows...))
		}
	}
}

// Blocks, for the rows alone do not show an index that is read from end to end.
func TestARowIsFoundWithoutReadingTheOutbox(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	ctx, owner := context.Background(), db.Owner(t)
	require.NoError(t, postgres.InTx(ctx, owner, func(tx pgx.Tx) error {
		backlog(t, tx, 20_000, 1)
		_, err := owner.Exec(ctx, "vacuum events.outbox")
		return err
	}))
	relay := db.Pool(t, "events")
	var place outbox.Place
	var rows []outbox.Claimed
	for _, step := range []struct {
		name string
		do   func(tx pgx.Tx) error
	}{
		{"claim", func(tx pgx.Tx) (err error) { rows, err = place.Claim(ctx, tx, 1, time.Minute); return err }},
		{"postpone", func(tx pgx.Tx) error { return outbox.Postpone(ctx, tx, outbox.Failure{Row: rows[0], Reason: "down"}) }},
		{"remove", func(tx pgx.Tx) error { return outbox.Remove(ctx, tx, rows...) }},
	} {
		for _, off := range []string{"enable_indexscan", "enable_bitmapscan", "enable_seqscan", "enable_mergejoin"} {
			var before, after int
			err := postgres.InTx(ctx, relay, func(tx pgx.Tx) error {
				fetched := func(n *int) error {
					return tx.QueryRow(ctx, `
						select pg_stat_get_xact_blocks_fetched('events.outbox'::regclass)
							+ sum(pg_stat_get_xact_blocks_fetched(indexrelid))
						from pg_index where indrelid = 'events.outbox'::regclass`).Scan(n)
				}
				_, err := tx.Exec(ctx, "set local "+off+" = off")
				return errors.Join(err, fetched(&before), step.do(tx), fetched(&after))
			})
			require.NoError(t, err)
			require.Len(t, rows, 1)
			require.Less(t, after-before, 60, "%s, without %s", step.name, off)
		}
	}
}

func TestRowsThatWaitForTheirTimeHideNone(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	ctx, relay := context.Background(), db.Pool(t, "events")
	backlog(t, db.Owner(t), 5000, 1)
	_, err := db.Owner(t).Exec(ctx, `
		update events.outbox set next_attempt_at = now() + interval '1 hour'
		where stream < 'stock:7' or stream >= 'stock:8'`)
	require.NoError(t, err)
	var place outbox.Place
	seen := map[string]bool{}
	for rows := claimOf(t, &place, relay, 50); len(rows) > 0; rows = claimOf(t, &place, relay, 50) {
		for _, s := range subjects(rows) {
			require.False(t, seen[s], "%s is leased", s)
			seen[s] = true
		}
	}
	require.Len(t, seen, 1+10+100, "7, 7x and 7xx")
}

func TestTheBacklogIsCountedWhileItIsShortAndEstimatedWhenLong(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	ctx, relay := context.Background(), db.Pool(t, "events")
	before := time.Now().Add(-time.Minute)
	empty, err := outbox.Waiting(ctx, relay)
	require.NoError(t, err)
	require.Equal(t, outbox.Backlog{}, empty)
	backlog(t, db.Owner(t), outbox.Counted, 1)
	counted, err := outbox.Waiting(ctx, relay)
	require.NoError(t, err)
	require.Equal(t, int64(outbox.Counted), counted.Rows)
	require.WithinRange(t, *counted.Oldest, before, time.Now().Add(time.Minute))
	backlog(t, db.Owner(t), 2*outbox.Counted, 1)
	_, err = db.Owner(t).Exec(ctx, "vacuum analyze events.outbox")
	require.NoError(t, err)
	estimated, err := outbox.Waiting(ctx, relay)
	require.NoError(t, err)
	require.InDelta(t, 3*outbox.Counted, estimated.Rows, outbox.Counted/2)
}

// What an event tells of may be older than the event's row.
func TestARowIsAsOldAsItsAppending(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	e := wakeUp(t, event.InteractionViewed, uuid.NewString(), map[string]any{})
	e.Time = time.Now().Add(-24 * time.Hour)
	require.NoError(t, outbox.Append(context.Background(), db.Pool(t, "events"), e))
	rows := claim(t, db.Pool(t, "events"))
	require.Len(t, rows, 1)
	require.Less(t, time.Since(rows[0].Appended), time.Hour)
}
