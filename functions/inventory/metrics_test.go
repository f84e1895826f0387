package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/zap"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/service"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

// measured makes measures, and what reads one of them, by outcome if it has
// any: false when it tells nothing.
func measured(t *testing.T) (*measures, func(name, outcome string) (int64, bool)) {
	t.Helper()
	reader := sdk.NewManualReader()
	ms, err := measure(sdk.NewMeterProvider(sdk.WithReader(reader)).Meter(meter))
	require.NoError(t, err)
	return ms, func(name, outcome string) (int64, bool) {
		var all metricdata.ResourceMetrics
		require.NoError(t, reader.Collect(context.Background(), &all))
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				if m.Name == name {
					return valueOf(m.Data, outcome)
				}
			}
		}
		return 0, false
	}
}

func valueOf(data metricdata.Aggregation, outcome string) (int64, bool) {
	switch d := data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range d.DataPoints {
			if got, _ := p.Attributes.Value(attribute.Key("outcome")); got.AsString() == outcome {
				return p.Value, true
			}
		}
	case metricdata.Gauge[int64]:
		return d.DataPoints[0].Value, true
	case metricdata.Histogram[float64]:
		return int64(d.DataPoints[0].Count), true
	case metricdata.Histogram[int64]:
		return d.DataPoints[0].Sum, true
	}
	return 0, false
}

func TestTheAuditIsAMetric(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 3, "B": 4})
	ctx := context.Background()
	owner := s.DB.Owner(t)
	ms, value := measured(t)
	require.NoError(t, ms.watch(func() int { return 7 }))
	var ticks atomic.Int64
	tick := ms.auditing(s.DB.Pool(t, "inventory"), zap.NewNop(), func(context.Context, event.Event) (*event.Event, error) {
		ticks.Add(1)
		return nil, nil
	})
	told := func() any {
		n, ok := value("inventory.audit.differences", "")
		if !ok {
			return nil
		}
		return int(n)
	}
	require.Nil(t, told(), "nothing is known before the first audit")
	_, err := tick(ctx, event.Event{})
	require.NoError(t, err)
	require.Equal(t, 0, told())
	_, err = owner.Exec(ctx, `update inventory.levels set on_hand = on_hand + 1`)
	require.NoError(t, err)
	_, err = tick(ctx, event.Event{})
	require.NoError(t, err)
	require.Equal(t, 0, told(), "not at every tick")
	ms.audited.Add(-int64(auditEvery))
	_, err = tick(ctx, event.Event{})
	require.NoError(t, err)
	require.Equal(t, 2, told())
	require.EqualValues(t, 3, ticks.Load())
	waiting, _ := value("inventory.locks.waiting", "")
	require.EqualValues(t, 7, waiting)
}

func TestSheddingIsAMetric(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 3, "B": 4})
	ctx := context.Background()
	ms, value := measured(t)
	queue := reservation.NewQueue(s.DB.Pool(t, "inventory"), reservation.Rules{TTL: time.Minute, MaxTTL: time.Hour},
		reservation.Options{MaxWait: 50 * time.Millisecond, Observe: ms.decided})
	place := func(id, sku string) error {
		_, err := queue.Place(ctx, reservation.Order{ID: id, Lines: []event.OrderLine{{SKU: sku, Quantity: 4}}, Actor: "test"})
		return err
	}
	owner := s.DB.Owner(t)
	tx, err := owner.Begin(ctx)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(ctx) }()
	_, err = tx.Exec(ctx, `select from inventory.levels for update`)
	require.NoError(t, err)
	decided := make(chan error, 1)
	go func() { decided <- place("first", "B") }()
	require.Eventually(t, func() bool { // the first is being decided
		var n int
		require.NoError(t, owner.QueryRow(ctx, `
			select count(*) from pg_locks join pg_stat_activity using (pid)
			where datname = current_database() and not granted`).Scan(&n))
		return n > 0
	}, 20*time.Second, time.Millisecond)
	err = place("second", "A")
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	shed, _ := value("inventory.locks.shed", "")
	require.EqualValues(t, 1, shed)
	require.NoError(t, tx.Rollback(ctx))
	require.NoError(t, <-decided)
	require.Eventually(t, func() bool { return place("last", "A") == nil }, 20*time.Second, time.Millisecond)
	require.Eventually(t, func() bool {
		locked, _ := value("inventory.locks", "locked")
		rejected, _ := value("inventory.locks", "rejected")
		waited, _ := value("inventory.locks.wait", "")
		batch, _ := value("inventory.locks.batch", "")
		return locked == 1 && rejected == 1 && waited == 2 && batch == 2
	}, 20*time.Second, time.Millisecond)
}

func TestAnInstanceThatIsBehindAnswers503AndWhenToComeAgain(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 1000})
	quick := servicetest.Start(t, "inventory", &config{
		EventConfig:     service.EventConfig{EventAuth: "network"},
		DefaultCurrency: "USD", ReservationTTL: time.Minute, ReservationMaxTTL: time.Hour, LockMaxWait: 50 * time.Millisecond,
	}, routes, servicetest.On(s.DB))
	token := quick.Bearer(t, "inventory:lock")
	ctx := context.Background()
	tx, err := s.DB.Owner(t).Begin(ctx)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(ctx) }()
	_, err = tx.Exec(ctx, `select from inventory.levels for update`)
	require.NoError(t, err)
	answers := make(chan servicetest.Answer, 200)
	go together(200, func(i int) {
		answers <- quick.Do(t, "POST", "/v1/reservations", map[string]any{"order_id": fmt.Sprint("o", i), "lines": lines("A", 1)}, token)
	})
	a := <-answers // while the stock is still held
	require.Equal(t, 503, a.Status)
	require.Contains(t, string(a.Body), "overloaded")
	require.NotEmpty(t, a.Header.Get("Retry-After"))
	require.NoError(t, tx.Rollback(ctx))
	for range 199 {
		a := <-answers
		require.Contains(t, []int{201, 503}, a.Status)
	}
	s.sound()
}
