package event_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
)

func sender(t *testing.T, o event.SenderOptions) *event.Sender {
	t.Helper()
	s, err := event.NewSender(o)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func TestOnlyWhatTheEventCannotHealIsRefused(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]event.Outcome{
		200: event.Delivered, 202: event.Delivered, 204: event.Delivered,
		400: event.Refused, 413: event.Refused, 415: event.Refused, 422: event.Refused,
		302: event.Retry, 401: event.Retry, 403: event.Retry, 404: event.Retry, 405: event.Retry,
		408: event.Retry, 409: event.Retry, 429: event.Retry, 500: event.Retry, 502: event.Retry, 503: event.Retry,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(status)
		}))
		receipt := sender(t, event.SenderOptions{Sink: server.URL}).Send(context.Background(), whole())
		server.Close()
		require.Equal(t, want, receipt.Outcome, status)
		require.Equal(t, status, receipt.Status)
		require.Equal(t, 3*time.Second, receipt.After)
		require.Equal(t, want != event.Delivered, receipt.Reason != "")
	}
}

func TestABrokerThatDoesNotAnswerIsTriedAgain(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	receipt := sender(t, event.SenderOptions{Sink: server.URL, Timeout: 50 * time.Millisecond}).Send(context.Background(), whole())
	require.Equal(t, event.Retry, receipt.Outcome)
	require.Zero(t, receipt.Status)
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	s := sender(t, event.SenderOptions{Sink: server.URL})
	for range 50 {
		require.Equal(t, event.Delivered, s.Send(context.Background(), whole()).Outcome)
	}
	require.Equal(t, int32(1), opened.Load())
}

func TestOverridesOfTheSinkBindingAreOnEveryEvent(t *testing.T) {
	t.Parallel()
	got := make(chan event.Event, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		e, _ := event.FromRequest(r)
		got <- e
	}))
	t.Cleanup(server.Close)
	s := sender(t, event.SenderOptions{Sink: server.URL, Overrides: `{"extensions":{"region":"eu"}}`})
	before := whole()
	require.Equal(t, event.Delivered, s.Send(context.Background(), before).Outcome)
	require.Equal(t, "eu", (<-got).Extensions["region"])
	require.NotContains(t, before.Extensions, "region")
}

func TestAWrongSinkNamesItsVariable(t *testing.T) {
	t.Parallel()
	_, err := event.NewSender(event.SenderOptions{Sink: "broker"})
	require.ErrorContains(t, err, "K_SINK")
	_, err = event.NewSender(event.SenderOptions{Sink: "http://broker", Overrides: "x"})
	require.ErrorContains(t, err, "K_CE_OVERRIDES")
}

func TestAConnectionThatTheBrokerHasJustClosedFailsNoEvent(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if asked.Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(server.Close)
	s := sender(t, event.SenderOptions{Sink: server.URL})
	for range 2 {
		require.Equal(t, event.Delivered, s.Send(context.Background(), whole()).Outcome)
	}
	require.Equal(t, int32(3), asked.Load())
}

func TestNoRedirectOfTheBrokerIsFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the event came here") }))
	t.Cleanup(elsewhere.Close)
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	require.Equal(t, event.Retry, sender(t, event.SenderOptions{Sink: server.URL}).Send(context.Background(), whole()).Outcome)
}

// Reasons are kept in the database, which takes neither.
func TestWhatABrokerSaysIsTextWhateverItSends(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"caf\xe9", "a\x00b", strings.Repeat("界", 400)} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(body))
		}))
		reason := sender(t, event.SenderOptions{Sink: server.URL}).Send(context.Background(), whole()).Reason
		require.True(t, utf8.ValidString(reason), "%q", reason)
		require.NotContains(t, reason, "\x00")
		require.Contains(t, reason, "500")
		server.Close()
	}
}
