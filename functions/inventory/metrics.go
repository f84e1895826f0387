package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/postgres"
)

const meter = "github.com/mallhive/product-service/functions/inventory"

// measures is what the function tells of itself.
type measures struct {
	meter metric.Meter
	locks metric.Int64Counter
	shed  metric.Int64Counter
	batch metric.Int64Histogram
	wait  metric.Float64Histogram
	took  metric.Float64Histogram

	audited     atomic.Int64 // when an audit was begun last, in Unix nanoseconds
	differences atomic.Int64 // what it found; negative before the first
}

var seconds = metric.WithExplicitBucketBoundaries(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

func measure(m metric.Meter) (*measures, error) {
	ms := &measures{meter: m}
	ms.differences.Store(-1)
	errs := make([]error, 5)
	ms.locks, errs[0] = m.Int64Counter("inventory.locks", metric.WithDescription("Orders decided, by outcome"))
	ms.shed, errs[1] = m.Int64Counter("inventory.locks.shed", metric.WithDescription("Orders turned away because too many waited"))
	ms.batch, errs[2] = m.Int64Histogram("inventory.locks.batch", metric.WithDescription("Orders decided in one transaction"),
		metric.WithExplicitBucketBoundaries(1, 2, 4, 8, 16, 32, 64))
	ms.wait, errs[3] = m.Float64Histogram("inventory.locks.wait", metric.WithUnit("s"), seconds,
		metric.WithDescription("How long an order waited until its decision began"))
	ms.took, errs[4] = m.Float64Histogram("inventory.locks.took", metric.WithUnit("s"), seconds,
		metric.WithDescription("How long the transaction of a decision took"))
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("metrics of inventory: %w", err)
	}
	return ms, nil
}

// decided hears of what the queue did.
func (ms *measures) decided(r reservation.Report) {
	ctx := context.Background()
	if r.Shed > 0 {
		ms.shed.Add(ctx, int64(r.Shed))
		return
	}
	for outcome, n := range r.Outcomes {
		ms.locks.Add(ctx, int64(n), metric.WithAttributes(attribute.String("outcome", outcome)))
	}
	for _, waited := range r.Waited {
		ms.wait.Record(ctx, waited.Seconds())
	}
	ms.batch.Record(ctx, int64(len(r.Waited)))
	ms.took.Record(ctx, r.Took.Seconds())
}

// watch tells how many wait and what the last audit found, whenever metrics are
// collected.
func (ms *measures) watch(waiting func() int) error {
	queued, err := ms.meter.Int64ObservableGauge("inventory.locks.waiting", metric.WithDescription("Orders that wait for their decision"))
	if err != nil {
		return fmt.Errorf("metric inventory.locks.waiting: %w", err)
	}
	differences, err := ms.meter.Int64ObservableGauge("inventory.audit.differences", metric.WithDescription(
		"Levels that the last audit found to disagree with the ledger or with reservations: 0, always; nothing before the first"))
	if err != nil {
		return fmt.Errorf("metric inventory.audit.differences: %w", err)
	}
	_, err = ms.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(queued, int64(waiting()))
		if n := ms.differences.Load(); n >= 0 {
			o.ObserveInt64(differences, n)
		}
		return nil
	}, queued, differences)
	if err != nil {
		return fmt.Errorf("metrics of inventory: %w", err)
	}
	return nil
}

const (
	// auditEvery is the least time between two audits of one instance: each
	// reads the whole ledger.
	auditEvery = 5 * time.Minute
	auditFor   = 8 * time.Second
	// auditMost is how many differences are counted.
	auditMost = 1000
)

// auditing lets a tick audit when it has done its work. An audit that fails is
// no fault of the tick, which would come again at once.
func (ms *measures) auditing(db postgres.DB, log *zap.Logger, tick event.Handler) event.Handler {
	return func(ctx context.Context, e event.Event) (*event.Event, error) {
		reply, err := tick(ctx, e)
		if err != nil {
			return reply, err
		}
		now, last := time.Now().UnixNano(), ms.audited.Load()
		if now-last < int64(auditEvery) || !ms.audited.CompareAndSwap(last, now) {
			return reply, nil
		}
		ctx, cancel := context.WithTimeout(ctx, auditFor)
		defer cancel()
		found, err := stock.Audit(ctx, db, auditMost)
		if err != nil {
			log.Warn("audit failed", zap.Error(err))
			return reply, nil
		}
		ms.differences.Store(int64(len(found)))
		if len(found) > 0 {
			log.Error("levels disagree with their ledger", zap.Int("differences", len(found)), zap.String("sku", found[0].SKU))
		}
		return reply, nil
	}
}
