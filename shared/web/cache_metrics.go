package web

import (
	"context"
	"fmt"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// MeterName is the scope of this package's metrics.
const MeterName = "github.com/mallhive/product-service/shared/web"

// asked counts public requests by where their answer came from. A counter of
// OpenTelemetry would cost each of them more than the rest of a hit.
type asked struct {
	hits   atomic.Int64 // it was kept
	shared atomic.Int64 // it was read for another one at the same time
	misses atomic.Int64 // it was read for this one
}

func (a *asked) measure(m metric.Meter) error {
	requests, err := m.Int64ObservableCounter("web.cache.requests", metric.WithDescription(
		"Public requests, by where their answer came from (result): hit, shared with one that was being read, or miss"))
	if err != nil {
		return fmt.Errorf("metric web.cache.requests: %w", err)
	}
	result := func(s string) metric.ObserveOption {
		return metric.WithAttributeSet(attribute.NewSet(attribute.String("result", s)))
	}
	hit, shared, miss := result("hit"), result("shared"), result("miss")
	_, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(requests, a.hits.Load(), hit)
		o.ObserveInt64(requests, a.shared.Load(), shared)
		o.ObserveInt64(requests, a.misses.Load(), miss)
		return nil
	}, requests)
	if err != nil {
		return fmt.Errorf("metric web.cache.requests: %w", err)
	}
	return nil
}
