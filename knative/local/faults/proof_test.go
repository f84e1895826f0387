package faults

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// prove holds what is promised after a fault, when all works again: the outbox
// is empty, what was committed was delivered and what was rolled back was not,
// each subject ends with its newest state, the books agree, nothing is held.
func (w *world) prove() {
	w.t.Helper()
	w.healed()
	w.settle()
	w.proveEvents()
	w.proveProducts()
	w.proveBooks()
	w.proveNothingIsHeld()
	w.proveNoInternalFaults()
	w.proveReplies()
}

// proveNoInternalFaults looks through the logs: whatever broke, no request may
// end as a 500. What is logged of the gate's own answers is no request.
func (w *world) proveNoInternalFaults() {
	w.t.Helper()
	for name := range w.functions {
		text, err := os.ReadFile(filepath.Join(w.dir, name+".log"))
		require.NoError(w.t, err)
		for line := range strings.Lines(string(text)) {
			if !strings.Contains(line, turnedAway) {
				require.NotContains(w.t, line, `"status":500`)
			}
			require.NotContains(w.t, line, "panic")
		}
	}
}

// tick is what the ping source does each minute.
func (w *world) tick() {
	e := event.New()
	e.SetID(uuid.NewString())
	e.SetType("dev.knative.sources.ping")
	e.SetSource("/apis/v1/namespaces/product-service/pingsources/tick")
	_ = e.SetData("application/json", map[string]any{})
	_ = w.gate.broker().Publish(context.Background(), e)
}

// settle waits until nothing is on its way. Rows that a dead relay had claimed
// are aged: their lease of a minute is over here.
func (w *world) settle() {
	w.t.Helper()
	w.replayDeadLetters()
	// What a live one is just noting is left alone.
	w.exec(`
		update events.outbox set claimed_until = null, next_attempt_at = now() where position in (
			select position from events.outbox where claimed_until > now() or next_attempt_at > now() for update skip locked)`)
	w.eventually("the outbox becomes empty and the broker idle", func() bool {
		if w.count(`select count(*) from events.outbox`) > 0 {
			w.tick()
			return false
		}
		for _, s := range w.gate.broker().Stats() {
			if s.Pending > 0 {
				return false
			}
		}
		return true
	})
}

// replayDeadLetters does what an operator does after an outage that was longer
// than the broker's patience.
func (w *world) replayDeadLetters() {
	w.t.Helper()
	w.eventually("no dead letters are left", func() bool {
		var page struct {
			Items []struct {
				ID string `json:"id"`
			} `json:"items"`
		}
		if err := w.service().Get(context.Background(), "/v1/dead-letters?limit=100", &page); err != nil {
			return false
		}
		for _, letter := range page.Items {
			if w.service().Call(context.Background(), http.MethodPost, "/v1/dead-letters/"+letter.ID+"/replay", nil, nil) == nil {
				_ = w.service().Call(context.Background(), http.MethodDelete, "/v1/dead-letters/"+letter.ID, nil, nil)
			}
		}
		return len(page.Items) == 0
	})
}

