package faults

import (
	"context"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/client"
)

// story is an order's whole life: each step with the reply it gets and how many
// rows of the ledger there are of the order afterwards.
func story(order string) []struct {
	message client.Event
	reply   string
	moves   int
} {
	return []struct {
		message client.Event
		reply   string
		moves   int
	}{
		{placed(order, "ANSWER", 3), "locked", 1},
		{paid(order), "committed", 2},
		{givenBack(order, "ANSWER", 1), "returned", 3},
		{cancelled(order), "released", 4},
	}
}

const movesSQL = `select count(*) from inventory.movements where order_id = $1`

// The function has committed and dies before anybody hears of that: what is
// delivered again is answered in the words that were lost, and moves nothing.
func TestAFunctionKilledBeforeItsAnswerAnswersAlikeAfterwards(t *testing.T) {
	n := rounds(t)
	w := newWorld(t)
	w.stockUp("ANSWER", 1000)
	for round := range n {
		order := fmt.Sprintf("answer-%d", round)
		for _, step := range story(order) {
			w.loseAnswer(step.message)
			require.Equal(t, step.moves, w.count(movesSQL, order), "%s was committed", step.message.ID)
			w.start("inventory")
			w.eventually(step.message.ID+" is answered again", func() bool { return w.edge.answers(step.message.ID) > 1 })
			require.Empty(t, w.edge.contradictions())
			first, _ := w.edge.firstReply(step.message.ID)
			require.Equal(t, step.reply, short(first.kind))
			require.Equal(t, step.moves, w.count(movesSQL, order), "%s came twice", step.message.ID)
		}
		w.prove()
	}
}

// loseAnswer publishes a message and kills inventory when it has answered: its
// answer reaches nobody.
func (w *world) loseAnswer(m client.Event) {
	w.t.Helper()
	lost, inventory := make(chan struct{}), w.functions["inventory"]
	w.edge.onReply(func(id string) bool {
		if id != orderService+" "+m.ID {
			return false
		}
		select {
		case <-lost:
			return false
		default:
		}
		_ = syscall.Kill(inventory.Pid(), syscall.SIGKILL)
		<-inventory.Exited()
		close(lost)
		return true
	})
	w.publish(m)
	w.eventually("the answer is lost", func() bool {
		select {
		case <-lost:
			return true
		default:
			return false
		}
	})
	w.edge.onReply(nil)
	report.fault("function killed with SIGKILL between commit and answer")
}

// The function has taken a message, waits for a row that somebody else holds,
// and dies: nothing of the message has happened, until it comes again.
func TestAFunctionKilledBeforeItsCommitHasDoneNothing(t *testing.T) {
	n := rounds(t)
	w := newWorld(t)
	w.stockUp("ANSWER", 1000)
	for round := range n {
		order := fmt.Sprintf("early-%d", round)
		for i, step := range story(order) {
			w.killWhileWaiting(step.message)
			require.Equal(t, i, w.count(movesSQL, order), "%s was not committed", step.message.ID)
			require.Equal(t, min(i, 1), w.count(`select count(*) from inventory.reservations where order_id = $1`, order))
			w.start("inventory")
			reply, err := w.deliver("inventory", step.message)
			require.NoError(t, err)
			require.Equal(t, step.reply, short(reply.Header.Get("Ce-Type")), "%s", reply.Body)
			require.Equal(t, step.moves, w.count(movesSQL, order))
		}
		w.prove()
	}
}

func (w *world) killWhileWaiting(m client.Event) {
	w.t.Helper()
	ctx := context.Background()
	tx, err := w.owner.Begin(ctx)
	require.NoError(w.t, err)
	defer func() { _ = tx.Rollback(ctx) }()
	_, err = tx.Exec(ctx, `select from inventory.levels where sku = 'ANSWER' for update`)
	require.NoError(w.t, err)
	answered := make(chan error, 1)
	go func() {
		_, err := w.deliver("inventory", m)
		answered <- err
	}()
	w.eventually("it waits for the row", func() bool {
		return w.count(`select count(*) from pg_stat_activity where usename = 'inventory_app' and wait_event_type = 'Lock'`) == 1
	})
	w.kill("inventory")
	require.Error(w.t, <-answered)
	require.NoError(w.t, tx.Rollback(ctx))
	w.eventually("its connections are gone", func() bool {
		return w.count(`select count(*) from pg_stat_activity where usename = 'inventory_app'`) == 0
	})
}
