package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/mallhive/product-service/functions/events/internal/deadletter"
	"github.com/mallhive/product-service/functions/events/internal/relay"
	"github.com/mallhive/product-service/shared/event"
)

func TestDepthAgeAndLagOfTheOutboxAreMetrics(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ctx := context.Background()
	reader := sdk.NewManualReader()
	meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter(meterName)
	require.NoError(t, watchBacklog(meter, s.DB.Pool(t, "events")))
	lag, err := measureLag(meter)
	require.NoError(t, err)
	measures := func() map[string]metricdata.Aggregation {
		var all metricdata.ResourceMetrics
		require.NoError(t, reader.Collect(ctx, &all))
		told := map[string]metricdata.Aggregation{}
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				told[m.Name] = m.Data
			}
		}
		return told
	}
	rows := func() int64 { return measures()["outbox.rows"].(metricdata.Gauge[int64]).DataPoints[0].Value }
	age := func() float64 { return measures()["outbox.oldest_age"].(metricdata.Gauge[float64]).DataPoints[0].Value }
	require.Zero(t, rows())
	require.Zero(t, age())

	appended(t, s, stockLow(t, "A", 1), stockLow(t, "A", 2))
	_, err = s.DB.Owner(t).Exec(ctx, `update events.outbox set appended_at = now() - interval '2 hours'`)
	require.NoError(t, err)
	require.Equal(t, int64(2), rows())
	require.InDelta(t, 2*time.Hour.Seconds(), age(), 60)

	taken := func(context.Context, event.Event) event.Receipt { return event.Receipt{Outcome: event.Delivered} }
	_, err = relay.New(relay.Options{DB: s.DB.Pool(t, "events"), Send: taken, Sent: lag}).Drain(ctx)
	require.NoError(t, err)
	require.Zero(t, rows())
	point := measures()["outbox.lag"].(metricdata.Histogram[float64]).DataPoints[0]
	require.Equal(t, uint64(2), point.Count)
	require.InDelta(t, 4*time.Hour.Seconds(), point.Sum, 120)
}

func TestDeadLettersThatNobodyHasReplayedAreAMetric(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ctx := context.Background()
	db := s.DB.Pool(t, "events")
	reader := sdk.NewManualReader()
	require.NoError(t, watchLetters(sdk.NewMeterProvider(sdk.WithReader(reader)).Meter(meterName), db))
	waiting := func() int64 {
		var all metricdata.ResourceMetrics
		require.NoError(t, reader.Collect(ctx, &all))
		for _, m := range all.ScopeMetrics[0].Metrics {
			if m.Name == "dead_letters.waiting" {
				return m.Data.(metricdata.Gauge[int64]).DataPoints[0].Value
			}
		}
		return -1
	}
	require.Zero(t, waiting())
	letter := deadletter.Letter{Event: stockLow(t, "A", 1), Destination: "http://analytics.example"}
	require.NoError(t, deadletter.Store(ctx, db, letter, deadletter.Letter{Event: stockLow(t, "B", 1)}))
	require.Equal(t, int64(2), waiting())
	_, err := s.DB.Owner(t).Exec(ctx, `update events.dead_letters set replays = 1, replayed_at = now()`)
	require.NoError(t, err)
	require.Zero(t, waiting())
	require.NoError(t, deadletter.Store(ctx, db, letter))
	require.Equal(t, int64(1), waiting(), "given up on again")
}
