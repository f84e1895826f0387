package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mallhive/product-service/shared/web/webtest"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

type replayedMany struct {
	Replayed int
	Failed   []struct {
		ID           uuid.UUID
		Code, Detail string
		EventID      string `json:"event_id"`
	}
	Remaining int64
}

func replayMany(t *testing.T, s *servicetest.Server, body string) replayedMany {
	t.Helper()
	answer := s.Do(t, "POST", "/v1/dead-letters:replay", body, s.Bearer(t, "events:admin"))
	require.Equal(t, http.StatusOK, answer.Status, "%s", answer.Body)
	var p replayedMany
	answer.JSON(t, &p)
	return p
}

// replayQuietly is replayMany for goroutines, which may end no test.
func replayQuietly(s *servicetest.Server, authorization string) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.URL+"/v1/dead-letters:replay", strings.NewReader(`{}`))
	if err != nil {
		return
	}
	req.Header.Set("Authorization", authorization)
	req.Header.Set("Content-Type", "application/json")
	if resp, err := webtest.Client.Do(req); err == nil {
		_ = resp.Body.Close()
	}
}

type listedLetter struct {
	ID                   uuid.UUID
	EventID              string `json:"event_id"`
	Subject, Reason      string
	Destination, Refusal string
	Status, Replays      int
	ReplayedAt           *time.Time `json:"replayed_at"`
}

func listed(t *testing.T, s *servicetest.Server, query string) []listedLetter {
	t.Helper()
	var list struct{ Items []listedLetter }
	s.Do(t, "GET", "/v1/dead-letters?limit=100&"+query, nil, s.Bearer(t, "events:admin")).JSON(t, &list)
	return list.Items
}

// givenUp is what a broker sends of an event that a destination did not take.
func givenUp(t *testing.T, s *servicetest.Server, e event.Event, destination string, status int) event.Event {
	t.Helper()
	letter := e
	letter.Extensions = map[string]string{
		"knativeerrordest": destination, "knativeerrorcode": fmt.Sprint(status), "knativeerrordata": "full",
		"knativearrivaltime": "2026-01-01T00:00:00Z", "knativebrokerttl": "255", "knativehistory": "a; b",
	}
	require.Equal(t, http.StatusAccepted, deliver(t, s, "/dead-letters", letter).Status)
	return e
}

func low(t *testing.T, sku string, sequence int64) event.Event {
	t.Helper()
	e := stockLow(t, sku, sequence)
	e.Sequence = sequence
	return e
}

func TestManyDeadLettersAreReplayedOnceInTheOrderOfTheirEvents(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	var want []event.Event
	for _, n := range []int64{5, 3, 9, 1, 7, 2, 8, 4, 6} {
		want = append(want, givenUp(t, s, low(t, fmt.Sprint("S", n%2), n), "http://analytics", 500))
	}
	first := replayMany(t, s, `{"limit":4}`)
	require.Equal(t, replayedMany{Replayed: 4, Failed: first.Failed, Remaining: 5}, first)
	require.Empty(t, first.Failed)
	require.Equal(t, int64(1), replayMany(t, s, `{"limit":4}`).Remaining)
	last := replayMany(t, s, `{"limit":4}`)
	require.Equal(t, []int64{1, 0}, []int64{int64(last.Replayed), last.Remaining})
	require.Zero(t, replayMany(t, s, `{}`).Replayed, "not twice")
	took := b.took()
	require.Len(t, took, len(want))
	for i, e := range took {
		require.Equal(t, int64(i+1), e.Sequence)
		require.Empty(t, e.Extensions, "what the broker added is no part of the event")
	}
	require.Subset(t, ids(took), ids(want))

	asked, err := json.Marshal(map[string]any{"replayed_before": time.Now().UTC(), "limit": 5})
	require.NoError(t, err)
	require.Equal(t, int64(4), replayMany(t, s, string(asked)).Remaining)
	require.Zero(t, replayMany(t, s, string(asked)).Remaining, "calls come to an end when asked to replay again, too")
	require.Len(t, b.took(), 2*len(want))
}

