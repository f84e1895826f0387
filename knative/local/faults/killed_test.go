package faults

import (
	"context"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/replay"
)

// rounds is how often a world is broken in each way.
func rounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		t.Skip("make faults runs it")
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, "%s says how often", variable)
	return n
}

func TestKilledFunctionsLoseNothing(t *testing.T) {
	n := rounds(t)
	w := newWorld(t)
	for round := range n {
		w.run("inventory in the middle of a replay", func(t *testing.T) {
			orders := w.orders(3 * round)
			running := w.replay(orders)
			w.kill("inventory")
			w.start("inventory")
			running.await(orders)
			w.prove()
		})
		w.run("catalog in the middle of an import", func(t *testing.T) {
			running := w.importing(round)
			w.kill("catalog")
			require.Less(t, running.count(), takenRows, "the kill must come in the middle")
			w.start("catalog")
			running.finish()
			w.prove()
		})
		w.run("events in the middle of both", func(t *testing.T) {
			orders := w.orders(3*round + 1)
			running, products := w.replay(orders), w.importing(n+round)
			w.kill("events")
			w.start("events")
			products.finish()
			running.await(orders)
			w.prove()
		})
		w.run("all at once", func(t *testing.T) {
			orders := w.orders(3*round + 2)
			running, products := w.replay(orders), w.importing(2*n+round)
			for name := range w.functions {
				w.kill(name)
			}
			for name := range w.functions {
				w.start(name)
			}
			products.finish()
			running.await(orders)
			w.prove()
		})
	}
}

func TestABrokerThatDiesLosesNothing(t *testing.T) {
	n := rounds(t)
	w := newWorld(t)
	for round := range n {
		orders := w.orders(round)
		running, products := w.replay(orders), w.importing(round)
		s := w.watch()
		rest := w.gate.stop()
		products.finish() // writers need no broker
		require.Positive(t, w.count(`select count(*) from events.outbox`))
		restored := w.gate.start(rest)
		require.Len(t, rest, restored)
		running.await(orders)
		s.end()
		w.prove()
		t.Logf("the broker left %d events undelivered", restored)
	}
}

// What a broker took and forgot, the order service sends again.
func TestABrokerThatForgetsCostsNoOrder(t *testing.T) {
	n := rounds(t)
	w := newWorld(t)
	for round := range n {
		orders := w.orders(round)
		running := w.replay(orders)
		forgotten := w.gate.stop()
		w.gate.start(nil)
		running.giveUp()
		require.Error(t, <-running.done)
		require.NoError(t, replay.Run(context.Background(), w.replayOptions(orders)))
		w.healed()
		w.settle()
		w.proveBooks()
		w.proveNothingIsHeld()
		w.proveReplies()
		t.Logf("the broker forgot %d events", len(forgotten))
	}
}
