package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/service"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

// shop is a running inventory function and what tests do with it.
type shop struct {
	*servicetest.Server
	t       testing.TB
	staff   servicetest.Header
	schemas *event.Schemas
}

func open(t testing.TB, with ...servicetest.Option) *shop {
	t.Helper()
	cfg := &config{
		EventConfig:     service.EventConfig{EventAuth: "network"},
		DefaultCurrency: "USD", ReservationTTL: 15 * time.Minute, ReservationMaxTTL: 24 * time.Hour,
		LockMaxWait: 10 * time.Second,
	}
	s := &shop{Server: servicetest.Start(t, "inventory", cfg, routes, with...), t: t, schemas: event.NewSchemas()}
	s.staff = s.Bearer(t, "inventory:lock", "inventory:write")
	return s
}

// stocked opens a shop with one location, main, that holds the quantities.
func stocked(t testing.TB, onHand map[string]int) *shop {
	t.Helper()
	s := open(t)
	s.location("main", 1)
	s.count("main", onHand)
	return s
}

// of is the same shop for a subtest.
func (s *shop) of(t testing.TB) *shop {
	other := *s
	other.t = t
	return &other
}

func (s *shop) call(method, path string, body any, want int, headers ...servicetest.Header) servicetest.Answer {
	s.t.Helper()
	a := s.Do(s.t, method, path, body, append([]servicetest.Header{s.staff}, headers...)...)
	require.Equal(s.t, want, a.Status, "%s %s: %s", method, path, a.Body)
	return a
}

func (s *shop) location(code string, priority int) {
	s.t.Helper()
	s.call("PUT", "/v1/locations/"+code, map[string]any{"name": code, "priority": priority}, 201, servicetest.Header{Name: "If-None-Match", Value: "*"})
}

func (s *shop) count(location string, onHand map[string]int) {
	s.t.Helper()
	var rows strings.Builder
	for sku, n := range onHand {
		fmt.Fprintf(&rows, `{"sku":%q,"location":%q,"on_hand":%d}`+"\n", sku, location, n)
	}
	_, summary := s.imported("?results=failed", rows.String())
	require.Zero(s.t, summary.Failed)
	require.False(s.t, summary.Incomplete)
}

func (s *shop) imported(query, rows string) ([]resultLine, importSummary) {
	s.t.Helper()
	a := s.call("POST", "/v1/stock:import"+query, rows, 200, servicetest.Header{Name: "Content-Type", Value: "application/x-ndjson"})
	lines := strings.Split(strings.TrimSpace(string(a.Body)), "\n")
	var results []resultLine
	for _, line := range lines[:len(lines)-1] {
		var r resultLine
		require.NoError(s.t, json.Unmarshal([]byte(line), &r))
		results = append(results, r)
	}
	var last summaryLine
	require.NoError(s.t, json.Unmarshal([]byte(lines[len(lines)-1]), &last))
	return results, last.Summary
}

func (s *shop) stock(sku string) stockDoc {
	s.t.Helper()
	var doc stockDoc
	s.call("GET", "/v1/stock/"+sku, nil, 200).JSON(s.t, &doc)
	return doc
}

func (s *shop) reservation(orderID string) reservationDoc {
	s.t.Helper()
	var doc reservationDoc
	s.call("GET", "/v1/reservations/"+orderID, nil, 200).JSON(s.t, &doc)
	return doc
}

// lines are given as sku, quantity, sku, quantity …
func lines(skuAndQuantity ...any) []map[string]any {
	all := []map[string]any{}
	for i := 0; i < len(skuAndQuantity); i += 2 {
		all = append(all, map[string]any{"sku": skuAndQuantity[i], "quantity": skuAndQuantity[i+1]})
	}
	return all
}

func (s *shop) place(orderID string, want int, skuAndQuantity ...any) reservationDoc {
	s.t.Helper()
	var doc reservationDoc
	s.call("POST", "/v1/reservations", map[string]any{"order_id": orderID, "lines": lines(skuAndQuantity...)}, want).JSON(s.t, &doc)
	return doc
}

// delivery is a CloudEvent as the broker delivers it, and the answer to it.
type delivery struct {
	Type, ID string
	Data     map[string]any
}

func (s *shop) deliver(d delivery, headers ...servicetest.Header) (servicetest.Answer, event.Event) {
	s.t.Helper()
	body, err := json.Marshal(d.Data)
	require.NoError(s.t, err)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.URL+"/", strings.NewReader(string(body)))
	require.NoError(s.t, err)
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Ce-Specversion": "1.0", "Ce-Type": d.Type, "Ce-Id": d.ID,
		"Ce-Source": "/order-service", "Ce-Subject": fmt.Sprint(d.Data["order_id"]),
	} {
		req.Header.Set(name, value)
	}
	for _, h := range headers {
		req.Header.Set(h.Name, h.Value)
	}
	a := s.Send(s.t, req)
	if a.Status != http.StatusOK {
		return a, event.Event{}
	}
	reply, err := event.FromResponse(&http.Response{Header: a.Header, Body: readCloser(a.Body)})
	require.NoError(s.t, err, "%s", a.Body)
	require.NoError(s.t, s.schemas.Check(reply))
	return a, reply
}

// event delivers and wants a reply.
func (s *shop) event(typ, id, orderID string, more map[string]any) event.Event {
	s.t.Helper()
	data := map[string]any{"order_id": orderID}
	for name, value := range more {
		data[name] = value
	}
	a, reply := s.deliver(delivery{typ, id, data})
	require.Equal(s.t, 200, a.Status, "%s", a.Body)
	return reply
}

func dataOf(t testing.TB, e event.Event) event.ReservationData {
	t.Helper()
	var d event.ReservationData
	require.NoError(t, e.Decode(&d))
	return d
}

// overdue makes a running reservation one whose time is over: the owner ages
// the rows, because nobody waits in a test.
func (s *shop) overdue(orderID string) {
	s.t.Helper()
	owner := s.DB.Owner(s.t)
	for _, table := range []string{"reservations", "reservation_lines"} {
		_, err := owner.Exec(context.Background(), `update inventory.`+table+` set expires_at = now() - interval '1 second' where order_id = $1 and expires_at is not null`, orderID)
		require.NoError(s.t, err)
	}
}

func (s *shop) tick() {
	s.t.Helper()
	a, _ := s.deliver(delivery{"dev.knative.sources.ping", "tick", map[string]any{}})
	require.Equal(s.t, 202, a.Status, "%s", a.Body)
}

func (s *shop) outboxed(orderID string) []string {
	s.t.Helper()
	rows, err := s.DB.Owner(s.t).Query(context.Background(), `select type from events.outbox where subject = $1 order by position`, orderID)
	require.NoError(s.t, err)
	var types []string
	for rows.Next() {
		var typ string
		require.NoError(s.t, rows.Scan(&typ))
		types = append(types, strings.TrimSuffix(strings.TrimPrefix(typ, "com.mallhive."), ".v1"))
	}
	require.NoError(s.t, rows.Err())
	return types
}

// sound checks what must hold after everything.
func (s *shop) sound() {
	s.t.Helper()
	var found auditDoc
	s.call("GET", "/v1/stock:audit", nil, 200).JSON(s.t, &found)
	require.Empty(s.t, found.Items)
}

func itoa(n int) string { return strconv.Itoa(n) }
