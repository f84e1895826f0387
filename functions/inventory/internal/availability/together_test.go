package availability

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// gate is a database that answers when it is let.
type gate struct {
	reader
	mu    sync.Mutex
	began chan []string
	open  chan error
	ended []error // of the contexts of reads, when they were let
}

func newGate() *gate {
	g := &gate{began: make(chan []string, 100), open: make(chan error, 100)}
	g.read = func(ctx context.Context, c cart) (facts, error) {
		g.began <- slices.Clone(c.skus)
		err := <-g.open
		g.mu.Lock()
		defer g.mu.Unlock()
		g.ended = append(g.ended, ctx.Err())
		found := facts{offers: map[string]offer{}}
		for _, sku := range c.skus {
			found.offers[sku] = offer{SKU: sku, Name: c.currency + " " + sku}
		}
		return found, err
	}
	return g
}

type heard struct {
	name string
	answer
	asked time.Time
	err   error
}

// come asks for one SKU; what is answered comes out of the channel.
func (g *gate) come(ctx context.Context, currency, sku string, more ...string) <-chan heard {
	out := make(chan heard, 1)
	asked := time.Now()
	go func() {
		a, err := g.ask(ctx, cart{currency: currency, skus: append([]string{sku}, more...)})
		out <- heard{a.offers[sku].Name, a, asked, err}
	}()
	return out
}

func (g *gate) awaitWaiting(t *testing.T, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		g.reader.mu.Lock()
		defer g.reader.mu.Unlock()
		return len(g.waiting) == n
	}, 10*time.Second, time.Millisecond)
}

// awaitIdle waits until nothing runs, since nobody waits.
func (r *reader) awaitIdle(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.running == 0
	}, 10*time.Second, time.Millisecond)
}

// occupy begins as many reads as run at once.
func (g *gate) occupy(t *testing.T) []<-chan heard {
	t.Helper()
	var first []<-chan heard
	for i := range readsAtOnce {
		first = append(first, g.come(context.Background(), "USD", fmt.Sprint("first", i)))
		require.Len(t, <-g.began, 1, "who comes alone waits for nobody")
	}
	return first
}

func (g *gate) release(reads int, err error) {
	for range reads {
		g.open <- err
	}
}

func TestCartsThatComeDuringAReadAreReadTogetherAfterIt(t *testing.T) {
	t.Parallel()
	g := newGate()
	all := g.occupy(t)
	for i := range 10 {
		all = append(all, g.come(context.Background(), "USD", fmt.Sprint("later", i)))
	}
	g.awaitWaiting(t, 10)
	g.release(readsAtOnce, nil)
	require.Len(t, <-g.began, 10)
	g.release(1, nil)
	for i, one := range all {
		h := <-one
		require.NoError(t, h.err)
		want := fmt.Sprint("USD first", i)
		if i >= readsAtOnce {
			want = fmt.Sprint("USD later", i-readsAtOnce)
		}
		require.Equal(t, want, h.name)
		require.False(t, h.at.Before(h.asked), "it is not older than the question")
	}
	require.Empty(t, g.began)
	g.awaitIdle(t)
}

func TestACallerWhoLeavesHarmsNoOther(t *testing.T) {
	t.Parallel()
	g := newGate()
	leaving, leave := context.WithCancel(context.Background())
	under := g.come(leaving, "USD", "under way")
	require.Len(t, <-g.began, 1)
	for range readsAtOnce - 1 {
		g.come(context.Background(), "USD", "other")
		<-g.began
	}
	gone, stays := g.come(leaving, "USD", "gone"), g.come(context.Background(), "USD", "stays")
	g.awaitWaiting(t, 2)
	leave()
	require.ErrorIs(t, (<-under).err, context.Canceled)
	require.ErrorIs(t, (<-gone).err, context.Canceled)
	g.release(readsAtOnce, nil)
	require.Equal(t, []string{"stays"}, <-g.began, "nobody waits for the other")
	g.release(1, nil)
	require.Equal(t, "USD stays", (<-stays).name)
	g.awaitIdle(t)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, err := range g.ended {
		require.NoError(t, err, "a read goes on when its caller leaves: others may be in it")
	}
}

func TestAReadHasOneCurrencyAndABound(t *testing.T) {
	t.Parallel()
	g := newGate()
	g.occupy(t)
	large := make([]string, mostSKUs-2)
	g.come(context.Background(), "USD", "a", large...)
	g.awaitWaiting(t, 1)
	g.come(context.Background(), "EUR", "b")
	g.awaitWaiting(t, 2)
	g.come(context.Background(), "USD", "c")
	g.awaitWaiting(t, 3)
	last := g.come(context.Background(), "USD", "d")
	g.awaitWaiting(t, 4)
	g.release(1, nil)
	first := <-g.began
	require.Equal(t, []string{"a", "c"}, []string{first[0], first[len(first)-1]}, "b is of another currency, d too much")
	g.release(1, nil)
	require.Equal(t, []string{"b"}, <-g.began)
	g.release(2, nil)
	require.Equal(t, []string{"d"}, <-g.began)
	g.release(1, nil)
	require.Equal(t, "USD d", (<-last).name)
}

func TestAReadThatFailsAnswersAllOfItAndNobodyElse(t *testing.T) {
	t.Parallel()
	g := newGate()
	g.occupy(t)
	a, b := g.come(context.Background(), "USD", "a"), g.come(context.Background(), "USD", "b")
	g.awaitWaiting(t, 2)
	g.release(readsAtOnce, nil)
	<-g.began
	later := g.come(context.Background(), "USD", "later")
	<-g.began
	broken := errors.New("broken")
	g.release(1, broken)
	g.release(1, nil)
	failed := 0
	for _, one := range []<-chan heard{a, b, later} {
		if h := <-one; h.err != nil {
			require.ErrorIs(t, h.err, broken)
			failed++
		}
	}
	require.Contains(t, []int{1, 2}, failed, "one read failed, of two carts or of one")
}

func TestAReadThatPanicsIsAnErrorOfItsCallers(t *testing.T) {
	t.Parallel()
	r := &reader{read: func(_ context.Context, c cart) (facts, error) {
		if c.skus[0] == "bad" {
			panic("bad")
		}
		return facts{}, nil
	}}
	for range 2 * readsAtOnce {
		_, err := r.ask(context.Background(), cart{skus: []string{"bad"}})
		require.ErrorContains(t, err, "panic: bad")
	}
	_, err := r.ask(context.Background(), cart{skus: []string{"good"}})
	require.NoError(t, err)
}

func TestEachOfManyWhoComeAndLeaveHearsOfItsOwn(t *testing.T) {
	t.Parallel()
	r := &reader{read: func(_ context.Context, c cart) (facts, error) {
		found := facts{offers: map[string]offer{}}
		for _, sku := range c.skus {
			found.offers[sku] = offer{Name: c.currency + sku}
		}
		return found, nil
	}}
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			currency := []string{"USD", "EUR"}[i%2]
			for n := range 200 {
				sku := fmt.Sprint(i, "-", n)
				ctx, cancel := context.WithCancel(context.Background())
				if n%7 == 0 {
					cancel()
				}
				a, err := r.ask(ctx, cart{currency: currency, skus: []string{sku}})
				cancel()
				if err == nil && a.offers[sku].Name != currency+sku || err != nil && n%7 != 0 {
					t.Errorf("%s: %v, %v", sku, a.offers[sku], err)
				}
			}
		})
	}
	all.Wait()
	r.awaitIdle(t)
	require.Empty(t, r.waiting)
}
