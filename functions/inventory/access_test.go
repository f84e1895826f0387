package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/issuer"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/service"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

func TestStockOperationsNeedTheirScopes(t *testing.T) {
	t.Parallel()
	s := open(t)
	lock, write := s.Bearer(t, "inventory:lock"), s.Bearer(t, "inventory:write")
	for _, c := range []struct {
		method, path string
		header       servicetest.Header
		want         int
	}{
		{"GET", "/v1/stock/A", servicetest.Header{Name: "Accept", Value: "*/*"}, 401},
		{"GET", "/v1/stock/A", lock, 404},
		{"GET", "/v1/stock/A", write, 404},
		{"GET", "/v1/reservations/o", write, 403},
		{"PUT", "/v1/locations/main", lock, 403},
		{"POST", "/v1/stock:import", lock, 403},
		{"GET", "/v1/stock:audit", s.Bearer(t, "catalog:write"), 403},
	} {
		a := s.Do(t, c.method, c.path, nil, c.header)
		require.Equal(t, c.want, a.Status, "%s %s: %s", c.method, c.path, a.Body)
	}
}

func TestTheRoleCannotRewriteTheLedgerOrOversell(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 1})
	pool := s.DB.Pool(t, "inventory")
	for _, sql := range []string{
		`update inventory.movements set on_hand_delta = 0`,
		`delete from inventory.movements`,
		`truncate inventory.movements`,
		`delete from inventory.reservations`,
		`update inventory.messages set step = ''`,
		`update inventory.reservation_lines set sku = 'B'`,
		`select * from catalog.products`,
		`insert into catalog.products (id) values (gen_random_uuid())`,
		`select * from events.outbox`,
		`delete from events.outbox`,
		`create table inventory.mine ()`,
		`alter table inventory.levels drop constraint levels_never_oversold`,
	} {
		_, err := pool.Exec(context.Background(), sql)
		require.ErrorContains(t, err, "42501", sql)
	}
	_, err := pool.Exec(context.Background(), `update inventory.levels set reserved = 2 where sku = 'A'`)
	require.ErrorContains(t, err, "levels_never_oversold")
	_, err = pool.Exec(context.Background(), `update inventory.levels set on_hand = -1 where sku = 'A'`)
	require.ErrorContains(t, err, "23514")
}

func TestADeliveryNeedsTheTokenOfOurTrigger(t *testing.T) {
	t.Parallel()
	cfg := &config{
		EventConfig:     service.EventConfig{EventAuth: "oidc", EventAudience: "product-service/inventory", EventSubjects: []string{"our-trigger"}},
		DefaultCurrency: "USD", ReservationTTL: time.Minute, ReservationMaxTTL: time.Hour, LockMaxWait: 10 * time.Second,
	}
	s := &shop{Server: servicetest.Start(t, "inventory", cfg, routes), t: t, schemas: event.NewSchemas()}
	d := delivery{event.OrderPlaced, "1", map[string]any{"order_id": "o", "lines": lines("A", 1)}}
	a, _ := s.deliver(d)
	require.Equal(t, 401, a.Status)
	for subject, want := range map[string]int{"our-trigger": 200, "somebody": 403} {
		token, err := s.Issuer.Token(issuer.Claims{Subject: subject, Audience: "product-service/inventory"})
		require.NoError(t, err)
		a, _ := s.deliver(d, servicetest.Header{Name: "Authorization", Value: "Bearer " + token})
		require.Equal(t, want, a.Status, "%s: %s", subject, a.Body)
	}
}

func TestAnEventThatCannotBeIsRefusedForGood(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 1})
	for name, data := range map[string]map[string]any{
		"no lines":       {"order_id": "o", "lines": []any{}},
		"no order":       {"lines": lines("A", 1)},
		"nothing of it":  {"order_id": "o", "lines": lines("A", 0)},
		"a strange id":   {"order_id": "o o", "lines": lines("A", 1)},
		"half a pallet":  {"order_id": "o", "lines": lines("A", 0.5)},
		"a negative one": {"order_id": "o", "lines": lines("A", -1)},
	} {
		a, _ := s.deliver(delivery{event.OrderPlaced, name, data})
		require.Equal(t, 422, a.Status, name)
	}
	a, _ := s.deliver(delivery{"com.mallhive.order.dreamt.v1", "1", map[string]any{}})
	require.Equal(t, 202, a.Status, "an event of an unknown type is taken")
	require.EqualValues(t, 1, s.stock("A").Available)
}
