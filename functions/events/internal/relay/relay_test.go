package relay_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/events/internal/relay"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

func stockLow(t *testing.T, sku string) event.Event {
	t.Helper()
	e, err := event.New(event.StockLow, event.FromInventory, sku, event.StockData{SKU: sku})
	require.NoError(t, err)
	return e
}

func appended(t *testing.T, db postgres.DB, events ...event.Event) {
	t.Helper()
	require.NoError(t, outbox.Append(context.Background(), db, events...))
}

func many(t *testing.T, n int) []event.Event {
	t.Helper()
	var events []event.Event
	for i := range n {
		events = append(events, stockLow(t, fmt.Sprint("S", i)))
	}
	return events
}

var taken = event.Receipt{Outcome: event.Delivered, Status: http.StatusAccepted}

func count(t *testing.T, db postgres.DB, condition string) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRow(context.Background(), `select count(*) from events.outbox where `+condition).Scan(&n))
	return n
}

func TestAnEventThatHangsHoldsUpItsOwnSubjectAlone(t *testing.T) {
	t.Parallel()
	db := testdb.New(t).Pool(t, "events")
	appended(t, db, stockLow(t, "hangs"), stockLow(t, "hangs"), stockLow(t, "B"), stockLow(t, "B"), stockLow(t, "B"))
	var others atomic.Int32
	all := make(chan struct{})
	r := relay.New(relay.Options{DB: db, Send: func(_ context.Context, e event.Event) event.Receipt {
		if e.Subject == "hangs" {
			<-all
		} else if others.Add(1) == 3 {
			close(all)
		}
		return taken
	}})
	report, err := r.Drain(context.Background())
	require.NoError(t, err)
	require.Equal(t, relay.Report{Delivered: 5}, report)
}

func TestWhatIsUnderWayIsBoundedHoweverMuchWaits(t *testing.T) {
	t.Parallel()
	db := testdb.New(t).Pool(t, "events")
	appended(t, db, many(t, 500)...)
	var sending, most atomic.Int32
	var leased atomic.Int64
	r := relay.New(relay.Options{DB: db, Batch: 20, Workers: 7, Send: func(ctx context.Context, _ event.Event) event.Receipt {
		defer sending.Add(-1)
		most.Store(max(most.Load(), sending.Add(1)))
		var n int64
		if err := db.QueryRow(ctx, `select count(*) from events.outbox where claimed_until is not null`).Scan(&n); err != nil {
			t.Error(err)
		}
		leased.Store(max(leased.Load(), n))
		return taken
	}})
	report, err := r.Drain(context.Background())
	require.NoError(t, err)
	require.Equal(t, 500, report.Delivered)
	require.LessOrEqual(t, most.Load(), int32(7))
	require.LessOrEqual(t, leased.Load(), int64(40))
}

func TestABrokerThatSaysWhenToComeAgainIsLeftAloneUntilThen(t *testing.T) {
	t.Parallel()
	db := testdb.New(t).Pool(t, "events")
	appended(t, db, stockLow(t, "A"))
	var asked atomic.Int32
	r := relay.New(relay.Options{DB: db, Send: func(context.Context, event.Event) event.Receipt {
		asked.Add(1)
		return event.Receipt{Status: http.StatusTooManyRequests, After: 10 * time.Minute, Reason: "429"}
	}})
	report, err := r.Drain(context.Background())
	require.NoError(t, err)
	require.Equal(t, relay.Report{Failed: 1}, report)
	require.Equal(t, 1, count(t, db, `next_attempt_at > now() + interval '9 minutes'`))
	appended(t, db, many(t, 10)...)
	_, err = r.Drain(context.Background())
	require.NoError(t, err)
	require.Equal(t, int32(1), asked.Load())
}

func TestABrokerThatFailsOnEveryEventIsProbedAndNotStormed(t *testing.T) {
	t.Parallel()
	db := testdb.New(t).Pool(t, "events")
	appended(t, db, many(t, 300)...)
	var asked atomic.Int32
	r := relay.New(relay.Options{DB: db, Workers: 4, Budget: time.Millisecond, Send: func(context.Context, event.Event) event.Receipt {
		asked.Add(1)
		return event.Receipt{Status: http.StatusInternalServerError, Reason: "500"}
	}})
	_, err := r.Drain(context.Background())
	require.NoError(t, err)
	require.LessOrEqual(t, asked.Load(), int32(8+4))
	require.GreaterOrEqual(t, count(t, db, `attempts = 0 and claimed_until is null`), 288, "the rest was not tried")
}

// One event on which the broker fails each time says nothing of the others.
func TestAnEventThatFailsAgainAndAgainMakesNobodyRest(t *testing.T) {
	t.Parallel()
	db := testdb.New(t).Pool(t, "events")
	appended(t, db, stockLow(t, "bad"))
	var failed atomic.Int32
	r := relay.New(relay.Options{DB: db, Budget: 10 * time.Second, Backoff: time.Microsecond, Send: func(_ context.Context, e event.Event) event.Receipt {
		if e.Subject == "bad" && failed.Add(1) <= 12 {
			return event.Receipt{Status: http.StatusInternalServerError, Reason: "500"}
		}
		return taken
	}})
	report, err := r.Drain(context.Background())
	require.NoError(t, err)
	require.Equal(t, relay.Report{Failed: 12, Delivered: 1}, report)
}

func TestARelayThatStopsGivesBackWhatItHasNotSent(t *testing.T) {
	t.Parallel()
	db := testdb.New(t).Pool(t, "events")
	appended(t, db, many(t, 30)...)
	var r *relay.Relay
	var once sync.Once
	r = relay.New(relay.Options{DB: db, Workers: 1, Send: func(context.Context, event.Event) event.Receipt {
		once.Do(r.Close)
		return taken
	}})
	report, err := r.Drain(context.Background())
	require.NoError(t, err)
	require.Equal(t, relay.Report{Delivered: 1, More: true}, report)
	require.Equal(t, 29, count(t, db, `claimed_until is null and attempts = 0`), "another relay has them at once")
}

func TestWhatWasSentIsNotedAlthoughItsCallerLeft(t *testing.T) {
	t.Parallel()
	db := testdb.New(t).Pool(t, "events")
	appended(t, db, many(t, 30)...)
	ctx, leave := context.WithCancel(context.Background())
	var sent atomic.Int32
	r := relay.New(relay.Options{DB: db, Workers: 1, Send: func(context.Context, event.Event) event.Receipt {
		if sent.Add(1) == 3 {
			leave()
		}
		return taken
	}})
	_, err := r.Drain(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 27, count(t, db, `claimed_until is null`))
	require.Equal(t, 27, count(t, db, `true`))
}
