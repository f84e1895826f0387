package resync_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/events/internal/resync"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

func TestAnEmptyCatalogIsResentAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.ask(nil)
	w.steps(w.worker())
	require.Equal(t, resync.Finished, w.get(r).State)
}

func TestAChangeThatWaitsNeedsNoReplayAndKeepsItsType(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fresh, quiet := w.product(), w.product()
	w.change(fresh, event.ProductCreated)
	r := w.ask(nil)
	w.steps(w.worker())
	c := w.consume()
	require.Equal(t, int64(1), w.get(r).Resent)
	require.Len(t, c.events, 2)
	require.Equal(t, event.ProductCreated, c.last[fresh.String()].Type)
	require.False(t, c.last[fresh.String()].Replay)
	require.Equal(t, event.ProductUpdated, c.last[quiet.String()].Type)
	require.True(t, c.last[quiet.String()].Replay)
}

func TestAChangeOfWhatIsAboutToBeReplayedIsNews(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	changed, deleted := w.product(), w.product()
	w.ask(nil)
	w.steps(w.worker())
	w.change(changed, event.ProductUpdated)
	w.remove(deleted)
	c := w.consume()
	require.Len(t, c.events, 2)
	for _, e := range c.events {
		require.False(t, e.Replay, "%s", e.Type)
	}
	require.Equal(t, event.ProductDeleted, c.last[deleted.String()].Type)
	w.equal(c)
}

func TestAReplayComesAfterTheChangeThatIsBeingSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.product()
	w.change(p, event.ProductUpdated)
	sending, err := w.claim(new(outbox.Place), 10)
	require.NoError(t, err)
	require.Len(t, sending, 1)
	w.ask(nil)
	w.steps(w.worker())
	require.Empty(t, w.consume().events, "it waits for the one that is under way")
	require.NoError(t, outbox.Remove(w.ctx, w.relay, sending...))
	c := w.consume()
	require.Len(t, c.events, 1)
	require.True(t, c.events[0].Replay)
	require.Greater(t, c.events[0].Sequence, sending[0].Event.Sequence)
}

func TestOnlyWhatChangedSinceIsResent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old, changed, deleted, begun, over, later := w.product(), w.product(), w.product(), w.product(), w.product(), w.product()
	w.price(begun, "sale", "now() + interval '1 hour'", "null")
	w.price(over, "sale", "now() - interval '3 days'", "now() + interval '1 hour'")
	w.price(later, "sale", "now() + interval '1 hour'", "null")
	w.owner(`update catalog.changes set changed_at = now() - interval '2 days'`)
	since := time.Now().Add(-24 * time.Hour)
	w.change(changed, event.ProductUpdated)
	w.remove(deleted)
	// Time passes: a sale begins and another ends, and nobody writes anything.
	w.owner(`update catalog.prices set starts_at = now() - interval '1 hour' where variant_id = (select id from catalog.variants where product_id = $1) and kind = 'sale'`, begun)
	w.owner(`update catalog.prices set ends_at = now() - interval '1 hour' where variant_id = (select id from catalog.variants where product_id = $1) and kind = 'sale'`, over)
	w.drain() // what is told of these changes is lost

	r := w.ask(&since)
	w.steps(w.worker())
	c := w.consume()
	require.ElementsMatch(t, []string{changed.String(), deleted.String(), begun.String(), over.String()}, c.subjects())
	require.NotContains(t, c.subjects(), old.String())
	require.Equal(t, event.ProductDeleted, c.last[deleted.String()].Type)
	require.Equal(t, int64(6), w.get(r).Done)
	require.Equal(t, int64(4), w.get(r).Resent)
}

