package postgres

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// MeterName is the scope of this package's metrics.
const MeterName = "github.com/mallhive/product-service/shared/postgres"

// Measure tells of the pool whenever metrics are collected, by the names of
// OpenTelemetry's conventions for database clients.
func (p *Pool) Measure(m metric.Meter) error {
	errs := make([]error, 5)
	count, err := m.Int64ObservableUpDownCounter("db.client.connection.count", metric.WithDescription("Connections of the pool, by state: used or idle"))
	errs[0] = err
	most, err := m.Int64ObservableUpDownCounter("db.client.connection.max", metric.WithDescription("Connections that the pool may have"))
	errs[1] = err
	waits, err := m.Int64ObservableCounter("db.client.connection.waits", metric.WithDescription("Times that none was free, so that somebody waited for one or for a new one"))
	errs[2] = err
	waited, err := m.Float64ObservableCounter("db.client.connection.waited", metric.WithUnit("s"), metric.WithDescription("Time spent waiting for connections when none was free, all waits together"))
	errs[3] = err
	timeouts, err := m.Int64ObservableCounter("db.client.connection.timeouts", metric.WithDescription("Times that somebody gave up waiting for a connection"))
	errs[4] = err
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("metrics of the pool: %w", err)
	}
	state := func(s string) metric.ObserveOption {
		return metric.WithAttributeSet(attribute.NewSet(attribute.String("db.client.connection.state", s)))
	}
	used, idle := state("used"), state("idle")
	_, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		now := p.Stat()
		o.ObserveInt64(count, int64(now.AcquiredConns()), used)
		o.ObserveInt64(count, int64(now.IdleConns()), idle)
		o.ObserveInt64(most, int64(now.MaxConns()))
		o.ObserveInt64(waits, now.EmptyAcquireCount())
		o.ObserveFloat64(waited, now.EmptyAcquireWaitTime().Seconds())
		o.ObserveInt64(timeouts, now.CanceledAcquireCount())
		return nil
	}, count, most, waits, waited, timeouts)
	if err != nil {
		return fmt.Errorf("metrics of the pool: %w", err)
	}
	return nil
}
