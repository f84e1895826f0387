package outbox_test

import (
	"context"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

func TestABacklogOfStatesShrinksToTheNewest(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	ctx, catalog, relay := context.Background(), db.Pool(t, "catalog"), db.Pool(t, "events")
	product := newProduct(t, catalog)
	created := state(t, event.ProductCreated, product)
	require.NoError(t, outbox.AppendState(ctx, catalog, created))
	for range 5 {
		require.NoError(t, change(ctx, catalog, state(t, event.ProductUpdated, product), product))
	}
	rows := claim(t, relay)
	require.Len(t, rows, 1)
	require.Equal(t, created.ID, rows[0].Event.ID)
	require.Equal(t, event.ProductCreated, rows[0].Event.Type, "nobody has heard of it yet")
	require.Equal(t, 6, version(t, rows[0].Event))
	require.NoError(t, event.NewSchemas().Check(rows[0].Event))
}

func TestAChangeAfterTheClaimIsAnEventOfItsOwn(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	ctx, catalog, relay := context.Background(), db.Pool(t, "catalog"), db.Pool(t, "events")
	product := newProduct(t, catalog)
	require.NoError(t, change(ctx, catalog, state(t, event.ProductUpdated, product), product))
	first := claim(t, relay)
	require.NoError(t, change(ctx, catalog, state(t, event.ProductUpdated, product), product))
	require.NoError(t, change(ctx, catalog, state(t, event.ProductUpdated, product), product))
	require.Empty(t, claim(t, relay), "it waits for the one that is under way")
	require.NoError(t, outbox.Remove(ctx, relay, first...))
	second := claim(t, relay)
	require.Len(t, second, 1)
	require.NotEqual(t, first[0].Event.ID, second[0].Event.ID)
	require.Greater(t, second[0].Event.Sequence, first[0].Event.Sequence)
	require.Equal(t, 2, version(t, first[0].Event))
	require.Equal(t, 4, version(t, second[0].Event))
}

func TestADeletedProductLeavesATombstone(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	ctx, catalog := context.Background(), db.Pool(t, "catalog")
	product := newProduct(t, catalog)
	require.NoError(t, change(ctx, catalog, state(t, event.ProductUpdated, product), product))
	_, err := catalog.Exec(ctx, `update catalog.products set deleted_at = now(), version = version + 1 where id = $1`, product)
	require.NoError(t, err)
	require.NoError(t, outbox.AppendState(ctx, catalog, state(t, event.ProductDeleted, product)))
	rows := claim(t, db.Pool(t, "events"))
	require.Len(t, rows, 1)
	require.Equal(t, event.ProductDeleted, rows[0].Event.Type)
	require.NoError(t, event.NewSchemas().Check(rows[0].Event))
}

func TestManyStatesInOneCallKeepTheNewestOfEach(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	ctx, catalog := context.Background(), db.Pool(t, "catalog")
	a, b := newProduct(t, catalog), newProduct(t, catalog)
	require.NoError(t, outbox.AppendState(ctx, catalog,
		state(t, event.ProductCreated, a), state(t, event.ProductUpdated, b), state(t, event.ProductUpdated, a)))
	rows := claim(t, db.Pool(t, "events"))
	require.Len(t, rows, 2)
	types := map[string]string{}
	for _, r := range rows {
		types[r.Event.Subject] = r.Event.Type
	}
	require.Equal(t, map[string]string{a.String(): event.ProductCreated, b.String(): event.ProductUpdated}, types)
}

func TestOneIDIsAlwaysOneDocumentUnderConcurrentChanges(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	ctx, catalog, relay := context.Background(), db.Pool(t, "catalog"), db.Pool(t, "events")
	products := []uuid.UUID{newProduct(t, catalog), newProduct(t, catalog), newProduct(t, catalog)}
	const writers, changes = 6, 40
	var writing, relaying sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range changes {
				p := products[(w+i)%len(products)]
				if err := change(ctx, catalog, state(t, event.ProductUpdated, p), p); err != nil {
					t.Error(err)
				}
			}
		})
	}
	over := make(chan struct{})
	seen := &record{data: map[string]string{}, last: map[string]event.Event{}}
	for range 3 {
		relaying.Go(func() {
			var place outbox.Place
			for {
				// Asked before the claim: one that began while the last change was
				// being written may have found nothing and not be the last.
				allWritten := closed(over)
				rows, err := claimFrom(&place, relay, 2)
				if err != nil {
					t.Error(err)
					return
				}
				seen.add(t, rows)
				if err := outbox.Remove(ctx, relay, rows...); err != nil {
					t.Error(err)
				}
				if allWritten && len(rows) == 0 {
					return
				}
			}
		})
	}
	writing.Wait()
	close(over)
	relaying.Wait()
	for _, p := range products {
		require.Equal(t, 1+writers*changes/len(products), version(t, seen.last[p.String()]), "the last event of a product is its newest version")
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// record is what a consumer saw; it fails when one id means two documents or a
// subject's events go backwards.
type record struct {
	mu   sync.Mutex
	data map[string]string
	last map[string]event.Event
}

func (r *record) add(t *testing.T, rows []outbox.Claimed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range rows {
		e := row.Event
		if before, ok := r.data[e.ID]; ok && before != string(e.Data) {
			t.Errorf("%s meant %s and means %s", e.ID, before, e.Data)
		}
		r.data[e.ID] = string(e.Data)
		last, ok := r.last[e.Subject]
		if ok && (e.Sequence <= last.Sequence || version(t, e) <= version(t, last)) {
			t.Errorf("%s went from sequence %d version %d back to %d version %d", e.Subject,
				last.Sequence, version(t, last), e.Sequence, version(t, e))
		}
		r.last[e.Subject] = e
	}
}