// A process may die at any statement, also when its commit is done and nobody
// has heard of that.
func TestAResyncThatIsCutAnywhereGoesOnAndSendsEachProductOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const products = 60
	for range products {
		w.product()
	}
	w.remove(w.products[3])
	w.drain()
	r := w.ask(nil)
	whole := resync.New(resync.Options{DB: w.relay, AtOnce: 2})
	cuts := 0
	for at := 1; ; at++ {
		cut := &cutting{DB: w.relay, at: at}
		_, err := resync.New(resync.Options{DB: cut, AtOnce: 2}).Step(w.ctx)
		if err == nil {
			require.Less(t, cut.calls, at)
			break
		}
		cuts++
		require.Eventually(t, func() bool { // until the server knows that it is dead
			did, err := whole.Step(w.ctx)
			return err == nil && did
		}, 10*time.Second, time.Millisecond)
	}
	require.Greater(t, cuts, 6, "begin, every statement, before and after the commit")
	w.steps(whole)
	c := w.consume()
	require.Len(t, c.events, products, "each once")
	w.equal(c)
	w.steps(whole)
	got := w.get(r)
	require.Equal(t, resync.Finished, got.State)
	require.Equal(t, []int64{products, products, products}, []int64{got.Total, got.Done, got.Resent})
}

func TestFewReplaysWaitAtOnceAndNextToLiveEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 30 {
		w.product()
	}
	r := w.ask(nil)
	worker := resync.New(resync.Options{DB: w.relay, Ahead: 10, AtOnce: 4})
	for range 3 {
		more, err := worker.Advance(w.ctx)
		require.NoError(t, err)
		require.True(t, more)
		n, err := outbox.ReplaysWaiting(w.ctx, w.relay)
		require.NoError(t, err)
		require.Equal(t, int64(10), n)
		more, err = worker.Advance(w.ctx)
		require.NoError(t, err)
		require.False(t, more, "it is not worth coming back before they are sent")
		require.Equal(t, resync.Running, w.get(r).State)
		w.drain()
	}
	w.steps(worker)
	require.Equal(t, resync.Finished, w.get(r).State)
}

func TestAResyncIsFinishedWhenItsEventsAreSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.product()
	r := w.ask(nil)
	w.steps(w.worker())
	got := w.get(r)
	require.Equal(t, got.Total, got.Done)
	require.Equal(t, resync.Running, got.State)
	w.drain()
	w.steps(w.worker())
	got = w.get(r)
	require.Equal(t, resync.Finished, got.State)
	require.NotNil(t, got.FinishedAt)
}

// Somebody who writes a product for long holds up neither other writers nor
// what lies before it.
func TestAProductThatIsBeingWrittenEndsAStepBeforeIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b, c := w.product(), w.product(), w.product()
	r := w.ask(nil)
	writer := w.writing(b)
	did, err := w.worker().Step(w.ctx)
	require.NoError(t, err)
	require.True(t, did)
	require.Equal(t, int64(1), w.get(r).Done)
	// Now it is first, and waited for; whoever wants the others does not wait.
	stepped := make(chan error, 1)
	go func() {
		_, err := w.worker().Step(w.ctx)
		stepped <- err
	}()
	w.waitsForALock()
	_, err = writer.Exec(w.ctx, `select from catalog.products where id = any($1) order by id for update nowait`, []uuid.UUID{a, c})
	require.NoError(t, err)
	require.NoError(t, writer.Commit(w.ctx))
	require.NoError(t, <-stepped)
	w.steps(w.worker())
	require.Len(t, w.consume().events, 3)
}

func TestOperatorsSeeWhyAResyncMakesNoProgress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.product()
	r := w.ask(nil)
	writer := w.writing(p)
	_, err := w.worker().Advance(w.ctx)
	require.True(t, postgres.IsLockTimeout(err), "%v", err)
	require.Contains(t, *w.get(r).Error, "being written")
	require.NoError(t, writer.Rollback(w.ctx))
	w.steps(w.worker())
	require.Nil(t, w.get(r).Error)
}

func TestResyncsRunOneAfterTheOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 5 {
		w.product()
	}
	first, second, third := w.ask(nil), w.ask(nil), w.ask(nil)
	_, err := w.worker().Step(w.ctx)
	require.NoError(t, err)
	require.Equal(t, []string{resync.Running, resync.Waiting}, []string{w.get(first).State, w.get(second).State})
	cancelled, err := resync.Cancel(w.ctx, w.relay, second)
	require.NoError(t, err)
	require.Equal(t, resync.Cancelled, cancelled.State)
	again, err := resync.Cancel(w.ctx, w.relay, second)
	require.NoError(t, err)
	require.Equal(t, cancelled, again)
	for range 5 {
		w.steps(w.worker())
		w.drain()
	}
	require.Equal(t, []string{resync.Finished, resync.Finished}, []string{w.get(first).State, w.get(third).State})
	require.Equal(t, int64(0), w.get(second).Done)
	_, err = resync.Cancel(w.ctx, w.relay, first)
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
}

// Writers change, delete and create while two workers resend and two relays
// send: what a consumer ends up with is the catalog, and what changed arrived
// as news.
func TestWhatAConsumerEndsUpWithIsTheCatalogAlsoWhileItChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 40 {
		w.product()
	}
	const writers, changes = 3, 60
	r := w.ask(nil)
	w.ask(nil)
	var writing, working sync.WaitGroup
	var mu sync.Mutex
	touched := map[string]bool{}
	for n := range writers {
		writing.Go(func() {
			for i := range changes {
				p := w.products[(i*7+n*11)%40]
				if i%20 == 19 && n == 0 {
					w.remove(p)
				} else {
					w.change(p, event.ProductUpdated)
				}
				mu.Lock()
				touched[p.String()] = true
				mu.Unlock()
			}
		})
	}
	over := make(chan struct{})
	c := newConsumer()
	for range 2 {
		working.Go(func() {
			worker := resync.New(resync.Options{DB: w.relay, Ahead: 7, AtOnce: 3})
			for {
				last := closed(over)
				more, err := worker.Advance(w.ctx)
				if err != nil {
					t.Error(err)
					return
				}
				sent := w.send(c)
				if last && !more && sent == 0 {
					return
				}
			}
		})
	}
	writing.Wait()
	close(over)
	working.Wait()
	w.steps(w.worker())
	w.collect(c)
	w.steps(w.worker())
	require.Equal(t, resync.Finished, w.get(r).State)
	require.Empty(t, c.faults)
	w.equal(c)
	for subject := range touched {
		require.Equal(t, versionOf(t, c.last[subject]), c.news[subject], "the last change of %s came as one", subject)
	}
}

// world is a catalog beside an outbox.
type world struct {
	t              testing.TB
	ctx            context.Context //nolint:containedctx // of the test
	db             *testdb.Database
	catalog, relay *postgres.Pool
	products       []uuid.UUID
}

func newWorld(t testing.TB) *world {
	t.Helper()
	db := testdb.New(t)
	return &world{t: t, ctx: context.Background(), db: db, catalog: db.Pool(t, "catalog"), relay: db.Pool(t, "events")}
}

func (w *world) worker() *resync.Worker { return resync.New(resync.Options{DB: w.relay}) }

// product has one variant with a price.
func (w *world) product() uuid.UUID {
	w.t.Helper()
	id := uuid.Must(uuid.NewV7())
	_, err := w.catalog.Exec(w.ctx, `insert into catalog.products (id, slug, name, status, content_hash) values ($1, $2, 'Toner', 'active', '')`, id, "toner-"+id.String())
	require.NoError(w.t, err)
	_, err = w.catalog.Exec(w.ctx, `insert into catalog.variants (id, product_id, sku, position) values ($1, $2, $3, 1)`, uuid.New(), id, "ICE-"+id.String())
	require.NoError(w.t, err)
	w.price(id, "base", "now() - interval '9 days'", "null")
	w.products = append(w.products, id)
	return id
}

