package outbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
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

func wakeUp(t testing.TB, typ, subject string, data any) event.Event {
	t.Helper()
	e, err := event.New(typ, event.FromInventory, subject, data)
	require.NoError(t, err)
	return e
}

func low(t testing.TB, sku string, available int64) event.Event {
	t.Helper()
	return wakeUp(t, event.StockLow, sku, event.StockData{SKU: sku, Available: available})
}

func state(t testing.TB, typ string, product uuid.UUID) event.Event {
	t.Helper()
	e, err := event.New(typ, event.FromCatalog, product.String(), nil)
	require.NoError(t, err)
	return e
}

func newProduct(t testing.TB, db postgres.DB) uuid.UUID {
	t.Helper()
	id := uuid.Must(uuid.NewV7())
	_, err := db.Exec(context.Background(), `
		insert into catalog.products (id, slug, name, status, content_hash)
		values ($1, $2, 'Toner', 'active', '')`, id, "toner-"+id.String())
	require.NoError(t, err)
	return id
}

// change raises the product's version and says so, as catalog does.
func change(ctx context.Context, db postgres.DB, e event.Event, product uuid.UUID) error {
	return postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `update catalog.products set version = version + 1 where id = $1`, product); err != nil {
			return err
		}
		return outbox.AppendState(ctx, tx, e)
	})
}

func claim(t testing.TB, db postgres.DB) []outbox.Claimed {
	t.Helper()
	rows, err := claimFrom(new(outbox.Place), db, 1000)
	require.NoError(t, err)
	return rows
}

func claimFrom(place *outbox.Place, db postgres.DB, limit int) (rows []outbox.Claimed, err error) {
	ctx := context.Background()
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) (err error) {
		rows, err = place.Claim(ctx, tx, limit, time.Minute)
		return err
	})
	return rows, err
}

func subjects(rows []outbox.Claimed) []string {
	var s []string
	for _, r := range rows {
		s = append(s, r.Event.Subject)
	}
	return s
}

func version(t testing.TB, e event.Event) int {
	t.Helper()
	var doc struct{ Version int }
	require.NoError(t, json.Unmarshal(e.Data, &doc))
	return doc.Version
}

func TestAnEventOfARolledBackChangeIsNeverSent(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	writer, relay := db.Pool(t, "inventory"), db.Pool(t, "events")
	failed := errors.New("the change failed")
	err := postgres.InTx(context.Background(), writer, func(tx pgx.Tx) error {
		require.NoError(t, outbox.Append(context.Background(), tx, low(t, "A", 1)))
		return failed
	})
	require.ErrorIs(t, err, failed)
	require.Empty(t, claim(t, relay))
}

func TestAnEventComesOutAsItWentIn(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	in := low(t, "A", 1)
	in.Replay, in.Traceparent = true, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	require.NoError(t, outbox.Append(context.Background(), db.Pool(t, "inventory"), in))
	rows := claim(t, db.Pool(t, "events"))
	require.Len(t, rows, 1)
	out := rows[0].Event
	require.Positive(t, out.Sequence)
	require.JSONEq(t, string(in.Data), string(out.Data))
	out.Sequence, out.Data = 0, in.Data
	require.Equal(t, in, out)
}

func TestASequenceDrawnElsewhereIsKept(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	e := wakeUp(t, event.InteractionViewed, "p", map[string]any{})
	e.Sequence = 1764000000000000000
	require.NoError(t, outbox.Append(context.Background(), db.Pool(t, "events"), e))
	require.Equal(t, e.Sequence, claim(t, db.Pool(t, "events"))[0].Event.Sequence)
}

func TestOnlyTheOldestOfASubjectIsClaimedAndTheNextWaitsForIt(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	ctx, relay := context.Background(), db.Pool(t, "events")
	require.NoError(t, outbox.Append(ctx, db.Pool(t, "inventory"), low(t, "A", 3), low(t, "A", 2), low(t, "B", 1)))
	first := claim(t, relay)
	require.ElementsMatch(t, []string{"A", "B"}, subjects(first))
	require.Empty(t, claim(t, relay), "both heads are leased")
	require.NoError(t, outbox.Postpone(ctx, relay, outbox.Failure{Row: first[0], Reason: "500", Again: time.Hour}, outbox.Failure{Row: first[1], Reason: "500", Again: time.Hour}))
	require.Empty(t, claim(t, relay), "a subject waits behind its failing head")
	require.NoError(t, outbox.Remove(ctx, relay, first...))
	next := claim(t, relay)
	require.Equal(t, []string{"A"}, subjects(next))
	require.Contains(t, string(next[0].Event.Data), `"available": 2`)
}

