package main

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/events/internal/resync"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

func startedResync(t *testing.T, s *servicetest.Server, body string, headers ...servicetest.Header) resync.Resync {
	t.Helper()
	answer := s.Do(t, "POST", "/v1/resyncs", body, append(headers, s.Bearer(t, "events:admin"))...)
	require.Equal(t, http.StatusCreated, answer.Status, "%s", answer.Body)
	var r resync.Resync
	answer.JSON(t, &r)
	require.Equal(t, "/v1/resyncs/"+r.ID.String(), answer.Header.Get("Location"))
	return r
}

func resyncOf(t *testing.T, s *servicetest.Server, r resync.Resync) resync.Resync {
	t.Helper()
	s.Do(t, "GET", "/v1/resyncs/"+r.ID.String(), nil, s.Bearer(t, "events:admin")).JSON(t, &r)
	return r
}

// Half of these are deleted, of each fourth the price is a sale.
const manyProductsSQL = `
	with made as (
		insert into catalog.products (id, slug, name, status, content_hash, deleted_at)
		select gen_random_uuid(), 'toner-' || n, 'Toner ' || n, 'active', '', case when n % 2 = 0 then now() end
		from generate_series(1, 2300) n
		returning id, slug
	), variants as (
		insert into catalog.variants (id, product_id, sku, position)
		select gen_random_uuid(), id, slug, 1 from made
		returning id, sku
	)
	insert into catalog.prices (id, variant_id, currency, kind, amount, starts_at)
	select gen_random_uuid(), v.id, 'USD', k.kind, k.amount, now()
	from variants v
	join (values ('base', 200), ('sale', 150)) k (kind, amount) on k.kind = 'base' or v.sku like '%3'`

// A consumer that lost everything ends up with the catalog, in two instances
// and a bounded outbox, and live events do not wait for the end.
func TestAResyncRestoresTheWholeCatalogAndLiveEventsPassBetween(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	other := start(t, b, servicetest.On(s.DB))
	_, err := s.DB.Owner(t).Exec(context.Background(), manyProductsSQL)
	require.NoError(t, err)
	r := startedResync(t, s, `{"target":"recommendation"}`)
	require.Equal(t, int64(2300), r.Total)
	wake(t, s)
	require.Equal(t, int64(1000), waiting(t, s), "few are added at once")
	require.Equal(t, resync.Running, resyncOf(t, s, r).State)
	appended(t, s, stockLow(t, "A", 1))
	wake(t, s)
	require.Len(t, b.took(), 1001)
	require.Contains(t, subjects(b.took()), "A", "it waited for no more than what was there before")
	for resyncOf(t, s, r).State == resync.Running {
		var both sync.WaitGroup
		for _, instance := range []*servicetest.Server{s, other} {
			both.Go(func() { wakeQuietly(instance) })
		}
		both.Wait()
		require.LessOrEqual(t, waiting(t, s), int64(1000))
	}
	got := resyncOf(t, s, r)
	require.Equal(t, resync.Finished, got.State)
	require.Equal(t, []int64{2300, 2300}, []int64{got.Done, got.Resent})

	known := map[string]event.Event{}
	for _, e := range b.took() {
		if e.Subject != "A" {
			require.True(t, e.Replay)
			require.Equal(t, event.FromCatalog, e.Source)
			known[e.Subject] = e
		}
	}
	rows, err := s.DB.Pool(t, "events").Query(context.Background(), `select product_id::text, document from catalog.product_documents`)
	require.NoError(t, err)
	var id string
	var document json.RawMessage
	schemas := event.NewSchemas()
	_, err = pgx.ForEachRow(rows, []any{&id, &document}, func() error {
		require.JSONEq(t, string(document), string(known[id].Data))
		require.NoError(t, schemas.Check(known[id]))
		delete(known, id)
		return nil
	})
	require.NoError(t, err)
	require.Empty(t, known)
}

func subjects(events []event.Event) []string {
	list := make([]string, len(events))
	for i, e := range events {
		list[i] = e.Subject
	}
	return list
}

func TestAResyncWaitsForABrokerThatIsDown(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	newProduct(t, s)
	r := startedResync(t, s, `{"target":"recommendation"}`)
	b.answers(always(http.StatusServiceUnavailable))
	wake(t, s)
	wake(t, s)
	got := resyncOf(t, s, r)
	require.Equal(t, resync.Running, got.State)
	require.Equal(t, got.Total, got.Done)
	b.answers(nil)
	require.Eventually(t, func() bool {
		dueNow(t, s)
		wakeQuietly(s)
		return resyncOf(t, s, r).State == resync.Finished
	}, soon, time.Millisecond)
	require.Len(t, b.took(), 1)
}

func TestAResyncIsAskedForOnceListedAndCancelled(t *testing.T) {
	t.Parallel()
	s := start(t, startBroker(t))
	key := servicetest.Header{Name: "Idempotency-Key", Value: "k-1"}
	admin := s.Bearer(t, "events:admin")
	first := startedResync(t, s, `{"target":"recommendation"}`, key)
	require.Equal(t, first.ID, startedResync(t, s, `{"target":"recommendation"}`, key).ID)
	require.Equal(t, http.StatusUnprocessableEntity, s.Do(t, "POST", "/v1/resyncs", `{"target":"recommendation","since":"2026-01-01T00:00:00Z"}`, admin, key).Status)
	second := startedResync(t, s, `{"target":"recommendation","since":"2026-01-01T00:00:00Z"}`)
	var page struct {
		Items      []resync.Resync
		NextCursor *string `json:"next_cursor"`
	}
	s.Do(t, "GET", "/v1/resyncs?limit=1", nil, admin).JSON(t, &page)
	require.Equal(t, second.ID, page.Items[0].ID)
	s.Do(t, "GET", "/v1/resyncs?limit=1&cursor="+*page.NextCursor, nil, admin).JSON(t, &page)
	require.Equal(t, first.ID, page.Items[0].ID)
	require.Nil(t, page.NextCursor)
	require.Equal(t, http.StatusOK, s.Do(t, "POST", "/v1/resyncs/"+second.ID.String()+"/cancel", nil, admin).Status)
	wake(t, s)
	require.Equal(t, resync.Finished, resyncOf(t, s, first).State)
	require.Equal(t, resync.Cancelled, resyncOf(t, s, second).State)
	require.Equal(t, http.StatusConflict, s.Do(t, "POST", "/v1/resyncs/"+first.ID.String()+"/cancel", nil, admin).Status)

	for _, body := range []string{`{"target":"analytics"}`, `{}`, `{"target":"recommendation","since":"2999-01-01T00:00:00Z"}`, `{"target":"recommendation","all":true}`} {
		require.Equal(t, http.StatusUnprocessableEntity, s.Do(t, "POST", "/v1/resyncs", body, admin).Status, body)
	}
	require.Equal(t, http.StatusForbidden, s.Do(t, "POST", "/v1/resyncs", `{"target":"recommendation"}`, s.Bearer(t, "catalog:write")).Status)
	require.Equal(t, http.StatusUnauthorized, s.Do(t, "GET", "/v1/resyncs", nil).Status)
}
