package faults

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// resync is one as its operator sees it.
type resync struct {
	ID     string `json:"id"`
	State  string `json:"state"`
	Total  int    `json:"total"`
	Done   int    `json:"done"`
	Resent int    `json:"resent"`
}

func (w *world) askForAll() resync {
	w.t.Helper()
	var r resync
	require.NoError(w.t, w.service().Call(context.Background(), http.MethodPost, "/v1/resyncs", map[string]any{"target": "recommendation"}, &r))
	return r
}

// await ticks as the ping source does, since a wake-up may have been lost.
func (r resync) await(w *world) resync {
	w.t.Helper()
	w.eventually("the resync is finished", func() bool {
		w.exec(`update events.outbox set claimed_until = now() where claimed_until > now()`)
		w.tick()
		return w.service().Get(context.Background(), "/v1/resyncs/"+r.ID, &r) == nil && r.State == "finished"
	})
	return r
}

// Who lost everything ends up with the catalog, also when the function is
// killed on the way, again and again, and products change meanwhile.
func TestAResyncSurvivesKillsAndEndsWithTheCatalog(t *testing.T) {
	n := rounds(t)
	w := newWorld(t)
	for round := range n {
		before := w.importing(2 * round)
		before.finish()
		w.settle()
		w.recorder.forget()
		w.run("events in the middle of a resync", func(t *testing.T) {
			r := w.askForAll()
			require.Positive(t, r.Total)
			products := w.beginImport(2*round + 1)
			for range 3 {
				seen := w.recorder.of(updated)
				w.eventually("replays come through, or are over", func() bool {
					w.tick()
					return w.recorder.of(updated) > seen || w.service().Get(context.Background(), "/v1/resyncs/"+r.ID, &r) == nil && r.State == "finished"
				})
				w.kill("events")
				w.start("events")
			}
			products.finish()
			r = r.await(w)
			require.GreaterOrEqual(t, r.Done, r.Total)
			w.healed()
			w.settle()
			w.proveProducts()
			require.Empty(t, w.recorder.contradictions())
			w.proveNothingIsHeld()
			t.Logf("%d products looked at, %d events appended", r.Done, r.Resent)
		})
	}
}

const updated = "com.mallhive.product.updated.v1"
