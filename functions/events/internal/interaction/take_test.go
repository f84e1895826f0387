package interaction

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// watched is a database beside which somebody looks at each statement.
type watched struct {
	postgres.DB
	before func(ctx context.Context)
}

func (w *watched) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	w.before(ctx)
	return w.DB.Query(ctx, sql, args...)
}

func (w *watched) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	w.before(ctx)
	return w.DB.Exec(ctx, sql, args...)
}

func newIntake(t *testing.T, send func(context.Context, event.Event) event.Receipt) (*Intake, *testdb.Database) {
	t.Helper()
	db := testdb.New(t)
	return New(Options{DB: db.Pool(t, "events"), Send: send, Wake: func() {}}), db
}

func accept(context.Context, event.Event) event.Receipt {
	return event.Receipt{Outcome: event.Delivered, Status: 202}
}

func take(t *testing.T, intake *Intake, ctx context.Context, body string) (Taken, error) {
	t.Helper()
	visit, err := intake.Enter(ctx, []byte(body))
	require.NoError(t, err)
	defer visit.Leave()
	entries, err := FromJSON([]byte(body))
	require.NoError(t, err)
	return visit.Take(ctx, entries)
}

func views(n int) string {
	var items []string
	for i := range n {
		items = append(items, fmt.Sprintf(`{"id":"i%d","type":"view","sku":"S%d"}`, i, i))
	}
	return `{"interactions":[` + strings.Join(items, ",") + `]}`
}

func TestEveryPartOfTheWorkEndsWithinTheCallersSecond(t *testing.T) {
	t.Parallel()
	var came time.Time
	within := func(ctx context.Context, most time.Duration) {
		deadline, limited := ctx.Deadline()
		require.True(t, limited)
		require.LessOrEqual(t, deadline.Sub(came), most)
	}
	intake, db := newIntake(t, func(ctx context.Context, _ event.Event) event.Receipt {
		within(ctx, whole-storeTime)
		return event.Receipt{Status: 500}
	})
	intake.o.DB = &watched{DB: db.Pool(t, "events"), before: func(ctx context.Context) { within(ctx, whole) }}
	intake.catalog.db = intake.o.DB
	visit, err := intake.Enter(context.Background(), nil)
	require.NoError(t, err)
	// As if it had waited for its place and the catalog for as long as it may.
	visit.came = time.Now().Add(-placeLimit)
	came = visit.came
	entries, err := FromJSON([]byte(views(3)))
	require.NoError(t, err)
	result, err := visit.Take(context.Background(), entries)
	require.NoError(t, err)
	require.Equal(t, 3, result.Stored)
	require.Less(t, whole, time.Second)
	require.Less(t, placeLimit+lookupLimit, whole, "there is time for the outbox left")
}

func TestACallerWhoHangsUpHasHandedItOver(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	intake, _ := newIntake(t, func(ctx context.Context, _ event.Event) event.Receipt {
		if ctx.Err() != nil {
			return event.Receipt{Reason: ctx.Err().Error()}
		}
		sent.Add(1)
		return event.Receipt{Outcome: event.Delivered, Status: 202}
	})
	gone, leave := context.WithCancel(context.Background())
	leave()
	result, err := take(t, intake, gone, views(20))
	require.NoError(t, err)
	require.Equal(t, 20, result.Accepted)
	require.Zero(t, result.Stored)
	require.Equal(t, int64(20), sent.Load())
	require.Equal(t, yes, intake.broker.ask(time.Now()), "that says nothing of the broker")
}

func TestABrokerThatRefusesAllIsNotAskedForEachEvent(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	intake, _ := newIntake(t, func(context.Context, event.Event) event.Receipt {
		asked.Add(1)
		return event.Receipt{Status: 429, After: time.Hour}
	})
	for range 4 {
		result, err := take(t, intake, context.Background(), views(MaxItems))
		require.NoError(t, err)
		require.Equal(t, MaxItems, result.Accepted)
	}
	require.LessOrEqual(t, asked.Load(), int64(senders), "those that were under way")
}

func TestOneEventProbesForAll(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	intake, _ := newIntake(t, func(context.Context, event.Event) event.Receipt {
		asked.Add(1)
		return event.Receipt{Status: 503}
	})
	intake.broker.failed(time.Now().Add(-time.Hour), yes, true, 0, "")
	result, err := take(t, intake, context.Background(), views(50))
	require.NoError(t, err)
	require.Equal(t, 50, result.Stored)
	require.Equal(t, int64(1), asked.Load())

	intake.broker.until = time.Now().Add(-time.Hour)
	intake.o.Send = accept
	result, err = take(t, intake, context.Background(), views(50))
	require.NoError(t, err)
	require.Equal(t, 50, result.Accepted)
	require.Zero(t, result.Stored, "the broker is back, and this request knows it already")
}

