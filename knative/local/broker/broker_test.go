package broker_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mallhive/product-service/shared/web/webtest"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/broker"
)

// sink is a subscriber that answers as told and hands on what it got.
type sink struct {
	*httptest.Server
	got     chan event.Event
	headers chan http.Header
}

func newSink(t *testing.T, answer func(n int, w http.ResponseWriter)) sink {
	t.Helper()
	s := sink{got: make(chan event.Event, 10_000), headers: make(chan http.Header, 10_000)}
	var mu sync.Mutex
	n := 0
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, err := cehttp.NewEventFromHTTPRequest(r)
		if err != nil {
			t.Errorf("not a CloudEvent was delivered: %v", err)
			return
		}
		mu.Lock()
		n++
		turn := n
		mu.Unlock()
		s.headers <- r.Header.Clone()
		s.got <- *e
		if answer != nil {
			answer(turn, w)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s sink) to() broker.Destination { return broker.Destination{URL: s.URL} }

func (s sink) next(t *testing.T) event.Event {
	t.Helper()
	select {
	case e := <-s.got:
		return e
	case <-time.After(10 * time.Second):
		require.Fail(t, "no event arrived")
		return event.Event{}
	}
}

func (s sink) nothing(t *testing.T) {
	t.Helper()
	select {
	case e := <-s.got:
		require.Fail(t, "unexpected event", e.String())
	default:
	}
}

func status(code int) func(int, http.ResponseWriter) {
	return func(_ int, w http.ResponseWriter) { w.WriteHeader(code) }
}

// start runs a broker with these triggers behind its real ingress.
func start(t *testing.T, o broker.Options) (*broker.Broker, string) {
	t.Helper()
	if o.BackoffScale == 0 {
		o.BackoffScale = 0.001
	}
	b, err := broker.New(o)
	require.NoError(t, err)
	server := httptest.NewServer(b)
	t.Cleanup(func() { server.Close(); b.Close() })
	return b, server.URL + "/default/default"
}

func trigger(s sink, deadLetters *sink, filters ...broker.Filter) broker.Trigger {
	t := broker.Trigger{Name: "t", Subject: "the-trigger", Filters: filters, Subscriber: s.to(),
		Delivery: broker.Delivery{Retry: 3, BackoffPolicy: broker.Exponential, BackoffDelay: time.Second}}
	if deadLetters != nil {
		to := deadLetters.to()
		t.Delivery.DeadLetter = &to
	}
	return t
}

func post(t *testing.T, url, id, eventType string, more ...string) int {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(`{"a":1}`))
	require.NoError(t, err)
	for name, value := range map[string]string{"Specversion": "1.0", "Id": id, "Type": eventType, "Source": "/test", "Subject": "s"} {
		request.Header.Set("Ce-"+name, value)
	}
	for i := 0; i+1 < len(more); i += 2 {
		request.Header.Set(more[i], more[i+1])
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := webtest.Client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

func drained(t *testing.T, b *broker.Broker) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	b.Drain(ctx)
	require.NoError(t, ctx.Err(), "the broker did not drain")
}

func TestEveryStatusIsRetriedOrNotAsKnativeDoes(t *testing.T) {
	t.Parallel()
	for code, tries := range map[int]int{
		200: 1, 202: 1, 204: 1,
		500: 4, 502: 4, 503: 4, 504: 4, 404: 4, 408: 4, 409: 4, 429: 4,
		301: 1, 400: 1, 401: 1, 403: 1, 410: 1, 413: 1, 415: 1, 422: 1,
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			subscriber, dead := newSink(t, status(code)), newSink(t, nil)
			b, url := start(t, broker.Options{Triggers: []broker.Trigger{trigger(subscriber, &dead)}})
			require.Equal(t, http.StatusAccepted, post(t, url, "1", "x"))
			drained(t, b)
			require.Len(t, subscriber.got, tries)
			if code < 300 {
				require.Empty(t, dead.got)
				return
			}
			require.Len(t, dead.got, 1)
			require.Equal(t, code, number(t, dead.next(t), "knativeerrorcode"))
		})
	}
}

func number(t *testing.T, e event.Event, extension string) int {
	t.Helper()
	var n int
	_, err := fmt.Sscan(fmt.Sprint(e.Extensions()[extension]), &n)
	require.NoError(t, err)
	return n
}