// proveEvents compares what commits put into the outbox with what came out
// behind the broker, id by id.
func (w *world) proveEvents() {
	w.t.Helper()
	rows, err := w.owner.Query(context.Background(), `select id from faults.appended`)
	require.NoError(w.t, err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(w.t, err)
	committed := map[string]bool{}
	for _, id := range ids {
		committed[id] = true
		require.True(w.t, w.recorder.has(id), "the event %s was committed and never delivered", id)
	}
	require.Empty(w.t, w.recorder.contradictions())
	events, _ := w.recorder.snapshot()
	replies := w.replies()
	for id, e := range events {
		if strings.HasPrefix(e.Type(), "com.mallhive.interaction.") {
			continue // most never see the outbox
		}
		if strings.HasPrefix(e.Type(), "com.mallhive.inventory.") {
			require.True(w.t, committed[id] || replies[id], "the reply %s %s is of nothing that was committed", e.Type(), id)
			continue
		}
		require.True(w.t, committed[id], "%s %s of %s was delivered and is of nothing that was committed", e.Type(), id, e.Subject())
	}
	w.t.Logf("%d events committed, %d kinds of replies kept, %d different events delivered, %d of them more than once", len(committed), len(replies), len(events), w.recorder.repeated())
}

// replies are the ids of what the order service was answered, as it is kept.
func (w *world) replies() map[string]bool {
	rows, err := w.owner.Query(context.Background(), `
		select reply ->> 'id' from (
			select placed as reply from inventory.reservations union all select settled from inventory.reservations
			union all select reply from inventory.messages) r
		where reply is not null`)
	require.NoError(w.t, err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(w.t, err)
	known := map[string]bool{}
	for _, id := range ids {
		known[id] = true
	}
	return known
}

// proveProducts makes sure that who follows the events knows every product as
// it is now.
func (w *world) proveProducts() {
	w.t.Helper()
	rows, err := w.owner.Query(context.Background(), `select id::text, version from catalog.products`)
	require.NoError(w.t, err)
	versions := map[string]int64{}
	var id string
	var version int64
	_, err = pgx.ForEachRow(rows, []any{&id, &version}, func() error { versions[id] = version; return nil })
	require.NoError(w.t, err)
	_, newest := w.recorder.snapshot()
	for id, version := range versions {
		e, known := newest["com.mallhive.product "+id]
		require.True(w.t, known, "nobody heard of product %s", id)
		var document struct {
			Version int64 `json:"version"`
		}
		require.NoError(w.t, json.Unmarshal(e.Data(), &document))
		require.Equal(w.t, version, document.Version, "the newest event of product %s", id)
	}
}

// proveBooks asks the service's own audit and the tables themselves.
func (w *world) proveBooks() {
	w.t.Helper()
	var audit struct {
		Items []json.RawMessage `json:"items"`
	}
	require.NoError(w.t, w.service().Get(context.Background(), "/v1/stock:audit", &audit))
	require.Empty(w.t, audit.Items)
	report.add(audits, 1)
	require.Zero(w.t, w.count(`
		select count(*) from inventory.levels l
		left join (select sku, location, sum(on_hand_delta) as on_hand, sum(reserved_delta) as reserved
			from inventory.movements group by sku, location) m using (sku, location)
		where l.on_hand <> coalesce(m.on_hand, 0) or l.reserved <> coalesce(m.reserved, 0) or l.on_hand < 0 or l.reserved < 0`),
		"levels that the ledger does not add up to")
}

// proveReplies holds what inventory answered to each message, however often and
// by whichever instance, against its first answer, and that against the one
// outcome that is kept of the order.
func (w *world) proveReplies() {
	w.t.Helper()
	require.Empty(w.t, w.edge.contradictions())
	rows, err := w.owner.Query(context.Background(), `select order_id, placed ->> 'id', placed ->> 'type' from inventory.reservations where placed is not null`)
	require.NoError(w.t, err)
	var order, id, kind string
	_, err = pgx.ForEachRow(rows, []any{&order, &id, &kind}, func() error {
		if first, asked := w.edge.firstReply(order + "-placed"); asked {
			require.Equal(w.t, id, first.id, "the reply to order %s", order)
			require.Equal(w.t, kind, first.kind, "the outcome of order %s", order)
			report.add(outcomes, 1)
		}
		return nil
	})
	require.NoError(w.t, err)
}

// proveNothingIsHeld looks for transactions and connections that nobody gave back.
func (w *world) proveNothingIsHeld() {
	w.t.Helper()
	for name := range w.functions {
		w.eventually(name+" holds no connection", func() bool {
			s, err := w.status(name)
			return err == nil && s.Connections.Busy == 0 && s.Connections.Open <= maxConns
		})
	}
	w.eventually("no transaction stays open, no connection beyond the pools", func() bool {
		return w.count(`select count(*) from pg_stat_activity where usename like '%\_app' and state <> 'idle'`) == 0 &&
			w.count(`select count(*) from pg_stat_activity where usename like '%\_app'`) <= maxConns*len(w.functions)
	})
}
