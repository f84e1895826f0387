package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/service"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

// What it keeps the planner from is shown where the statements are.
func TestTheFunctionLooksRowsUpByIndex(t *testing.T) {
	t.Parallel()
	pool := make(chan *postgres.Pool, 1)
	cfg := &config{
		EventConfig:     service.EventConfig{EventAuth: "network"},
		DefaultCurrency: "USD", ReservationTTL: time.Minute, ReservationMaxTTL: time.Minute, LockMaxWait: time.Second,
	}
	servicetest.Start(t, "inventory", cfg, func(ctx context.Context, c *config, s *service.Service) error {
		pool <- s.DB
		return routes(ctx, c, s)
	})
	db := <-pool
	for name, value := range postgres.ByIndex {
		var now string
		require.NoError(t, db.QueryRow(context.Background(), "select current_setting($1)", name).Scan(&now))
		require.Equal(t, value, now, name)
	}
}
