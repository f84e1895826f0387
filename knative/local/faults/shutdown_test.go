package faults

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/client"
)

// asked is what one caller knows of one request.
type asked struct {
	key     string
	status  int // 0: no answer
	refused bool
	err     error
}

// A request that a stopping function accepted is answered, and what was
// answered is so. One that was refused has not happened.
func TestSIGTERMUnderLoadLosesNoAcceptedRequest(t *testing.T) {
	n := rounds(t)
	w := newWorld(t)
	w.stockUp("CALLER", 1_000_000)
	for round := range n {
		w.run("inventory", func(t *testing.T) {
			got := w.askUntilStopped("inventory", func(ctx context.Context, c *client.Client, key string) (int, error) {
				reply, err := c.Do(ctx, http.MethodPost, "/v1/reservations", lock(key), "X-Request-Id", key)
				return reply.Status, err
			}, fmt.Sprintf("term-%d", round))
			w.judge("inventory", got, http.StatusCreated, `select count(*) from inventory.reservations where order_id = $1`)
		})
		w.run("catalog", func(t *testing.T) {
			got := w.askUntilStopped("catalog", func(ctx context.Context, c *client.Client, key string) (int, error) {
				reply, err := c.Do(ctx, http.MethodPost, "/v1/products", map[string]any{
					"slug": key, "name": "Stopped", "status": "active", "variants": []any{map[string]any{"sku": key, "price": map[string]any{"amount": 1, "currency": "USD"}}}}, "X-Request-Id", key)
				return reply.Status, err
			}, fmt.Sprintf("term-%d", round))
			w.judge("catalog", got, http.StatusCreated, `select count(*) from catalog.products where slug = $1`)
		})
		w.run("events", func(t *testing.T) {
			products := w.importing(round) // the relay is busy
			got := w.askUntilStopped("events", func(ctx context.Context, c *client.Client, key string) (int, error) {
				reply, err := c.Do(ctx, http.MethodGet, "/v1/dead-letters", nil, "X-Request-Id", key)
				return reply.Status, err
			}, fmt.Sprintf("events-%d", round))
			w.judge("events", got, http.StatusOK, "")
			products.finish()
		})
		w.run("catalog in the middle of an import", func(*testing.T) {
			products := w.importing(n + round)
			w.terminate("catalog")
			w.start("catalog")
			products.finish()
		})
		w.prove()
	}
}

// terminate asks a function to end, which it does with status 0.
func (w *world) terminate(name string) {
	w.t.Helper()
	p := w.functions[name]
	report.fault("function ended with SIGTERM under load")
	require.NoError(w.t, syscall.Kill(p.Pid(), syscall.SIGTERM))
	select {
	case <-p.Exited():
	case <-time.After(within):
		require.Fail(w.t, "it does not end")
	}
	require.Contains(w.t, p.Obituary(), "ended by itself")
}

// askUntilStopped lets callers ask one request after the other, each over a
// connection of its own, and stops the function in the middle of it.
func (w *world) askUntilStopped(name string, do func(context.Context, *client.Client, string) (int, error), prefix string) []asked {
	w.t.Helper()
	c := client.New(w.functionURL(name), w.token)
	c.HTTP.Transport = &http.Transport{DisableKeepAlives: true}
	var mu sync.Mutex
	var all []asked
	answered := make(chan struct{}, 100_000)
	stop := w.each(16, func(worker, i int) bool {
		a := asked{key: fmt.Sprintf("%s-%d-%d", prefix, worker, i)}
		a.status, a.err = do(context.Background(), c, a.key)
		a.refused = errors.Is(a.err, syscall.ECONNREFUSED)
		mu.Lock()
		all = append(all, a)
		mu.Unlock()
		answered <- struct{}{}
		return !a.refused
	})
	for range 100 {
		<-answered
	}
	w.terminate(name)
	stop()
	w.start(name)
	return all
}

// judge compares what callers know with what is there; without a query there is
// nothing to look up.
func (w *world) judge(name string, got []asked, good int, countSQL string) {
	w.t.Helper()
	happened := func(a asked, want int) {
		if countSQL != "" {
			require.Equal(w.t, want, w.count(countSQL, a.key), "%s was answered %d: %v", a.key, a.status, a.err)
		}
	}
	log, err := os.ReadFile(filepath.Join(w.dir, name+".log"))
	require.NoError(w.t, err)
	refused, cut := 0, 0
	for _, a := range got {
		switch {
		case a.status == good:
			happened(a, 1)
		case a.refused:
			refused++
			happened(a, 0)
		case a.err != nil:
			// The system had taken the connection when the function closed its door:
			// nobody has read the request.
			cut++
			happened(a, 0)
			require.NotContains(w.t, string(log), `"request_id":"`+a.key+`"`, "it was read and cut: %v", a.err)
		default:
			require.Fail(w.t, "an odd answer", "%s %d", a.key, a.status)
		}
	}
	require.Positive(w.t, refused, "callers were there when the door closed")
	w.t.Logf("%d requests: %d refused, %d cut before they were read, the rest answered", len(got), refused, cut)
}
