package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/mallhive/product-service/shared/web/webtest"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

func TestAWakeUpSendsAllThatWaits(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	var events []event.Event
	for i := range 500 {
		events = append(events, stockLow(t, fmt.Sprint("S", i%100), int64(i)))
	}
	appended(t, s, events...)
	wake(t, s)
	took := b.took()
	require.Len(t, took, 500)
	require.Zero(t, waiting(t, s))
	last := map[string]int64{}
	schemas := event.NewSchemas()
	for _, e := range took {
		require.NoError(t, schemas.Check(e))
		require.Equal(t, "https://product.internal.mallhive.com/v1/event-types/"+e.Type, e.DataSchema)
		require.Greater(t, e.Sequence, last[e.Subject], "subject %s went backwards", e.Subject)
		require.Equal(t, e.Subject, e.PartitionKey)
		last[e.Subject] = e.Sequence
	}
}

func TestAProductChangeArrivesAsTheWholeProduct(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	product := newProduct(t, s)
	e, err := event.New(event.ProductCreated, event.FromCatalog, product.String(), nil)
	require.NoError(t, err)
	require.NoError(t, outbox.AppendState(context.Background(), s.DB.Pool(t, "catalog"), e))
	wake(t, s)
	took := b.took()
	require.Len(t, took, 1)
	require.NoError(t, event.NewSchemas().Check(took[0]))
	require.Contains(t, string(took[0].Data), "ICE-1")
}

func TestASubjectWaitsBehindItsFailingHeadAndOthersDoNot(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	first := stockLow(t, "A", 3)
	appended(t, s, first, stockLow(t, "A", 2), stockLow(t, "B", 1))
	b.answers(func(e event.Event) int {
		if e.ID == first.ID {
			return http.StatusInternalServerError
		}
		return http.StatusAccepted
	})
	go func() { wakeQuietly(s) }()
	require.Eventually(t, func() bool { return len(b.took()) == 1 }, soon, time.Millisecond)
	require.Equal(t, "B", b.took()[0].Subject)
	b.answers(nil)
	require.Eventually(t, func() bool { return len(b.took()) == 3 }, soon, time.Millisecond, "the drain waits for what is due soon")
	require.Equal(t, first.ID, b.took()[1].ID)
}

func TestARefusedEventIsADeadLetterAndFreesItsSubject(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	bad := stockLow(t, "A", 3)
	appended(t, s, bad, stockLow(t, "A", 2))
	b.answers(func(e event.Event) int {
		if e.ID == bad.ID {
			return http.StatusUnprocessableEntity
		}
		return http.StatusAccepted
	})
	wake(t, s)
	require.Len(t, b.took(), 1)
	require.Zero(t, waiting(t, s))
	var list struct{ Items []map[string]any }
	s.Do(t, "GET", "/v1/dead-letters", nil, s.Bearer(t, "events:admin")).JSON(t, &list)
	require.Len(t, list.Items, 1)
	require.Equal(t, bad.ID, list.Items[0]["event_id"])
	require.InDelta(t, 422, list.Items[0]["status"], 0)
}

func TestAnEventIsGivenUpOnlyByABrokerThatIsUp(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	appended(t, s, stockLow(t, "A", 3), stockLow(t, "A", 2))
	_, err := s.DB.Owner(t).Exec(context.Background(), `update events.outbox set attempts = 2000 where subject = 'A'`)
	require.NoError(t, err)
	b.answers(always(http.StatusServiceUnavailable))
	wake(t, s)
	require.Equal(t, int64(2), waiting(t, s), "an hour of silence costs nothing but time")

	var first sync.Once
	b.answers(func(event.Event) int {
		status := http.StatusAccepted
		first.Do(func() { status = http.StatusInternalServerError })
		return status
	})
	require.Eventually(t, func() bool {
		dueNow(t, s)
		wakeQuietly(s)
		return waiting(t, s) == 0
	}, soon, 10*time.Millisecond)
	require.Len(t, b.took(), 1, "the next of the subject goes on")
	var list struct{ Items []struct{ Reason string } }
	s.Do(t, "GET", "/v1/dead-letters", nil, s.Bearer(t, "events:admin")).JSON(t, &list)
	require.Len(t, list.Items, 1)
	require.Contains(t, list.Items[0].Reason, "given up after 200")
}

func TestABrokerThatIsDownCostsNothingButTime(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	var events []event.Event
	for i := range 300 {
		events = append(events, stockLow(t, fmt.Sprint("S", i), 1))
	}
	appended(t, s, events...)
	b.answers(always(0))
	go func() { wakeQuietly(s) }()
	require.Eventually(t, func() bool { return s.Logs.FilterMessage("an event could not be sent and waits").Len() > 0 }, soon, time.Millisecond)
	b.answers(nil)
	owner := s.DB.Owner(t)
	require.Eventually(t, func() bool {
		// It may meet the drain that is still running; then the next round does.
		_, _ = owner.Exec(context.Background(), dueNowSQL)
		wakeQuietly(s)
		return len(ids(b.took())) == 300
	}, 20*time.Second, 10*time.Millisecond)
	require.Less(t, s.Logs.FilterMessage("an event could not be sent and waits").Len(), 200, "a dead broker is probed, not stormed")
}

