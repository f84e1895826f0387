package faults

import (
	"context"
	"net/http"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A relay dies with an event in hand: before the broker has it, before it hears
// that the broker has it, and before it has noted that. It sends the same again.
func TestARelayKilledAtAnyStepOfADrainSendsTheSameAgain(t *testing.T) {
	n := rounds(t)
	w := newWorld(t)
	for round := range n {
		for i, step := range []struct {
			name string
			at   func(func(*http.Request))
			lock bool
			sent bool
		}{
			{"claimed, not sent", w.gate.onComing, false, false},
			{"sent, not answered", w.gate.onTaken, false, true},
			{"answered, not noted", w.gate.onTaken, true, true},
		} {
			w.run(step.name, func(t *testing.T) {
				before := w.recorder.repeated()
				products := w.beginImport(3*round + i)
				id := w.killRelayAt(step.at, step.lock)
				require.Equal(t, 1, w.count(`select count(*) from events.outbox where id = $1 and claimed_until > now()`, id), "what was not noted is kept")
				w.start("events")
				products.finish()
				w.prove()
				require.True(t, w.recorder.has(id))
				if step.sent {
					require.Greater(t, w.recorder.repeated(), before, "it was sent again, as the same event")
				}
			})
		}
	}
}

// killRelayAt kills the relay when the next event of a product comes to a point
// of its way, and returns the event's id. With a lock the event goes on, and the
// relay dies when it wants to note that.
func (w *world) killRelayAt(point func(func(*http.Request)), lock bool) string {
	w.t.Helper()
	ctx := context.Background()
	var first sync.Once
	reached := make(chan string, 1)
	gone := make(chan struct{})
	relay := w.functions["events"]
	row, err := w.owner.Begin(ctx)
	require.NoError(w.t, err)
	defer func() { _ = row.Rollback(ctx) }()
	point(func(r *http.Request) {
		if !ofProduct(r) {
			return
		}
		first.Do(func() {
			id := r.Header.Get("Ce-Id")
			if lock {
				_, _ = row.Exec(ctx, `select from events.outbox where id = $1 for update`, id)
				reached <- id
				return
			}
			_ = syscall.Kill(relay.Pid(), syscall.SIGKILL)
			reached <- id
		})
		if !lock {
			<-gone // nothing else is taken meanwhile
		}
	})
	id := <-reached
	if lock {
		w.eventually("the relay waits to note it", func() bool {
			return w.count(`select count(*) from pg_stat_activity where usename = 'events_app' and wait_event_type = 'Lock'`) > 0
		})
		require.NoError(w.t, syscall.Kill(relay.Pid(), syscall.SIGKILL))
	}
	<-relay.Exited()
	report.fault("relay killed with SIGKILL in the middle of a drain")
	point(nil)
	close(gone)
	require.NoError(w.t, row.Rollback(ctx))
	w.eventually("its connections are gone", func() bool {
		return w.count(`select count(*) from pg_stat_activity where usename = 'events_app'`) == 0
	})
	return id
}

// Whatever a broker does that takes nothing, for the whole of an import: writers
// do not feel it, and afterwards all comes.
func TestABrokerThatTakesNothingCostsNothingButTime(t *testing.T) {
	n := rounds(t)
	w := newWorld(t)
	for round := range n {
		for i, state := range []struct {
			name   string
			breaks func() (heal func())
		}{
			{"it answers 500", func() func() { return w.gate.refuse(refusal{status: http.StatusInternalServerError}) }},
			{"it answers 429 with Retry-After", func() func() { return w.gate.refuse(refusal{http.StatusTooManyRequests, "1"}) }},
			{"it answers 503", func() func() { return w.gate.refuse(refusal{status: http.StatusServiceUnavailable}) }},
			{"it resets connections", func() func() { return w.gate.refuse(refusal{}) }},
			{"it hangs", w.gate.stall},
		} {
			w.run(state.name, func(t *testing.T) {
				before := w.gate.turnedAway()
				heal := state.breaks()
				products := w.beginImport(5*round + i)
				products.finish()
				w.eventually("the relay tries", func() bool {
					w.tick()
					return w.gate.turnedAway() > before
				})
				require.GreaterOrEqual(t, w.count(`select count(*) from events.outbox`), takenRows, "all of it waits")
				heal()
				w.prove()
			})
		}
	}
}
