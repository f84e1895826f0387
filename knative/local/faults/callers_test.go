package faults

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mallhive/product-service/shared/web/webtest"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/client"
)

// lock is what a checkout posts.
func lock(id string) map[string]any {
	return map[string]any{"order_id": id, "lines": []any{map[string]any{"sku": "CALLER", "quantity": 1}}}
}

// stockUp counts so many of one SKU in.
func (w *world) stockUp(sku string, n int) {
	w.t.Helper()
	ctx, service := context.Background(), w.service()
	_, err := service.Do(ctx, http.MethodPut, "/v1/locations/main", map[string]any{"name": "Main", "priority": 1}, "If-None-Match", "*")
	require.NoError(w.t, err)
	row := fmt.Appendf(nil, `{"sku":%q,"location":"main","on_hand":%d}`+"\n", sku, n)
	reply, err := service.Do(ctx, http.MethodPost, "/v1/stock:import", row, "Content-Type", "application/x-ndjson")
	require.NoError(w.t, err)
	require.Contains(w.t, string(reply.Body), `"failed":0`)
}

// Callers leave at any time: before the answer, in the middle of what they
// send, in the middle of a stream. What they asked for is done or not, never
// by half, and who asks again is answered as if it were the first time.
func TestCallersThatHangUpLeaveNothingHalfDone(t *testing.T) {
	n := rounds(t)
	w := newWorld(t)
	w.stockUp("CALLER", 1_000_000)
	for round := range n {
		s := w.watch()
		ids := w.hangUpWhileLocking(round, 400)
		w.hangUpWhileSending()
		done := w.importHalf(round)
		s.end()
		service := w.service()
		for _, id := range ids {
			var r struct {
				State string `json:"state"`
				Lines []struct {
					Locked int `json:"locked"`
				} `json:"lines"`
			}
			require.NoError(t, service.Call(context.Background(), http.MethodPost, "/v1/reservations", lock(id), &r))
			require.Equal(t, "locked", r.State)
			require.Len(t, r.Lines, 1)
			require.Equal(t, 1, r.Lines[0].Locked)
		}
		require.Equal(t, (round+1)*len(ids), w.count(`select reserved from inventory.levels where sku = 'CALLER'`), "each order holds its one piece")
		t.Logf("%d products of a stream that was cut are there", done)
		w.prove()
	}
	w.proveNoGoroutinesLeak()
}

// hangUpWhileLocking leaves after a time that is shorter than some answers.
func (w *world) hangUpWhileLocking(round, orders int) []string {
	w.t.Helper()
	ids := make([]string, orders)
	inventory := client.New(w.functionURL("inventory"), w.token)
	left := make(chan bool, orders)
	for i := range ids {
		ids[i] = fmt.Sprintf("left-%d-%d", round, i)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(20_000))*time.Microsecond)
			defer cancel()
			_, err := inventory.Do(ctx, http.MethodPost, "/v1/reservations", lock(ids[i]))
			left <- err != nil
		}()
	}
	gone := 0
	for range ids {
		if <-left {
			gone++
			report.fault("caller hangs up")
		}
	}
	require.Positive(w.t, gone)
	return ids
}

// hangUpWhileSending promises bodies that never come.
func (w *world) hangUpWhileSending() {
	w.t.Helper()
	for _, to := range []struct{ function, path string }{{"inventory", "/v1/reservations"}, {"catalog", "/v1/products"}, {"events", "/v1/interactions"}} {
		for range 20 {
			conn, err := net.Dial("tcp", strings.TrimPrefix(w.functionURL(to.function), "http://"))
			require.NoError(w.t, err)
			_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"order_id\":", to.path, w.token)
			require.NoError(w.t, err)
			require.NoError(w.t, conn.Close())
		}
	}
}

// importHalf sends rows until some are done, and is gone.
func (w *world) importHalf(round int) int {
	w.t.Helper()
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	body, feed := io.Pipe()
	request, err := client.New(w.functionURL("catalog"), w.token).Request(ctx, http.MethodPost, "/v1/products:import", body,
		"Content-Type", "application/x-ndjson", "Accept", "application/x-ndjson")
	require.NoError(w.t, err)
	go func() {
		for i := 0; ; i++ {
			if _, err := fmt.Fprintf(feed, `{"external_id":"cut:%[1]d:%[2]d","slug":"cut-%[1]d-%[2]d","name":"Cut","status":"active","variants":[{"sku":"CUT-%[1]d-%[2]d"}]}`+"\n", round, i); err != nil {
				return
			}
		}
	}()
	response, err := webtest.Client.Do(request)
	require.NoError(w.t, err)
	_, err = io.ReadFull(response.Body, make([]byte, 1000))
	require.NoError(w.t, err)
	leave()
	_ = response.Body.Close()
	_ = feed.Close()
	return w.count(`select count(*) from catalog.products where external_id like 'cut:%'`)
}

// A broker that takes connections and never answers is nobody's business but
// the relay's.
func TestABrokerThatHangsIsNotFeltByCallers(t *testing.T) {
	n := rounds(t)
	w := newWorld(t)
	w.stockUp("CALLER", 1_000_000)
	for round := range n {
		resume := w.gate.stall()
		s := w.watch()
		products := w.importing(round)
		products.finish()
		for i := range 50 {
			require.NoError(t, w.service().Call(context.Background(), http.MethodPost, "/v1/reservations", lock(fmt.Sprintf("stall-%d-%d", round, i)), nil))
		}
		seen := w.view(20)
		s.end()
		for _, f := range w.manifest.Functions {
			require.Zero(t, s.unavailable(f.Name), f.Name)
		}
		require.Positive(t, w.count(`select count(*) from events.outbox`))
		resume()
		w.prove()
		for _, id := range seen {
			require.True(t, w.recorder.has(id), "the view %s was taken and never delivered", id)
		}
	}
	w.proveNoGoroutinesLeak()
}

// view sends interactions as a browser does; each is taken within a second,
// whatever the broker does.
func (w *world) view(n int) []string {
	w.t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = uuid.NewString()
		body := fmt.Sprintf(`{"interactions":[{"id":%q,"type":"view","sku":"CALLER","session_id":"s","occurred_at":%q,"page":"/p","consent":true}]}`,
			ids[i], time.Now().UTC().Format(time.RFC3339))
		start := time.Now()
		res, err := webtest.Client.Post(w.functionURL("events")+"/v1/interactions", "application/json", bytes.NewReader([]byte(body)))
		require.NoError(w.t, err)
		answer, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		require.Equal(w.t, http.StatusAccepted, res.StatusCode, "%s", answer)
		require.Contains(w.t, string(answer), `"accepted":1`)
		require.Less(w.t, time.Since(start), requestTimeout)
	}
	return ids
}