func TestASubscriberThatDoesNotAnswerIsRetried(t *testing.T) {
	t.Parallel()
	dead := newSink(t, nil)
	gone := newSink(t, nil)
	gone.Close()
	b, url := start(t, broker.Options{Triggers: []broker.Trigger{trigger(gone, &dead)}})
	post(t, url, "1", "x")
	drained(t, b)
	require.EqualValues(t, 3, b.Stats()[0].Retried)
	require.Equal(t, 500, number(t, dead.next(t), "knativeerrorcode"))
}

func TestASubscriberThatIsTooSlowIsRetried(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	slow := newSink(t, func(n int, _ http.ResponseWriter) {
		if n == 1 {
			<-release
		}
	})
	tr := trigger(slow, nil)
	tr.Delivery.Timeout = 50 * time.Millisecond
	b, url := start(t, broker.Options{Triggers: []broker.Trigger{tr}})
	post(t, url, "1", "x")
	first, second := slow.next(t), slow.next(t)
	require.Equal(t, first.ID(), second.ID())
	drained(t, b)
	close(release)
	require.EqualValues(t, 1, b.Stats()[0].Delivered)
}

func TestADeadLetterSaysWhyInKnativesWords(t *testing.T) {
	t.Parallel()
	subscriber, dead := newSink(t, func(_ int, w http.ResponseWriter) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = w.Write([]byte("{\"code\":\n\"bad\"}"))
	}), newSink(t, nil)
	b, url := start(t, broker.Options{Triggers: []broker.Trigger{trigger(subscriber, &dead)}})
	post(t, url, "1", "x", "Ce-Sequence", "007")
	drained(t, b)
	e := dead.next(t)
	require.Equal(t, subscriber.URL, e.Extensions()["knativeerrordest"])
	require.Equal(t, "422", e.Extensions()["knativeerrorcode"])
	data, err := base64.StdEncoding.DecodeString(e.Extensions()["knativeerrordata"].(string))
	require.NoError(t, err)
	require.JSONEq(t, `{"code":"bad"}`, string(data))
	require.Equal(t, "1", e.ID())
	require.Equal(t, "007", e.Extensions()["sequence"])
	require.JSONEq(t, `{"a":1}`, string(e.Data()))
}