func TestTwoRelaysLeaveNoGapsAndKeepOrder(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	one := start(t, b)
	two := start(t, b, servicetest.On(one.DB))
	var events []event.Event
	for i := range 1000 {
		events = append(events, stockLow(t, fmt.Sprint("S", i%50), int64(i)))
	}
	appended(t, one, events...)
	var both sync.WaitGroup
	for _, s := range []*servicetest.Server{one, two, one, two} {
		both.Go(func() { wakeQuietly(s) })
	}
	both.Wait()
	require.Eventually(t, func() bool { wakeQuietly(one); return waiting(t, one) == 0 }, soon, time.Millisecond)
	took := b.took()
	require.Len(t, took, 1000, "each once, for nobody died")
	last := map[string]int64{}
	for _, e := range took {
		require.Greater(t, e.Sequence, last[e.Subject])
		last[e.Subject] = e.Sequence
	}
}

// The function may die after the broker took an event and before that is
// noted: then it is sent again, as the same event.
func TestWhatWasSentButNotNotedIsSentAgainWithItsID(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	product := newProduct(t, s)
	e, err := event.New(event.ProductUpdated, event.FromCatalog, product.String(), nil)
	require.NoError(t, err)
	require.NoError(t, outbox.AppendState(context.Background(), s.DB.Pool(t, "catalog"), e))
	dead := claimed(t, s)
	require.Len(t, dead, 1, "claimed by one that dies now")
	wake(t, s)
	require.Empty(t, b.took(), "its lease is respected")
	dueNow(t, s)
	wake(t, s)
	took := b.took()
	require.Len(t, took, 1)
	require.Equal(t, dead[0].Event.ID, took[0].ID)
	require.JSONEq(t, string(dead[0].Event.Data), string(took[0].Data))
	require.Equal(t, dead[0].Event.Sequence, took[0].Sequence)
}

func TestAWakeUpDuringADrainIsNotForgotten(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	appended(t, s, stockLow(t, "A", 1))
	hold, held := make(chan struct{}), make(chan struct{})
	var once sync.Once
	b.answers(func(event.Event) int {
		once.Do(func() { close(held); <-hold })
		return http.StatusAccepted
	})
	done := make(chan struct{})
	go func() { wakeQuietly(s); close(done) }()
	<-held
	appended(t, s, stockLow(t, "B", 1))
	wake(t, s) // answered at once: the running drain looks again
	close(hold)
	<-done
	require.Len(t, b.took(), 2)
}

func TestADatabaseThatIsAwayMakesTheBrokerTryAgain(t *testing.T) {
	t.Parallel()
	cfg := &config{}
	cfg.EventAuth, cfg.Sink, cfg.DatabaseURL = "network", startBroker(t).URL, "postgres://nobody@127.0.0.1:1/none"
	s := servicetest.Start(t, "events", cfg, routes)
	answer := deliver(t, s, "/", event.Event{ID: "1", Source: "/ping", Type: event.Ping})
	require.Equal(t, http.StatusServiceUnavailable, answer.Status)
	require.NotEmpty(t, answer.Header.Get("Retry-After"))
	require.Equal(t, http.StatusServiceUnavailable, deliver(t, s, "/dead-letters", stockLow(t, "A", 1)).Status)
}

func TestWithoutABrokerRowsWait(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	appended(t, s, stockLow(t, "A", 1))
	wake(t, s)
	require.Equal(t, int64(1), waiting(t, s))
	require.NotZero(t, s.Logs.FilterMessage("K_SINK is not set: events wait in the outbox").Len())
}

// claimed are rows that a relay has claimed and does nothing with.
func claimed(t *testing.T, s *servicetest.Server) (rows []outbox.Claimed) {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, postgres.InTx(ctx, s.DB.Pool(t, "events"), func(tx pgx.Tx) (err error) {
		rows, err = new(outbox.Place).Claim(ctx, tx, 10, time.Minute)
		return err
	}))
	return rows
}

func ids(events []event.Event) map[string]bool {
	set := map[string]bool{}
	for _, e := range events {
		set[e.ID] = true
	}
	return set
}

// wakeQuietly is wake for goroutines that may outlive their test.
func wakeQuietly(s *servicetest.Server) {
	e, err := event.New(event.OutboxReady, event.FromCatalog, "outbox", event.WakeData{Function: "catalog"})
	if err != nil {
		return
	}
	req, err := e.NewRequest(context.Background(), s.URL+"/")
	if err != nil {
		return
	}
	if resp, err := webtest.Client.Do(req); err == nil {
		_ = resp.Body.Close()
	}
}