func (w *world) price(product uuid.UUID, kind, from, until string) {
	w.t.Helper()
	_, err := w.catalog.Exec(w.ctx, fmt.Sprintf(`
		insert into catalog.prices (id, variant_id, currency, kind, amount, starts_at, ends_at)
		select $1, id, 'USD', $3, 100, %s, %s from catalog.variants where product_id = $2`, from, until), uuid.New(), product, kind)
	require.NoError(w.t, err)
}

// change is what catalog does: the row first, then the event, in one transaction.
func (w *world) change(product uuid.UUID, typ string) {
	w.write(typ, product, `update catalog.products set version = version + 1, updated_at = now() where id = $1`)
}

func (w *world) remove(product uuid.UUID) {
	w.write(event.ProductDeleted, product, `update catalog.products set version = version + 1, deleted_at = now() where id = $1`)
}

// write may run beside others: it fails the test without ending it.
func (w *world) write(typ string, product uuid.UUID, sql string) {
	e, err := event.New(typ, event.FromCatalog, product.String(), nil)
	if err == nil {
		err = postgres.InTx(w.ctx, w.catalog, func(tx pgx.Tx) error {
			var gone bool
			if err := tx.QueryRow(w.ctx, `select deleted_at is not null from catalog.products where id = $1 for update`, product).Scan(&gone); err != nil || gone {
				return err
			}
			if _, err := tx.Exec(w.ctx, sql, product); err != nil {
				return err
			}
			return outbox.AppendState(w.ctx, tx, e)
		})
	}
	if err != nil {
		w.t.Error(err)
	}
}

// writing is a transaction that writes a product for long.
func (w *world) writing(product uuid.UUID) pgx.Tx {
	w.t.Helper()
	tx, err := w.catalog.Begin(w.ctx)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { _ = tx.Rollback(w.ctx) })
	_, err = tx.Exec(w.ctx, `select from catalog.products where id = $1 for update`, product)
	require.NoError(w.t, err)
	return tx
}

func (w *world) owner(sql string, args ...any) {
	w.t.Helper()
	_, err := w.db.Owner(w.t).Exec(w.ctx, sql, args...)
	require.NoError(w.t, err)
}

func (w *world) ask(since *time.Time) uuid.UUID {
	w.t.Helper()
	r, err := resync.Start(w.ctx, w.relay, resync.Request{Target: resync.Recommendation, Since: since, By: "operator"})
	require.NoError(w.t, err)
	require.Equal(w.t, resync.Waiting, r.State)
	return r.ID
}

func (w *world) get(id uuid.UUID) resync.Resync {
	w.t.Helper()
	r, err := resync.Get(w.ctx, w.relay, id)
	require.NoError(w.t, err)
	return r
}

// steps goes on until there is nothing to do before something is sent.
func (w *world) steps(worker *resync.Worker) {
	w.t.Helper()
	for {
		did, err := worker.Step(w.ctx)
		require.NoError(w.t, err)
		if !did {
			return
		}
	}
}

func (w *world) claim(place *outbox.Place, limit int) (rows []outbox.Claimed, err error) {
	err = postgres.InTx(w.ctx, w.relay, func(tx pgx.Tx) (err error) {
		rows, err = place.Claim(w.ctx, tx, limit, time.Minute)
		return err
	})
	return rows, err
}

// send hands what is due to a consumer.
func (w *world) send(c *consumer) int {
	rows, err := w.claim(new(outbox.Place), 5)
	if err != nil {
		w.t.Error(err)
	}
	for _, r := range rows {
		c.take(r.Event)
	}
	if err := outbox.Remove(w.ctx, w.relay, rows...); err != nil {
		w.t.Error(err)
	}
	return len(rows)
}

func (w *world) collect(c *consumer) {
	for w.send(c) > 0 {
	}
}

func (w *world) consume() *consumer {
	c := newConsumer()
	w.collect(c)
	return c
}

func (w *world) drain() { w.consume() }