func TestADeadLetterIsRetriedToo(t *testing.T) {
	t.Parallel()
	subscriber := newSink(t, status(400))
	dead := newSink(t, func(n int, w http.ResponseWriter) {
		if n < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	b, url := start(t, broker.Options{Triggers: []broker.Trigger{trigger(subscriber, &dead)}})
	post(t, url, "1", "x")
	drained(t, b)
	require.Len(t, dead.got, 3)
}

func TestAnAnswerThatIsNoCloudEventIsAFailedDelivery(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(http.ResponseWriter){
		"json": func(w http.ResponseWriter) { _, _ = w.Write([]byte(`{"ok":true}`)) },
		"invalid event": func(w http.ResponseWriter) {
			w.Header().Set("Ce-Specversion", "1.0")
			w.WriteHeader(http.StatusOK)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			subscriber, dead := newSink(t, func(_ int, w http.ResponseWriter) { answer(w) }), newSink(t, nil)
			b, url := start(t, broker.Options{Triggers: []broker.Trigger{trigger(subscriber, &dead)}})
			post(t, url, "1", "x")
			drained(t, b)
			require.Len(t, subscriber.got, 4)
			require.Equal(t, "502", dead.next(t).Extensions()["knativeerrorcode"])
		})
	}
}

func TestAReplyEntersTheBroker(t *testing.T) {
	t.Parallel()
	asks := newSink(t, func(_ int, w http.ResponseWriter) {
		for name, value := range map[string]string{"Specversion": "1.0", "Id": "reply-1", "Type": "reply", "Source": "/r", "Sequence": "9"} {
			w.Header().Set("Ce-"+name, value)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"b":2}`))
	})
	hears := newSink(t, nil)
	first := trigger(asks, nil, exact("ask"))
	second := trigger(hears, nil, exact("reply"))
	b, url := start(t, broker.Options{Triggers: []broker.Trigger{first, second}})
	post(t, url, "1", "ask")
	drained(t, b)
	reply := hears.next(t)
	require.Equal(t, "reply-1", reply.ID())
	require.Equal(t, "9", reply.Extensions()["sequence"])
	require.JSONEq(t, `{"b":2}`, string(reply.Data()))
	require.NotContains(t, reply.Extensions(), "knativebrokerttl")
	require.Equal(t, "reply", (<-asks.headers).Get("Prefer"))
}

func TestAReplyLoopEnds(t *testing.T) {
	t.Parallel()
	loop := newSink(t, func(n int, w http.ResponseWriter) {
		for name, value := range map[string]string{"Specversion": "1.0", "Id": fmt.Sprint(n), "Type": "again", "Source": "/r"} {
			w.Header().Set("Ce-"+name, value)
		}
	})
	b, url := start(t, broker.Options{Triggers: []broker.Trigger{trigger(loop, nil)}})
	post(t, url, "0", "again")
	drained(t, b)
	require.Len(t, loop.got, 255)
	require.Equal(t, http.StatusBadRequest, post(t, url, "x", "again", "Ce-Knativebrokerttl", "1"))
}

func TestRetryAfterIsHonouredFor429And503(t *testing.T) {
	t.Parallel()
	for code, honoured := range map[int]bool{429: true, 503: true, 500: false} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			subscriber := newSink(t, func(n int, w http.ResponseWriter) {
				if n == 1 {
					w.Header().Set("Retry-After", "1")
					w.WriteHeader(code)
				}
			})
			_, url := start(t, broker.Options{Triggers: []broker.Trigger{trigger(subscriber, nil)}})
			post(t, url, "1", "x")
			subscriber.next(t)
			began := time.Now()
			subscriber.next(t)
			require.Equal(t, honoured, time.Since(began) > 900*time.Millisecond)
		})
	}
}

func TestDeliveriesCarryTheTokenOfTheirTriggerForTheAudience(t *testing.T) {
	t.Parallel()
	subscriber, dead, open := newSink(t, status(422)), newSink(t, nil), newSink(t, nil)
	checked := trigger(subscriber, &dead)
	checked.Subscriber.Audience = "us"
	checked.Delivery.DeadLetter.Audience = "morgue"
	checked.DeadLetter = "the-channel"
	b, url := start(t, broker.Options{Triggers: []broker.Trigger{checked, trigger(open, nil)},
		Token: func(subject, audience string) (string, error) { return subject + "@" + audience, nil }})
	post(t, url, "1", "x")
	drained(t, b)
	require.Equal(t, "Bearer the-trigger@us", (<-subscriber.headers).Get("Authorization"))
	require.Equal(t, "Bearer the-channel@morgue", (<-dead.headers).Get("Authorization"))
	require.Empty(t, (<-open.headers).Get("Authorization"))
}

func TestRetriesDoNotHoldUpOtherEvents(t *testing.T) {
	t.Parallel()
	subscriber := newSink(t, func(n int, w http.ResponseWriter) {
		if n == 1 {
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	_, url := start(t, broker.Options{Concurrency: 1, Triggers: []broker.Trigger{trigger(subscriber, nil)}})
	post(t, url, "waits", "x")
	require.Equal(t, "waits", subscriber.next(t).ID())
	post(t, url, "passes", "x")
	require.Equal(t, "passes", subscriber.next(t).ID())
}

func TestAFullQueueIsTellingThePublisherToComeAgain(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	subscriber := newSink(t, func(int, http.ResponseWriter) { <-release })
	_, url := start(t, broker.Options{Queue: 2, Concurrency: 1, Room: 50 * time.Millisecond,
		Triggers: []broker.Trigger{trigger(subscriber, nil)}})
	require.Equal(t, 202, post(t, url, "1", "x"))
	require.Equal(t, 202, post(t, url, "2", "x"))
	require.Equal(t, 503, post(t, url, "3", "x"))
	close(release)
	subscriber.next(t)
	subscriber.next(t)
	subscriber.nothing(t)
}

func TestConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	subscriber := newSink(t, func(int, http.ResponseWriter) { <-release })
	b, url := start(t, broker.Options{Concurrency: 5, Triggers: []broker.Trigger{trigger(subscriber, nil)}})
	for i := range 50 {
		require.Equal(t, 202, post(t, url, fmt.Sprint(i), "x"))
	}
	for range 5 {
		subscriber.next(t)
	}
	subscriber.nothing(t)
	close(release)
	drained(t, b)
	require.Len(t, subscriber.got, 45)
}

func TestCopiesDeliverEachEventSoManyTimes(t *testing.T) {
	t.Parallel()
	subscriber := newSink(t, nil)
	b, url := start(t, broker.Options{CopiesFrom: 3, CopiesTo: 3, Triggers: []broker.Trigger{trigger(subscriber, nil)}})
	for i := range 20 {
		post(t, url, fmt.Sprint(i), "x")
	}
	drained(t, b)
	times := map[string]int{}
	for range 60 {
		times[subscriber.next(t).ID()]++
	}
	require.Len(t, times, 20)
	subscriber.nothing(t)
}

func TestCopiesAreAsManyAsChanceSaysBetweenTheBounds(t *testing.T) {
	t.Parallel()
	const events = 200
	subscriber := newSink(t, nil)
	b, url := start(t, broker.Options{CopiesFrom: 1, CopiesTo: 5, Triggers: []broker.Trigger{trigger(subscriber, nil)}})
	for i := range events {
		post(t, url, fmt.Sprint(i), "x")
	}
	drained(t, b)
	times := map[string]int{}
	for range b.Stats()[0].Delivered {
		times[subscriber.next(t).ID()]++
	}
	require.Len(t, times, events)
	seen := map[int]bool{}
	for _, n := range times {
		seen[n] = true
	}
	require.Equal(t, map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true}, seen)
}

func TestWhatAStopLeavesUndeliveredComesWithTheNextStart(t *testing.T) {
	t.Parallel()
	down := newSink(t, status(503))
	tr := trigger(down, nil)
	tr.Delivery.BackoffDelay = time.Hour
	b, url := start(t, broker.Options{BackoffScale: 1, Triggers: []broker.Trigger{tr}})
	post(t, url, "kept", "x")
	down.next(t)
	rest := b.Close()
	require.Len(t, rest, 1)

	up := newSink(t, nil)
	next, _ := start(t, broker.Options{Triggers: []broker.Trigger{trigger(up, nil)}})
	require.Equal(t, 1, next.Restore(rest))
	e := up.next(t)
	require.Equal(t, "kept", e.ID())
	require.JSONEq(t, `{"a":1}`, string(e.Data()))
}

// An event on its way to the dead letters is not delivered yet either.
func TestAStopLosesNoDeadLetter(t *testing.T) {
	t.Parallel()
	const events = 300
	subscriber, down := newSink(t, status(400)), newSink(t, status(503))
	tr := trigger(subscriber, &down)
	tr.Delivery.BackoffDelay = time.Hour
	b, url := start(t, broker.Options{BackoffScale: 1, Triggers: []broker.Trigger{tr}})
	for i := range events {
		require.Equal(t, http.StatusAccepted, post(t, url, fmt.Sprint(i), "x"))
	}
	for range events {
		down.next(t)
	}
	require.Len(t, b.Close(), events)
}

func TestTheIngressRefusesWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	_, url := start(t, broker.Options{})
	response, err := webtest.Client.Post(url, "application/json", strings.NewReader("{}"))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
	require.Equal(t, http.StatusNotFound, post(t, strings.Replace(url, "/default/default", "/other/default", 1), "1", "x"))
	response, err = webtest.Client.Get(url)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusMethodNotAllowed, response.StatusCode)
}

func TestSubscribersDoNotSeeTheBrokersOwnAttribute(t *testing.T) {
	t.Parallel()
	subscriber := newSink(t, nil)
	_, url := start(t, broker.Options{Triggers: []broker.Trigger{trigger(subscriber, nil)}})
	require.Equal(t, http.StatusAccepted, post(t, url, "1", "x", "Ce-Knativebrokerttl", "7", "Ce-Sequence", "1"))
	require.Equal(t, map[string]any{"sequence": "1"}, subscriber.next(t).Extensions())
}

func TestStructuredEventsAreTaken(t *testing.T) {
	t.Parallel()
	subscriber := newSink(t, nil)
	_, url := start(t, broker.Options{Triggers: []broker.Trigger{trigger(subscriber, nil)}})
	response, err := webtest.Client.Post(url, "application/cloudevents+json",
		strings.NewReader(`{"specversion":"1.0","id":"1","source":"/s","type":"x","data":{"a":1}}`))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusAccepted, response.StatusCode)
	e := subscriber.next(t)
	require.JSONEq(t, `{"a":1}`, string(e.Data()))
}