func TestNoMoreItemsAreWorkedOnThanThereIsRoomFor(t *testing.T) {
	t.Parallel()
	intake, _ := newIntake(t, accept)
	full := bytes.Repeat([]byte("{"), MaxItems)
	var inside []*Visit
	for range roomForItems / (MaxItems + 1) {
		visit, err := intake.Enter(context.Background(), full)
		require.NoError(t, err)
		inside = append(inside, visit)
	}
	_, err := intake.Enter(context.Background(), full)
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	require.NotZero(t, fault.As(err).RetryAfter)
	waiting := make(chan error, 1)
	go func() {
		visit, err := intake.Enter(context.Background(), []byte("{"))
		if err == nil {
			visit.Leave()
		}
		waiting <- err
	}()
	inside[0].Leave()
	require.NoError(t, <-waiting)
}

func TestBodiesTakeRoomAsTheyCome(t *testing.T) {
	t.Parallel()
	intake, _ := newIntake(t, accept)
	read := func(n int) *Body {
		b := intake.Body(io.NopCloser(bytes.NewReader(make([]byte, n))))
		_, _ = io.Copy(io.Discard, b)
		return b
	}
	first := read(roomForBodies)
	require.NoError(t, first.Full())
	second := read(1)
	require.True(t, fault.Is(second.Full(), fault.Unavailable))
	second.GiveUp()
	first.GiveUp()
	require.NoError(t, read(roomForBodies).Full())
}

func TestRequestsAtOneTimeShareAQuestionToTheCatalog(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	var asked atomic.Int64
	release, begun := make(chan struct{}), make(chan struct{})
	var once sync.Once
	c := &catalog{db: &watched{DB: db.Pool(t, "events"), before: func(context.Context) {
		asked.Add(1)
		once.Do(func() { close(begun); <-release })
	}}, breaker: breaker{enough: 1000}}
	find := func(sku string) chan []standing {
		found := make(chan []standing, 1)
		go func() { found <- c.standings(context.Background(), []Interaction{{SKU: sku}}) }()
		return found
	}
	first := find("A")
	<-begun
	var rest []chan []standing
	for i := range 20 {
		rest = append(rest, find(fmt.Sprint("B", i)))
	}
	require.Eventually(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.next != nil && len(c.next.keys) == 20
	}, time.Minute, time.Millisecond)
	close(release)
	for _, found := range append(rest, first) {
		// A slow machine may leave one unchecked; what it may not is ask for each.
		require.Len(t, <-found, 1)
	}
	require.Equal(t, int64(2), asked.Load())
}

func TestWhatTheCatalogSaidIsNotAskedAgainForAMoment(t *testing.T) {
	t.Parallel()
	c := &catalog{}
	product := uuid.New()
	known, unknown := key{product: product}, key{sku: "NONE"}
	c.remember(map[key]standing{known: {checked: true, known: true, product: product}, unknown: {checked: true}}, noon)
	items := []Interaction{{ProductID: product.String()}, {SKU: "NONE"}, {ProductID: "no-id"}}
	for after, missing := range map[time.Duration]int{0: 0, unknownFor: 1, knownFor: 2} {
		found := make([]standing, 3)
		require.Len(t, c.recall(items, found, noon.Add(after)), missing, "%s later", after)
		require.Equal(t, missing < 2, found[0].known)
		require.True(t, found[2].checked && !found[2].known, "what is no id is in no catalog")
	}
}

func TestWhatIsRememberedOfTheCatalogIsBounded(t *testing.T) {
	t.Parallel()
	c := &catalog{}
	for i := range 5 * remembered {
		c.remember(map[key]standing{{sku: fmt.Sprint(i)}: {checked: true}}, noon)
	}
	require.LessOrEqual(t, len(c.young)+len(c.old), 2*remembered)
}