func TestAClaimThatDiedIsTakenOver(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	ctx, relay := context.Background(), db.Pool(t, "events")
	require.NoError(t, outbox.Append(ctx, db.Pool(t, "inventory"), low(t, "A", 3)))
	dead := claim(t, relay)
	_, err := db.Owner(t).Exec(ctx, `update events.outbox set claimed_until = now() - interval '1 second'`)
	require.NoError(t, err)
	again := claim(t, relay)
	require.Equal(t, dead[0].Event, again[0].Event, "the same event with the same id")
	require.NoError(t, outbox.Postpone(ctx, relay, outbox.Failure{Row: dead[0], Reason: "late", Again: time.Hour}))
	require.NoError(t, outbox.Postpone(ctx, relay, outbox.Failure{Row: again[0], Reason: "500"}))
	require.Equal(t, 1, claim(t, relay)[0].Attempts, "who lost the lease decides nothing")
}

func TestClaimsSideBySideShareNoRow(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	ctx := context.Background()
	var events []event.Event
	for i := range 200 {
		events = append(events, low(t, fmt.Sprint(i), 1))
	}
	require.NoError(t, outbox.Append(ctx, db.Pool(t, "inventory"), events...))
	relay := db.Pool(t, "events")
	var mu sync.Mutex
	seen := map[string]int{}
	var claimers sync.WaitGroup
	for range 4 {
		claimers.Go(func() {
			var place outbox.Place
			for {
				rows, err := claimFrom(&place, relay, 7)
				if err != nil || len(rows) == 0 {
					return
				}
				mu.Lock()
				for _, s := range subjects(rows) {
					seen[s]++
				}
				mu.Unlock()
			}
		})
	}
	claimers.Wait()
	for _, r := range claim(t, relay) { // what a claimer passed over while another held it
		seen[r.Event.Subject]++
	}
	require.Len(t, seen, 200)
	for s, n := range seen {
		require.Equal(t, 1, n, s)
	}
}

func TestAnIDThatWaitsAlreadyIsNotWrittenAgain(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	e := low(t, "A", 1)
	require.NoError(t, outbox.Append(context.Background(), db.Pool(t, "inventory"), e))
	require.NoError(t, outbox.Append(context.Background(), db.Pool(t, "inventory"), e))
	waiting, err := outbox.Waiting(context.Background(), db.Pool(t, "events"))
	require.NoError(t, err)
	require.Equal(t, int64(1), waiting.Rows)
}

// The id of an interaction is what anybody outside gives it.
func TestAnEventOfTheSameIDFromAnotherSourceIsAnotherRow(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	ctx := context.Background()
	product := newProduct(t, db.Owner(t))
	ours := state(t, event.ProductUpdated, product)
	theirs, err := event.New(event.InteractionViewed, "/frontends/homepage", uuid.NewString(), map[string]string{"page": "home"})
	require.NoError(t, err)
	theirs.ID = ours.ID
	relay := db.Pool(t, "events")

	require.NoError(t, outbox.Append(ctx, relay, theirs))
	held := claim(t, relay)
	require.Equal(t, []string{theirs.Subject}, subjects(held))
	require.NoError(t, change(ctx, db.Pool(t, "catalog"), ours, product))
	_, err = db.Owner(t).Exec(ctx, "update events.outbox set claimed_until = null where source = $1", theirs.Source)
	require.NoError(t, err)

	both := claim(t, relay)
	require.ElementsMatch(t, []string{theirs.Subject, ours.Subject}, subjects(both), "one claim has both")
	data := map[string]string{}
	for _, row := range both {
		data[row.Event.Source] = string(row.Event.Data)
	}
	require.JSONEq(t, `{"page": "home"}`, data[theirs.Source])
	require.Contains(t, data[ours.Source], "toner-", "each has its own data")

	one, other := both[0], both[1]
	require.NoError(t, outbox.Postpone(ctx, relay, outbox.Failure{Row: one, Reason: "down"}))
	again := claim(t, relay)
	require.Equal(t, subjects([]outbox.Claimed{one}), subjects(again), "the other is still claimed")
	require.NoError(t, outbox.Remove(ctx, relay, other))
	require.NoError(t, outbox.Postpone(ctx, relay, outbox.Failure{Row: again[0], Reason: "down"}))
	require.Equal(t, subjects(again), subjects(claim(t, relay)), "what was not removed stays")
}

func TestOnlyTheRelayMayReadOrEmptyTheOutbox(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	ctx := context.Background()
	for _, function := range []string{"catalog", "inventory"} {
		pool := db.Pool(t, function)
		for _, sql := range []string{
			`select from events.outbox`, `update events.outbox set attempts = 0`, `delete from events.outbox`,
			`select from events.dead_letters`,
		} {
			_, err := pool.Exec(ctx, sql)
			require.ErrorContains(t, err, "permission denied", "%s: %s", function, sql)
		}
	}
	err := outbox.AppendState(ctx, db.Pool(t, "inventory"), state(t, event.ProductUpdated, uuid.New()))
	require.ErrorContains(t, err, "permission denied", "products are catalog's to tell of")
}
