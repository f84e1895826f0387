package main

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/mallhive/product-service/functions/events/internal/deadletter"
	"github.com/mallhive/product-service/functions/events/internal/relay"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
)

const meterName = "github.com/mallhive/product-service/functions/events"

// watchBacklog tells what waits in the outbox, whenever metrics are collected,
// at a cost that does not grow with it.
func watchBacklog(m metric.Meter, db postgres.DB) error {
	rows, err := m.Int64ObservableGauge("outbox.rows", metric.WithDescription("Events that wait to be sent; from ten thousand on an estimate"))
	if err != nil {
		return fmt.Errorf("metric outbox.rows: %w", err)
	}
	age, err := m.Float64ObservableGauge("outbox.oldest_age", metric.WithUnit("s"), metric.WithDescription("Age of the oldest event that waits"))
	if err != nil {
		return fmt.Errorf("metric outbox.oldest_age: %w", err)
	}
	_, err = m.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		backlog, err := outbox.Waiting(ctx, db)
		if err != nil {
			return err
		}
		o.ObserveInt64(rows, backlog.Rows)
		if backlog.Oldest != nil {
			o.ObserveFloat64(age, time.Since(*backlog.Oldest).Seconds())
		} else {
			o.ObserveFloat64(age, 0)
		}
		return nil
	}, rows, age)
	if err != nil {
		return fmt.Errorf("metrics of the outbox: %w", err)
	}
	return nil
}

// watchLetters tells how many dead letters wait for somebody, whenever metrics
// are collected.
func watchLetters(m metric.Meter, db postgres.DB) error {
	waiting, err := m.Int64ObservableGauge("dead_letters.waiting", metric.WithDescription(
		"Dead letters given up on more often than replayed; a thousand at most"))
	if err != nil {
		return fmt.Errorf("metric dead_letters.waiting: %w", err)
	}
	_, err = m.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		n, err := deadletter.Waiting(ctx, db)
		if err != nil {
			return err
		}
		o.ObserveInt64(waiting, n)
		return nil
	}, waiting)
	if err != nil {
		return fmt.Errorf("metric dead_letters.waiting: %w", err)
	}
	return nil
}

// measureLag tells how long after its commit each event was delivered: from
// moments to an outage of a day.
func measureLag(m metric.Meter) (func(time.Duration), error) {
	lag, err := m.Float64Histogram("outbox.lag", metric.WithUnit("s"),
		metric.WithDescription("Time from the commit of an event to its delivery"),
		metric.WithExplicitBucketBoundaries(.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400))
	if err != nil {
		return nil, fmt.Errorf("metric outbox.lag: %w", err)
	}
	return func(took time.Duration) { lag.Record(context.Background(), took.Seconds()) }, nil
}

// countSent counts what drains did with events, by outcome.
func countSent(m metric.Meter) (func(context.Context, relay.Report), error) {
	sent, err := m.Int64Counter("outbox.events", metric.WithDescription("Events sent from the outbox, by outcome"))
	if err != nil {
		return nil, fmt.Errorf("metric outbox.events: %w", err)
	}
	return func(ctx context.Context, r relay.Report) {
		for outcome, n := range map[string]int{"delivered": r.Delivered, "failed": r.Failed, "refused": r.Refused} {
			if n > 0 {
				sent.Add(ctx, int64(n), metric.WithAttributes(attribute.String("outcome", outcome)))
			}
		}
	}, nil
}