// equal compares what a consumer knows with the catalog.
func (w *world) equal(c *consumer) {
	w.t.Helper()
	rows, err := w.relay.Query(w.ctx, `select product_id::text, document from catalog.product_documents`)
	require.NoError(w.t, err)
	var id string
	var document json.RawMessage
	n := 0
	_, err = pgx.ForEachRow(rows, []any{&id, &document}, func() error {
		n++
		require.JSONEq(w.t, string(document), string(c.last[id].Data), id)
		require.Equal(w.t, c.last[id].Type == event.ProductDeleted, isDeleted(w.t, document))
		return nil
	})
	require.NoError(w.t, err)
	require.Len(w.t, c.last, n)
}

// waitsForALock returns once somebody waits for a row of products.
func (w *world) waitsForALock() {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		var n int
		err := w.db.Owner(w.t).QueryRow(w.ctx, `select count(*) from pg_locks where not granted`).Scan(&n)
		return err == nil && n > 0
	}, 10*time.Second, time.Millisecond)
}

// consumer applies events by subject and newest sequence.
type consumer struct {
	mu     sync.Mutex
	events []event.Event
	ids    map[string]bool
	last   map[string]event.Event
	news   map[string]int // newest version of each subject that did not come as a replay
	faults []string
}

func newConsumer() *consumer {
	return &consumer{ids: map[string]bool{}, last: map[string]event.Event{}, news: map[string]int{}}
}

func (c *consumer) take(e event.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ids[e.Source+e.ID] {
		return
	}
	c.ids[e.Source+e.ID] = true
	c.events = append(c.events, e)
	var data struct{ Version int }
	if err := e.Decode(&data); err != nil {
		c.faults = append(c.faults, err.Error())
	}
	if !e.Replay {
		c.news[e.Subject] = max(c.news[e.Subject], data.Version)
	}
	last, known := c.last[e.Subject]
	if known && e.Sequence <= last.Sequence {
		c.faults = append(c.faults, fmt.Sprintf("%s went back from %d to %d", e.Subject, last.Sequence, e.Sequence))
		return
	}
	c.last[e.Subject] = e
}

func (c *consumer) subjects() []string {
	var list []string
	for s := range c.last {
		list = append(list, s)
	}
	return list
}

func versionOf(t testing.TB, e event.Event) int {
	t.Helper()
	var data struct{ Version int }
	require.NoError(t, e.Decode(&data))
	return data.Version
}

func isDeleted(t testing.TB, document json.RawMessage) bool {
	t.Helper()
	var data struct{ Deleted bool }
	require.NoError(t, json.Unmarshal(document, &data))
	return data.Deleted
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// cutting is a database whose caller dies at its at-th call: the connection is
// closed before it. A commit is two: before it, and before its answer.
type cutting struct {
	postgres.DB
	at, calls int
}

var errCut = errors.New("cut")

func (c *cutting) due() bool {
	c.calls++
	return c.calls == c.at
}

func (c *cutting) Begin(ctx context.Context) (pgx.Tx, error) {
	tx, err := c.DB.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return &cutTx{Tx: tx, c: c}, nil
}

type cutTx struct {
	pgx.Tx
	c *cutting
}

func (x *cutTx) cut(ctx context.Context) error {
	if !x.c.due() {
		return nil
	}
	_ = x.Conn().Close(ctx)
	return errCut
}

func (x *cutTx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if err := x.cut(ctx); err != nil {
		return pgconn.CommandTag{}, err
	}
	return x.Tx.Exec(ctx, sql, args...)
}

func (x *cutTx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if err := x.cut(ctx); err != nil {
		return nil, err
	}
	return x.Tx.Query(ctx, sql, args...)
}

func (x *cutTx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if err := x.cut(ctx); err != nil {
		return cutRow{}
	}
	return x.Tx.QueryRow(ctx, sql, args...)
}

func (x *cutTx) Commit(ctx context.Context) error {
	if err := x.cut(ctx); err != nil {
		return err
	}
	if err := x.Tx.Commit(ctx); err != nil {
		return err
	}
	if x.c.due() {
		return errCut
	}
	return nil
}

type cutRow struct{}

func (cutRow) Scan(...any) error { return errCut }
