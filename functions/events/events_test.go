package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/issuer"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/service"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

// recorder is what stands where the broker would: it keeps what it takes and
// answers as the test says.
type recorder struct {
	URL string

	mu     sync.Mutex
	events []event.Event
	judge  func(event.Event) int // 0 means that the connection is cut
}

func startBroker(t *testing.T) *recorder {
	t.Helper()
	b := &recorder{}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	b.URL = server.URL
	return b
}

func (b *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e, err := event.FromRequest(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	judge := b.judge
	b.mu.Unlock()
	status := http.StatusAccepted
	if judge != nil && e.Type != event.OutboxReady {
		status = judge(e)
	}
	if status == 0 {
		panic(http.ErrAbortHandler)
	}
	if status < 300 && e.Type != event.OutboxReady {
		b.mu.Lock()
		b.events = append(b.events, e)
		b.mu.Unlock()
	}
	w.WriteHeader(status)
}

func (b *recorder) answers(judge func(event.Event) int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.judge = judge
}

func (b *recorder) took() []event.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]event.Event(nil), b.events...)
}

func always(status int) func(event.Event) int { return func(event.Event) int { return status } }

func start(t *testing.T, b *recorder, with ...servicetest.Option) *servicetest.Server {
	t.Helper()
	cfg := &config{EventConfig: service.EventConfig{EventAuth: "network"}}
	if b != nil {
		cfg.Sink = b.URL
	}
	return servicetest.Start(t, "events", cfg, routes, with...)
}

// wake delivers a wake-up as the broker does, and waits until it is answered.
func wake(t *testing.T, s *servicetest.Server) {
	t.Helper()
	e, err := event.New(event.OutboxReady, event.FromCatalog, "outbox", event.WakeData{Function: "catalog"})
	require.NoError(t, err)
	answer := deliver(t, s, "/", e)
	require.Equal(t, http.StatusAccepted, answer.Status, "%s", answer.Body)
	require.Empty(t, answer.Body)
}

func deliver(t *testing.T, s *servicetest.Server, path string, e event.Event, headers ...servicetest.Header) servicetest.Answer {
	t.Helper()
	req, err := e.NewRequest(context.Background(), s.URL+path)
	require.NoError(t, err)
	for _, h := range headers {
		req.Header.Set(h.Name, h.Value)
	}
	return s.Send(t, req)
}

func stockLow(t *testing.T, sku string, available int64) event.Event {
	t.Helper()
	e, err := event.New(event.StockLow, event.FromInventory, sku, event.StockData{SKU: sku, Available: available})
	require.NoError(t, err)
	return e
}

func appended(t *testing.T, s *servicetest.Server, events ...event.Event) {
	t.Helper()
	require.NoError(t, outbox.Append(context.Background(), s.DB.Pool(t, "inventory"), events...))
}

func waiting(t *testing.T, s *servicetest.Server) int64 {
	t.Helper()
	b, err := outbox.Waiting(context.Background(), s.DB.Pool(t, "events"))
	require.NoError(t, err)
	return b.Rows
}

const dueNowSQL = `update events.outbox set next_attempt_at = now(), claimed_until = null`

// dueNow lets time pass for rows that wait for their next attempt.
func dueNow(t *testing.T, s *servicetest.Server) {
	t.Helper()
	_, err := s.DB.Owner(t).Exec(context.Background(), dueNowSQL)
	require.NoError(t, err)
}

// newProduct has one variant, ICE-1.
func newProduct(t *testing.T, s *servicetest.Server) uuid.UUID {
	t.Helper()
	id := uuid.Must(uuid.NewV7())
	pool := s.DB.Pool(t, "catalog")
	_, err := pool.Exec(context.Background(), `
		insert into catalog.products (id, slug, name, status, content_hash)
		values ($1, $2, 'Toner', 'active', '')`, id, "toner-"+id.String())
	require.NoError(t, err)
	_, err = pool.Exec(context.Background(), `
		insert into catalog.variants (id, product_id, sku, position) values ($1, $2, 'ICE-1', 1)`, uuid.New(), id)
	require.NoError(t, err)
	return id
}

func TestDeliveriesNeedTheTokenOfOurTrigger(t *testing.T) {
	t.Parallel()
	cfg := &config{EventConfig: service.EventConfig{EventAuth: "oidc", EventAudience: "product-service/events", EventSubjects: []string{"our-trigger"}}}
	s := servicetest.Start(t, "events", cfg, routes)
	ping := event.Event{ID: "1", Source: "/ping", Type: event.Ping, Data: json.RawMessage(`{}`)}
	require.Equal(t, http.StatusUnauthorized, deliver(t, s, "/", ping).Status)
	require.Equal(t, http.StatusUnauthorized, deliver(t, s, "/dead-letters", ping).Status)
	// A token for callers is none for deliveries.
	require.Equal(t, http.StatusUnauthorized, deliver(t, s, "/", ping, s.Bearer(t, "events:admin")).Status)
	for subject, status := range map[string]int{"our-trigger": http.StatusAccepted, "other-trigger": http.StatusForbidden} {
		token := triggerToken(t, s, subject)
		require.Equal(t, status, deliver(t, s, "/", ping, token).Status, subject)
		require.Equal(t, status, deliver(t, s, "/dead-letters", ping, token).Status, subject)
	}
}

func triggerToken(t *testing.T, s *servicetest.Server, subject string) servicetest.Header {
	t.Helper()
	token, err := s.Issuer.Token(issuer.Claims{Subject: subject, Audience: "product-service/events"})
	require.NoError(t, err)
	return servicetest.Header{Name: "Authorization", Value: "Bearer " + token}
}

const soon = 10 * time.Second