func TestDeadLettersAreFoundByWhatIsKnownOfThem(t *testing.T) {
	t.Parallel()
	s := start(t, startBroker(t))
	a := givenUp(t, s, low(t, "A", 1), "http://analytics", 500)
	b := givenUp(t, s, low(t, "B", 2), "http://recommendation", 422)
	_, err := s.DB.Owner(t).Exec(context.Background(), `update events.dead_letters set created_at = now() - interval '1 day' where event_id = $1`, a.ID)
	require.NoError(t, err)
	hourAgo := url.QueryEscape(time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))
	for query, want := range map[string]event.Event{
		"subject=A": a, "event_id=" + b.ID: b, "destination=http://recommendation": b, "status=500": a, "since=" + hourAgo: b, "until=" + hourAgo: a,
	} {
		found := listed(t, s, query)
		require.Len(t, found, 1, query)
		require.Equal(t, want.ID, found[0].EventID, query)
	}
	require.Len(t, listed(t, s, "source="+url.QueryEscape(a.Source)+"&replayed=false&refused=false"), 2)
	require.Equal(t, 1, replayMany(t, s, `{"destination":"http://analytics"}`).Replayed)
	require.Equal(t, a.ID, listed(t, s, "replayed=true")[0].EventID)
	require.Equal(t, b.ID, listed(t, s, "replayed=false")[0].EventID)

	admin := s.Bearer(t, "events:admin")
	refusedDelete := s.Do(t, "DELETE", "/v1/dead-letters", nil, admin)
	require.Equal(t, http.StatusUnprocessableEntity, refusedDelete.Status, "all is never meant by accident")
	require.JSONEq(t, `{"deleted":1}`, string(s.Do(t, "DELETE", "/v1/dead-letters?replayed=true", nil, admin).Body))
	require.Len(t, listed(t, s, ""), 1)
	require.Equal(t, http.StatusForbidden, s.Do(t, "DELETE", "/v1/dead-letters?replayed=true", nil, s.Bearer(t, "catalog:write")).Status)
	require.Equal(t, http.StatusForbidden, s.Do(t, "POST", "/v1/dead-letters:replay", `{}`, s.Bearer(t, "catalog:write")).Status)
}

func TestWhatCannotBeReplayedIsShownWithItsReasonAndDoesNotStandInTheWay(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	bad := givenUp(t, s, low(t, "A", 1), "http://analytics", 500)
	fine := givenUp(t, s, low(t, "A", 2), "http://analytics", 500)
	broken := givenUp(t, s, low(t, "B", 3), "http://analytics", 500)
	_, err := s.DB.Owner(t).Exec(context.Background(), `update events.dead_letters set event = 'null' where event_id = $1`, broken.ID)
	require.NoError(t, err)
	b.answers(func(e event.Event) int {
		if e.ID == bad.ID {
			return http.StatusUnprocessableEntity
		}
		return http.StatusAccepted
	})
	p := replayMany(t, s, `{}`)
	require.Equal(t, []int64{1, 0}, []int64{int64(p.Replayed), p.Remaining}, "they are not tried again by themselves")
	require.Len(t, p.Failed, 2)
	require.Equal(t, []string{bad.ID, "refused"}, []string{p.Failed[0].EventID, p.Failed[0].Code})
	require.Equal(t, []string{broken.ID, "not_replayable"}, []string{p.Failed[1].EventID, p.Failed[1].Code})
	require.Equal(t, fine.ID, b.took()[0].ID)
	for _, l := range listed(t, s, "refused=true") {
		require.NotEmpty(t, l.Refusal)
	}
	require.Empty(t, replayMany(t, s, `{}`).Failed)
	one := s.Do(t, "POST", "/v1/dead-letters/"+p.Failed[1].ID.String()+"/replay", nil, s.Bearer(t, "events:admin"))
	require.Equal(t, http.StatusConflict, one.Status)
	require.Contains(t, string(one.Body), "not_replayable")
	b.answers(nil)
	require.Equal(t, 1, replayMany(t, s, `{"refused":true}`).Replayed)
	require.Len(t, replayMany(t, s, `{"ids":["`+p.Failed[1].ID.String()+`"]}`).Failed, 1, "who names it gets the reason again")
}

