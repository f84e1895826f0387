package faults

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/client"
)

// ordersCopied is how many orders are told of with copies.
const ordersCopied = 150

// Everything comes one to five times, to any of four instances, in any order:
// the payment and the cancel of an order before the order, its return beside
// the payment's copies. Each message has one reply, each order one outcome.
func TestEventsDeliveredOneToFiveTimesShuffledGetOneReplyEach(t *testing.T) {
	n := rounds(t)
	w := newWorld(t, func(w *world) { w.copies, w.instances["inventory"] = 5, 4 })
	for round := range n {
		sku := fmt.Sprintf("COPIES-%d", round)
		w.stockUp(sku, 2*ordersCopied*2/3) // two for each order, and too few for a third
		order := func(i int) string { return fmt.Sprintf("copies-%d-%d", round, i) }
		var first, second []client.Event
		for i := range ordersCopied {
			first = append(first, placed(order(i), sku, 2))
			switch i % 5 {
			case 1, 2, 3:
				first = append(first, paid(order(i)))
			case 4:
				first = append(first, cancelled(order(i)))
			}
		}
		w.publishShuffled(first)
		for i := range ordersCopied {
			paid, _ := w.edge.firstReply(order(i) + "-paid")
			switch {
			case i%5 == 2 && short(paid.kind) == "committed": // who got nothing returns nothing
				second = append(second, givenBack(order(i), sku, 1))
			case i%5 == 3:
				second = append(second, cancelled(order(i)))
			}
		}
		require.Greater(t, len(second), ordersCopied/5, "some were paid and come back")
		w.publishShuffled(second)
		w.prove()
		w.proveCopies(append(first, second...))
		w.proveKept(sku, order)
	}
}

// publishShuffled publishes messages in any order and waits until each has its
// reply and no copy is under way.
func (w *world) publishShuffled(all []client.Event) {
	w.t.Helper()
	for _, i := range rand.Perm(len(all)) {
		w.publish(all[i])
	}
	w.eventually("every message has its reply", func() bool {
		for _, m := range all {
			if w.edge.answers(m.ID) == 0 {
				return false
			}
		}
		return true
	})
	w.settle()
}

// proveCopies counts how often messages were answered: all of one to five times.
func (w *world) proveCopies(all []client.Event) {
	w.t.Helper()
	times, kinds := map[int]int{}, map[string]int{}
	for _, m := range all {
		times[w.edge.answers(m.ID)]++
		reply, _ := w.edge.firstReply(m.ID)
		kinds[short(reply.kind)]++
	}
	for n := 1; n <= 5; n++ {
		require.Positive(w.t, times[n], "%v", times)
	}
	for _, kind := range []string{"locked", "rejected", "committed", "released", "returned"} {
		require.Positive(w.t, kinds[kind], "%v", kinds)
	}
	w.t.Logf("%d messages, answered so many times: %v, with %v", len(all), times, kinds)
}

// proveKept holds the ledger of each order against the replies to it.
func (w *world) proveKept(sku string, order func(int) string) {
	w.t.Helper()
	left := 2 * ordersCopied * 2 / 3
	for i := range ordersCopied {
		taken := 0
		for step, pieces := range map[string]int{"placed": 2, "cancelled": -2, "returned": -1} {
			reply, _ := w.edge.firstReply(order(i) + "-" + step)
			placed, _ := w.edge.firstReply(order(i) + "-placed")
			if kind := short(reply.kind); kind != "" && kind != "rejected" && short(placed.kind) == "locked" {
				taken += pieces
			}
		}
		left -= taken
		require.Equal(w.t, taken, w.count(`select coalesce(sum(reserved_delta - on_hand_delta), 0)::int from inventory.movements where order_id = $1`, order(i)), order(i))
	}
	require.Equal(w.t, left, w.count(`select sum(on_hand - reserved)::int from inventory.levels where sku = $1`, sku))
}
