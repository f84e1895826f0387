package main

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/mallhive/product-service/functions/events/internal/interaction"
)

// countInteractions counts what became of interactions: sent at once, stored to
// be sent later, or rejected.
func countInteractions(m metric.Meter) (func(context.Context, interaction.Taken), error) {
	taken, err := m.Int64Counter("interactions", metric.WithDescription("Interactions, by what became of them"))
	if err != nil {
		return nil, fmt.Errorf("metric interactions: %w", err)
	}
	sent := metric.WithAttributeSet(attribute.NewSet(attribute.String("outcome", "sent")))
	stored := metric.WithAttributeSet(attribute.NewSet(attribute.String("outcome", "stored")))
	rejected := metric.WithAttributeSet(attribute.NewSet(attribute.String("outcome", "rejected")))
	return func(ctx context.Context, r interaction.Taken) {
		add := func(n int, as metric.AddOption) {
			if n > 0 {
				taken.Add(ctx, int64(n), as)
			}
		}
		add(r.Accepted-r.Stored, sent)
		add(r.Stored, stored)
		add(len(r.Rejected), rejected)
	}, nil
}

// logGone writes a line when somebody that interactions need is given up on and
// when he is back, instead of one for each request meanwhile.
func logGone(log *zap.Logger) func(whom string, gone bool, reason string) {
	return func(whom string, gone bool, reason string) {
		switch {
		case !gone:
			log.Info("back", zap.String("whom", whom))
		case whom == interaction.Broker:
			log.Warn("the broker does not take interactions: they go to the outbox", zap.String("error", reason))
		default:
			log.Warn("the catalog does not say which products it has: interactions go on unchecked", zap.String("error", reason))
		}
	}
}
