package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/history"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

// Whatever many callers are told at once by several instances, one clerk who
// does one thing after the other could have told them: what is left when an
// order is decided, what a reader sees, what a redelivery is answered.
func TestConcurrentHistoriesAreLinearizable(t *testing.T) {
	t.Parallel()
	one := open(t)
	one.location("main", 1)
	one.location("far", 2)
	target := history.Target{Locations: []string{"main", "far"}, HTTP: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	owner := one.DB.Owner(t)
	target.Expire = func(ctx context.Context, order string) (running bool, err error) {
		err = pgx.BeginFunc(ctx, owner, func(tx pgx.Tx) error {
			aged, err := tx.Exec(ctx, `update inventory.reservations set expires_at = '2000-01-01'
				where order_id = $1 and state in ('locked', 'partially_locked') and expires_at > now()`, order)
			if running = err == nil && aged.RowsAffected() == 1; !running {
				return err
			}
			_, err = tx.Exec(ctx, `update inventory.reservation_lines set expires_at = '2000-01-01' where order_id = $1`, order)
			return err
		})
		return running, err
	}
	for i := range 4 {
		instance := one
		if i > 0 {
			instance = open(t, servicetest.On(one.DB))
		}
		target.Instances = append(target.Instances, history.Instance{URL: instance.URL, Staff: strings.TrimPrefix(instance.staff.Value, "Bearer ")})
	}
	t.Cleanup(target.HTTP.CloseIdleConnections)
	shapes := map[string]history.Shape{
		"one-sku":     {SKUs: 1, Orders: 24, Clients: 8, OnHand: 25},
		"counted":     {SKUs: 1, Orders: 24, Clients: 8, OnHand: 25, Counted: true},
		"three-skus":  {SKUs: 3, Orders: 24, Clients: 8, OnHand: 25},
		"expiring":    {SKUs: 2, Orders: 12, Clients: 4, OnHand: 8, Expiring: true},
		"counted-two": {SKUs: 2, Orders: 24, Clients: 8, OnHand: 25, Counted: true},
	}
	histories := 6 // of each shape; make faults plays them through faults
	if testing.Short() {
		histories = 2
	}
	t.Run("played", func(t *testing.T) {
		for name, shape := range shapes {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				operations := 0
				for seed := range uint64(histories) {
					h, err := target.Record(context.Background(), fmt.Sprintf("%s-%d", name, seed), seed, shape)
					require.NoError(t, err)
					require.NoError(t, h.Check(), "seed %d", seed)
					operations += h.Len()
				}
				t.Logf("%d histories of %d operations on %d instances", histories, operations, len(target.Instances))
			})
		}
	})
	one.sound()
}