func TestASubjectWaitsBehindWhatTheBrokerDoesNotTakeAndADownBrokerEndsTheCall(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	first := givenUp(t, s, low(t, "A", 1), "http://analytics", 500)
	givenUp(t, s, low(t, "A", 2), "http://analytics", 500)
	givenUp(t, s, low(t, "B", 3), "http://analytics", 500)
	b.answers(always(http.StatusServiceUnavailable))
	down := s.Do(t, "POST", "/v1/dead-letters:replay", `{}`, s.Bearer(t, "events:admin"))
	require.Equal(t, http.StatusServiceUnavailable, down.Status)
	require.NotEmpty(t, down.Header.Get("Retry-After"))
	b.answers(func(e event.Event) int {
		if e.ID == first.ID {
			return http.StatusInternalServerError
		}
		return http.StatusAccepted
	})
	p := replayMany(t, s, `{}`)
	require.Equal(t, []int64{1, 2}, []int64{int64(p.Replayed), p.Remaining})
	require.Equal(t, []string{first.ID, "not_taken"}, []string{p.Failed[0].EventID, p.Failed[0].Code})
	require.Equal(t, "B", b.took()[0].Subject)
	b.answers(nil)
	require.Zero(t, replayMany(t, s, `{}`).Remaining)
	require.Equal(t, []int64{3, 1, 2}, []int64{b.took()[0].Sequence, b.took()[1].Sequence, b.took()[2].Sequence})
}

func TestAnEventThatSeveralDidNotTakeIsReplayedOnce(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	e := givenUp(t, s, low(t, "A", 1), "http://analytics", 500)
	givenUp(t, s, e, "http://recommendation", 500)
	require.Equal(t, 2, replayMany(t, s, `{}`).Replayed)
	require.Len(t, b.took(), 1)
	require.Len(t, listed(t, s, "replayed=true"), 2)
}

// It may come back before its replay is noted.
func TestALetterThatComesBackWaitsAgain(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	e := givenUp(t, s, low(t, "A", 1), "http://analytics", 500)
	require.Equal(t, 1, replayMany(t, s, `{}`).Replayed)
	givenUp(t, s, e, "http://analytics", 500)
	require.Nil(t, listed(t, s, "")[0].ReplayedAt)
	b.answers(func(event.Event) int {
		givenUp(t, s, e, "http://analytics", 500)
		return http.StatusAccepted
	})
	require.Equal(t, int64(1), replayMany(t, s, `{}`).Remaining)
	require.Equal(t, 2, listed(t, s, "replayed=false")[0].Replays)
}

func TestTwoReplaysOfManySendNothingTwice(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	givenUp(t, s, low(t, "A", 1), "http://analytics", 500)
	hold, held, token := make(chan struct{}), make(chan struct{}), s.Bearer(t, "events:admin")
	var once sync.Once
	b.answers(func(event.Event) int {
		once.Do(func() { close(held); <-hold })
		return http.StatusAccepted
	})
	var first sync.WaitGroup
	first.Go(func() { replayQuietly(s, token.Value) })
	<-held
	second := s.Do(t, "POST", "/v1/dead-letters:replay", `{}`, s.Bearer(t, "events:admin"))
	close(hold)
	require.Equal(t, http.StatusConflict, second.Status)
	require.Contains(t, string(second.Body), "replay_in_progress")
	first.Wait()
	require.Len(t, b.took(), 1)
	require.Len(t, listed(t, s, "replayed=true"), 1)

	// Whoever claimed and died holds the others up for a lease.
	givenUp(t, s, low(t, "A", 2), "http://analytics", 500)
	owner := s.DB.Owner(t)
	_, err := owner.Exec(context.Background(), `update events.dead_letters set claimed_until = now() + interval '1 minute' where replayed_at is null`)
	require.NoError(t, err)
	require.Equal(t, http.StatusConflict, s.Do(t, "POST", "/v1/dead-letters:replay", `{}`, s.Bearer(t, "events:admin")).Status)
	_, err = owner.Exec(context.Background(), `update events.dead_letters set claimed_until = now() where claimed_until is not null`)
	require.NoError(t, err)
	require.Equal(t, 1, replayMany(t, s, `{}`).Replayed)
}

func TestTheReasonIsReadableAlsoWhereABrokerEncodesIt(t *testing.T) {
	t.Parallel()
	s := start(t, startBroker(t))
	for sku, data := range map[string]string{
		"encoded": base64.StdEncoding.EncodeToString([]byte("no space left\non device")), "plain": "no space left", "short": "full", "bytes": "AAECAwQF",
	} {
		e := stockLow(t, sku, 1)
		e.Extensions = map[string]string{"knativeerrordata": data, "knativeerrorcode": "-1"}
		require.Equal(t, http.StatusAccepted, deliver(t, s, "/dead-letters", e).Status)
	}
	for sku, want := range map[string]string{"encoded": "no space left\non device", "plain": "no space left", "short": "full", "bytes": "AAECAwQF"} {
		require.Equal(t, want, listed(t, s, "subject="+sku)[0].Reason)
		require.Zero(t, listed(t, s, "subject="+sku)[0].Status, "nobody answered")
	}
}