func TestAnAddressDoesNotSayWho(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ sent, without, with string }{
		{"https://shop.example/c/toner?user=u1&utm_source=x#me", "https://shop.example/c/toner", "https://shop.example/c/toner?user=u1&utm_source=x#me"},
		{"https://u1:secret@shop.example/?mail=a@b.c", "https://shop.example/", "https://shop.example/?mail=a@b.c"},
		{"//u1@shop.example", "//shop.example", "//shop.example"},
		{"https://shop.example/@u/x//y@z", "https://shop.example/@u/x//y@z", "https://shop.example/@u/x//y@z"},
		{"/c/toner#x", "/c/toner", "/c/toner#x"},
		{"", "", ""},
	} {
		require.Equal(t, c.without, (&Interaction{}).address(c.sent))
		require.Equal(t, c.with, (&Interaction{Consent: true}).address(c.sent))
	}
}

// A megabyte of numbers is half a million items, and what would become of each is
// a hundred times as large.
func TestAListThatIsTooLongIsCountedAndNotRead(t *testing.T) { // not parallel: it measures memory
	zeros := strings.Repeat("0,", 500_000) + "0"
	strange := strings.Builder{}
	for i := range 80_000 {
		fmt.Fprintf(&strange, `"f%d":0,`, i)
	}
	fromJSON := func(body []byte) error { _, err := FromJSON(body); return err }
	fromBatch := func(body []byte) error { _, err := FromBatch(body); return err }
	for name, c := range map[string]struct {
		body string
		read func([]byte) error
	}{
		"numbers":                   {`{"interactions":[` + zeros + `]}`, fromJSON},
		"numbers behind a field":    {`{"a":1,"interactions":[` + zeros + `]}`, fromJSON},
		"empty objects":             {`{"interactions":[` + strings.ReplaceAll(zeros, "0", "{}") + `]}`, fromJSON},
		"a batch of numbers":        {`[` + zeros + `]`, fromBatch},
		"a batch behind a BOM":      {"\xef\xbb\xbf [" + zeros + `]`, fromBatch},
		"a list without an end":     {`{"interactions":[` + zeros, fromJSON},
		"fields that there are not": {`{` + strange.String() + `"interactions":[]}`, fromJSON},
	} {
		body := []byte(c.body)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := c.read(body)
		runtime.ReadMemStats(&after)
		require.Error(t, err, name)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(12<<20), name)
	}
}

func TestElementsAreCountedAsTheyAreRead(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]int{
		`[1]`: 1, ` [1, 2,3]`: 3, `[{"a":[1,2],"b":","},"x,\\\",]",[1,2]]`: 3, `{"a":1,"b":2}`: 0, `7`: 0,
	} {
		require.Equal(t, want, elements([]byte(list)), list)
	}
	require.NoError(t, checkCount(elements([]byte(views(MaxItems)[len(`{"interactions":`):]))))
	require.Error(t, checkCount(elements([]byte(views(MaxItems + 1)[len(`{"interactions":`):]))))
}

func TestSilenceCountsOnlyWhereThereWasTimeForAnAnswer(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	intake, _ := newIntake(t, func(ctx context.Context, _ event.Event) event.Receipt {
		asked.Add(1)
		<-ctx.Done()
		return event.Receipt{Reason: ctx.Err().Error()}
	})
	late := func() {
		t.Helper()
		visit, err := intake.Enter(context.Background(), nil)
		require.NoError(t, err)
		defer visit.Leave()
		visit.came = time.Now().Add(storeTime + fairTime/2 - whole)
		entries, err := FromJSON([]byte(views(3)))
		require.NoError(t, err)
		result, err := visit.Take(context.Background(), entries)
		require.NoError(t, err)
		require.Equal(t, 3, result.Stored)
	}
	late()
	require.Equal(t, yes, intake.broker.ask(time.Now()), "it had no time to answer")
	_, err := take(t, intake, context.Background(), views(3))
	require.NoError(t, err)
	require.Equal(t, no, intake.broker.ask(time.Now()), "it had, and did not")
	intake.broker.until = time.Now().Add(-time.Hour)
	before := asked.Load()
	late()
	require.Equal(t, before, asked.Load(), "who has no time for an answer asks not for all")
	require.Equal(t, probe, intake.broker.ask(time.Now()))
}

func TestATimeThatCannotBeWrittenSpoilsNoOtherItem(t *testing.T) {
	t.Parallel()
	intake, _ := newIntake(t, accept)
	for _, when := range []string{"0000-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"} {
		result, err := take(t, intake, context.Background(), `{"interactions":[{"type":"view","sku":"A","occurred_at":"`+when+`"},{"type":"view","sku":"B"}]}`)
		require.NoError(t, err, when)
		require.Equal(t, 1, result.Accepted, when)
		require.Equal(t, 0, result.Rejected[0].Index, when)
	}
}
