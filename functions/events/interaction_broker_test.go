package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mallhive/product-service/shared/web/webtest"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

// troubles are what brokers do instead of answering; none of them ends of its
// own, so that whoever waited for one would wait for ever.
func troubles() map[string]http.HandlerFunc {
	seize := func(w http.ResponseWriter) net.Conn {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		return conn
	}
	return map[string]http.HandlerFunc{
		"hangs": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		},
		"resets": func(w http.ResponseWriter, _ *http.Request) {
			conn := seize(w)
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		},
		"has too much to do": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"trickles its answer": func(w http.ResponseWriter, _ *http.Request) {
			conn := seize(w)
			defer func() { _ = conn.Close() }()
			_, err := io.WriteString(conn, "HTTP/1.1 202 Accepted\r\nX-Slow: ")
			for every := time.NewTicker(5 * time.Millisecond); err == nil; <-every.C {
				_, err = conn.Write([]byte("x"))
			}
		},
		"answers what is no HTTP": func(w http.ResponseWriter, _ *http.Request) {
			conn := seize(w)
			_, _ = io.WriteString(conn, "220 smtp.example ESMTP\r\n")
			_ = conn.Close()
		},
	}
}

func startTroubled(t *testing.T, trouble http.HandlerFunc) (*servicetest.Server, *atomic.Int64) {
	t.Helper()
	asked := new(atomic.Int64)
	broker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Ce-Type") == event.OutboxReady {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		asked.Add(1)
		trouble(w, r)
	}))
	t.Cleanup(broker.Close)
	return start(t, &recorder{URL: broker.URL}), asked
}

func views(n, first int) string {
	var items []string
	for i := range n {
		items = append(items, fmt.Sprintf(`{"id":"i%d","type":"view","sku":"A"}`, first+i))
	}
	return `{"interactions":[` + strings.Join(items, ",") + `]}`
}

func TestNoTroubleOfTheBrokerIsTheCallers(t *testing.T) {
	t.Parallel()
	for name, trouble := range troubles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, asked := startTroubled(t, trouble)
			require.Equal(t, 40, interact(t, s, views(40, 0)).Accepted)
			first := asked.Load()
			for i := range 4 {
				require.Equal(t, 40, interact(t, s, views(40, 100+40*i)).Accepted)
			}
			require.LessOrEqual(t, asked.Load()-first, int64(4), "one event at most asks for a whole request")
			require.Equal(t, int64(200), waiting(t, s))
			var gone int
			for _, line := range s.Logs.All() {
				if strings.HasPrefix(line.Message, "the broker does not take interactions") {
					gone++
				}
			}
			require.Equal(t, 1, gone, "it is logged once, not for each request")
		})
	}
}

const lockOutboxSQL = `lock table events.outbox in access exclusive mode`

const lockProductsSQL = `lock table catalog.products, catalog.variants in access exclusive mode`

// holding has a statement's locks held until it is called off.
func holding(t *testing.T, s *servicetest.Server, sql string) (release func()) {
	t.Helper()
	tx, err := s.DB.Owner(t).Begin(context.Background())
	require.NoError(t, err)
	_, err = tx.Exec(context.Background(), sql)
	require.NoError(t, err)
	release = func() { _ = tx.Rollback(context.Background()) }
	t.Cleanup(release)
	return release
}

func TestACallerIsToldWhenNeitherBrokerNorDatabaseAnswers(t *testing.T) {
	t.Parallel()
	s, _ := startTroubled(t, troubles()["hangs"])
	release := holding(t, s, lockOutboxSQL)
	for range 2 {
		answer := s.Do(t, "POST", "/v1/interactions", views(500, 0))
		require.Equal(t, http.StatusServiceUnavailable, answer.Status, "%s", answer.Body)
		require.NotEmpty(t, answer.Header.Get("Retry-After"))
	}
	release()
	require.Equal(t, 500, interact(t, s, views(500, 0)).Accepted)
	require.Equal(t, int64(500), waiting(t, s))
}

func TestWhatTheBrokerTookStaysTakenWhenTheRestCannotBeStored(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	b.answers(func(e event.Event) int {
		if e.ID == "i1" {
			return http.StatusInternalServerError
		}
		return http.StatusAccepted
	})
	s := start(t, b)
	holding(t, s, lockOutboxSQL)
	got := interact(t, s, views(3, 0))
	require.Equal(t, 2, got.Accepted)
	require.Len(t, got.Rejected, 1)
	require.Equal(t, 1, got.Rejected[0].Index)
	require.Contains(t, got.Rejected[0].Reason, "send it again")
}

func TestACatalogThatDoesNotAnswerHoldsNothingUp(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	product := newProduct(t, s)
	release := holding(t, s, lockProductsSQL)
	body := fmt.Sprintf(`{"interactions":[{"type":"view","product_id":"%s"}]}`, product)
	for range 3 {
		require.Equal(t, 1, interact(t, s, body).Accepted)
	}
	for _, e := range b.took() {
		require.Nil(t, dataOf(t, e).ProductKnown)
	}
	release()
	require.Eventually(t, func() bool {
		interact(t, s, body)
		took := b.took()
		known := dataOf(t, took[len(took)-1]).ProductKnown
		return known != nil && *known
	}, time.Minute, 50*time.Millisecond)
}

// Bodies that never end hold no more memory than there is room for: somebody is
// sent away.
func TestMoreThanThereIsRoomForIsSentAway(t *testing.T) {
	t.Parallel()
	s := start(t, startBroker(t))
	const clients = 20
	busy := make(chan *http.Response, clients)
	ctx, leave := context.WithCancel(context.Background())
	t.Cleanup(leave)
	for range clients {
		body, sent := io.Pipe()
		go func() { _, _ = sent.Write(make([]byte, 1<<20-1)) }()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/v1/interactions", body)
		require.NoError(t, err)
		go func() {
			if resp, err := webtest.Client.Do(req); err == nil {
				_ = resp.Body.Close()
				busy <- resp
			}
		}()
	}
	resp := <-busy
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.NotEmpty(t, resp.Header.Get("Retry-After"))
}

func TestAnInteractionCannotTakeThePlaceOfAnotherEvent(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	reply := stockLow(t, "A", 1)
	reply.ID = event.ReplyID("order-1", "expired") // which whoever knows the order can guess
	require.Equal(t, 1, interact(t, s, fmt.Sprintf(`{"interactions":[{"id":"%s","type":"view","sku":"A"}]}`, reply.ID)).Accepted)
	require.NoError(t, outbox.Append(context.Background(), s.DB.Pool(t, "inventory"), reply))
	require.Equal(t, int64(2), waiting(t, s))
}
