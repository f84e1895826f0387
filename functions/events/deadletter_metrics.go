package main

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/mallhive/product-service/functions/events/internal/deadletter"
	"github.com/mallhive/product-service/shared/postgres"
)

// watchLetters tells how many dead letters there are, whenever metrics are
// collected.
func watchLetters(m metric.Meter, db postgres.DB) error {
	kept, err := m.Int64ObservableGauge("dead_letters.kept", metric.WithDescription("Dead letters that are kept; above 10,000 an estimate"))
	if err != nil {
		return fmt.Errorf("metric dead_letters.kept: %w", err)
	}
	waiting, err := m.Int64ObservableGauge("dead_letters.waiting", metric.WithDescription("Dead letters that could be replayed and were not since they came; counted up to 10,000"))
	if err != nil {
		return fmt.Errorf("metric dead_letters.waiting: %w", err)
	}
	_, err = m.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		n, err := deadletter.Count(ctx, db)
		if err != nil {
			return err
		}
		o.ObserveInt64(kept, n.Kept)
		o.ObserveInt64(waiting, n.Waiting)
		return nil
	}, kept, waiting)
	if err != nil {
		return fmt.Errorf("metrics of dead letters: %w", err)
	}
	return nil
}
