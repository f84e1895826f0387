package main

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/postgres/testdb"
	"github.com/mallhive/product-service/shared/service"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

func startKeeping(t testing.TB, db *testdb.Database) *servicetest.Server {
	t.Helper()
	cfg := &config{DefaultCurrency: "USD", Config: service.Config{CacheBytes: 16 << 20}}
	return servicetest.Start(t, "catalog", cfg, routes, servicetest.On(db))
}

// untilNew reads from every instance until it says what is new. What was asked
// for a second after the change and is old is the failure.
func untilNew(t *testing.T, all []*servicetest.Server, path string, changed time.Time, isNew func(servicetest.Answer) bool) {
	t.Helper()
	for i, s := range all {
		for {
			asked := time.Now()
			a := s.Do(t, http.MethodGet, path, nil)
			if isNew(a) {
				break
			}
			require.Less(t, asked.Sub(changed), time.Second, "instance %d answers %d: %s", i, a.Status, a.Body)
		}
	}
}

func TestEveryInstanceShowsAChangeWithinASecond(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	all := []*servicetest.Server{startKeeping(t, db), startKeeping(t, db)}
	writer, token := all[0], all[0].Bearer(t, write)
	seed(t, writer)
	create1(t, writer, pan)
	path := "/v1/products/iron-pan"
	warm := func() {
		for _, s := range all {
			for range 20 {
				require.Equal(t, 200, s.Do(t, http.MethodGet, path, nil).Status)
				require.Equal(t, 200, s.Do(t, http.MethodGet, "/v1/products?category=pans", nil).Status)
			}
		}
	}
	changes := []struct {
		method, path, body string
		shows              func(product.Document) bool
	}{
		{"PATCH", path, `{"name":"Better pan"}`, func(d product.Document) bool { return d.Name == "Better pan" }},
		{"PUT", "/v1/variants/PAN-24/price", `{"price":{"amount":1,"currency":"USD"}}`, func(d product.Document) bool { return d.Variants[0].Price.Amount == 1 }},
	}
	for _, c := range changes {
		warm()
		a := writer.Do(t, c.method, c.path, c.body, token, header("If-Match", "*"))
		changed := time.Now()
		require.Equal(t, 200, a.Status, "%s", a.Body)
		untilNew(t, all, path, changed, func(a servicetest.Answer) bool {
			var d product.Document
			a.JSON(t, &d)
			return c.shows(d)
		})
		untilNew(t, all, "/v1/products?category=pans", changed, func(a servicetest.Answer) bool {
			var l listed
			a.JSON(t, &l)
			return c.shows(l.Items[0].Document)
		})
	}
	warm()
	stock(t, writer, map[string]int{"PAN-24": 500})
	untilNew(t, all, path, time.Now(), func(a servicetest.Answer) bool {
		var d product.Document
		a.JSON(t, &d)
		return d.Variants[0].Availability == "in_stock"
	})
	warm()
	require.Equal(t, 204, writer.Do(t, http.MethodDelete, path, nil, token, header("If-Match", "*")).Status)
	untilNew(t, all, path, time.Now(), func(a servicetest.Answer) bool { return a.Status == http.StatusGone })
}

// The window opens while it is read and nobody writes anything.
func TestAPublishingWindowOpensAndClosesOnTimeOnEveryInstance(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	all := []*servicetest.Server{startKeeping(t, db), startKeeping(t, db)}
	var now time.Time
	require.NoError(t, db.Pool(t, "catalog").QueryRow(context.Background(), "select clock_timestamp()").Scan(&now))
	opens := now.Add(1500 * time.Millisecond).UTC()
	closes := opens.Add(time.Second)
	create1(t, all[0], fmt.Sprintf(`{"name":"Soon","status":"active","publish_at":%q,"unpublish_at":%q,"variants":[{"sku":"A"}]}`,
		opens.Format(time.RFC3339Nano), closes.Format(time.RFC3339Nano)))
	for i, s := range all {
		seen := map[int]bool{}
		for !seen[http.StatusGone] {
			asked := time.Now()
			a := s.Do(t, http.MethodGet, "/v1/products/soon", nil)
			answered := time.Now()
			seen[a.Status] = true
			switch a.Status {
			case http.StatusNotFound:
				require.True(t, asked.Before(opens.Add(time.Second)), "instance %d", i)
			case http.StatusOK:
				require.True(t, answered.After(opens) && asked.Before(closes.Add(time.Second)), "instance %d", i)
			case http.StatusGone:
				require.True(t, answered.After(closes), "instance %d", i)
			default:
				require.Fail(t, "unexpected", "%d", a.Status)
			}
		}
	}
}
