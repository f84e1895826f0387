package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

// scene is one order for 2 of a SKU of which there are 10. Scenes share a shop
// and nothing else.
type scene struct {
	*shop
	order, sku string
}

func scenes(t *testing.T, s *shop, do func(t *testing.T, sc *scene, c cell)) {
	t.Helper()
	onHand := map[string]int{}
	for i := range cells() {
		onHand["A"+itoa(i)] = 10
	}
	s.count("main", onHand)
	for i, c := range cells() {
		t.Run(c.message+" when "+c.state, func(t *testing.T) {
			t.Parallel()
			do(t, &scene{shop: s.of(t), order: "o" + itoa(i), sku: "A" + itoa(i)}, c)
		})
	}
}

// stand brings the order into a state. It returns the reply to placing it and
// the reply to what came last.
func (sc *scene) stand(state string) (placed, last event.Event) {
	quantity := 2
	switch state {
	case "none":
		return placed, last
	case "buried":
		return placed, sc.event(event.OrderCancelled, "first "+sc.order, sc.order, map[string]any{"reason": "changed my mind"})
	case "rejected":
		quantity = 100
	}
	placed = sc.event(event.OrderPlaced, "placed "+sc.order, sc.order, map[string]any{"lines": lines(sc.sku, quantity)})
	last = placed
	switch state {
	case "committed":
		last = sc.event(event.OrderPaid, "then "+sc.order, sc.order, nil)
	case "released":
		last = sc.event(event.OrderCancelled, "then "+sc.order, sc.order, map[string]any{"reason": "changed my mind"})
	case "expired":
		sc.overdue(sc.order)
	case "expired, stock gone":
		sc.overdue(sc.order)
		sc.place("other-"+sc.order, 201, sc.sku, 9)
	case "expired recorded":
		sc.overdue(sc.order)
		sc.place("other-"+sc.order, 201, sc.sku, 9)
		sc.call("POST", "/v1/reservations/other-"+sc.order+"/release", nil, 200)
	}
	return placed, last
}

// cell is what a message gets in a state: by event a reply (its type, its
// reason, or "stored": the one that was given before) or a status, over HTTP a
// status and, of a refusal, the code.
type cell struct{ state, message, byEvent, overHTTP string }

// The table of SPEC §2.4, written anew: the code must not be its own witness.
func cells() []cell {
	return []cell{
		{"none", "placed", "locked", "201"},
		{"locked", "placed", "stored", "200"},
		{"committed", "placed", "stored", "200"},
		{"released", "placed", "stored", "200"},
		{"buried", "placed", "rejected order_cancelled", "409 order_cancelled"},
		{"expired", "placed", "stored", "200"},
		{"expired recorded", "placed", "stored", "200"},
		{"rejected", "placed", "stored", "409 insufficient_stock"},

		{"locked", "placed otherwise", "422", "409 other_lines"},
		{"committed", "placed otherwise", "422", "409 other_lines"},
		{"released", "placed otherwise", "422", "409 other_lines"},
		{"buried", "placed otherwise", "rejected order_cancelled", "409 order_cancelled"},
		{"expired", "placed otherwise", "422", "409 other_lines"},
		{"rejected", "placed otherwise", "422", "409 other_lines"},

		{"none", "paid", "503", "503 order_not_arrived"},
		{"locked", "paid", "committed", "200"},
		{"committed", "paid", "stored", "200"},
		{"released", "paid", "rejected not_locked", "409 not_locked"},
		{"buried", "paid", "rejected not_locked", "409 not_locked"},
		{"expired", "paid", "committed", "200"},
		{"expired recorded", "paid", "committed", "200"},
		{"expired, stock gone", "paid", "rejected expired", "409 expired"},
		{"rejected", "paid", "rejected not_locked", "409 not_locked"},

		{"none", "cancelled", "released", "200"},
		{"locked", "cancelled", "released", "200"},
		{"committed", "cancelled", "released", "200"},
		{"released", "cancelled", "stored", "200"},
		{"buried", "cancelled", "stored", "200"},
		{"expired", "cancelled", "released", "200"},
		{"expired recorded", "cancelled", "released", "200"},
		{"rejected", "cancelled", "released", "200"},

		{"none", "returned", "422", "409 not_committed"},
		{"locked", "returned", "422", "409 not_committed"},
		{"committed", "returned", "returned", "200"},
		{"released", "returned", "422", "409 not_committed"},
		{"buried", "returned", "422", "409 not_committed"},
		{"expired", "returned", "422", "409 not_committed"},
		{"rejected", "returned", "422", "409 not_committed"},
	}
}

func TestEveryMessageInEveryStateHasItsOutcomeByEvent(t *testing.T) {
	t.Parallel()
	s := stocked(t, nil)
	t.Cleanup(s.sound)
	scenes(t, s, func(t *testing.T, sc *scene, c cell) {
		placed, last := sc.stand(c.state)
		d := sc.message(c)
		a, reply := sc.deliver(d)
		if strings.HasPrefix(c.byEvent, "4") || strings.HasPrefix(c.byEvent, "5") {
			require.Equal(t, c.byEvent, itoa(a.Status), "%s", a.Body)
			return
		}
		require.Equal(t, 200, a.Status, "%s", a.Body)
		want := last
		if d.Type == event.OrderPlaced {
			want = placed
		}
		requireOutcome(t, c.byEvent, want, reply)
		_, again := sc.deliver(d)
		requireSame(t, reply, again)
	})
}

// Whoever reads the contract knows what may answer an event.
func TestTheContractNamesTheRepliesOfTheTable(t *testing.T) {
	t.Parallel()
	steps := map[string]string{"placed": event.OrderPlaced, "placed otherwise": event.OrderPlaced, "paid": event.OrderPaid,
		"cancelled": event.OrderCancelled, "returned": event.OrderReturned}
	replies := map[string]map[string]bool{}
	for _, c := range cells() {
		typ, _, _ := strings.Cut(c.byEvent, " ")
		if name := "com.mallhive.inventory." + typ + ".v1"; typ != "stored" && !strings.ContainsAny(typ, "45") {
			if replies[steps[c.message]] == nil {
				replies[steps[c.message]] = map[string]bool{}
			}
			replies[steps[c.message]][name] = true
		}
	}
	for _, name := range steps {
		promised, _ := event.TypeOf(name)
		require.ElementsMatch(t, promised.Replies(), slices.Collect(maps.Keys(replies[name])), name)
	}
}

func requireOutcome(t *testing.T, outcome string, stored, reply event.Event) {
	t.Helper()
	if outcome == "stored" {
		requireSame(t, stored, reply)
		return
	}
	typ, reason, _ := strings.Cut(outcome, " ")
	require.Equal(t, "com.mallhive.inventory."+typ+".v1", reply.Type)
	require.Equal(t, reason, dataOf(t, reply).Reason)
}

func (sc *scene) message(c cell) delivery {
	quantity := 2
	switch {
	case c.message == "placed otherwise":
		quantity = 3
	case c.state == "rejected":
		quantity = 100
	}
	d := delivery{ID: "message " + sc.order, Data: map[string]any{"order_id": sc.order}}
	switch c.message {
	case "placed", "placed otherwise":
		d.Type, d.Data["lines"] = event.OrderPlaced, lines(sc.sku, quantity)
	case "paid":
		d.Type = event.OrderPaid
	case "cancelled":
		d.Type, d.Data["reason"] = event.OrderCancelled, "changed my mind"
	case "returned":
		d.Type, d.Data["lines"], d.Data["restock"] = event.OrderReturned, lines(sc.sku, 1), true
	}
	return d
}

func TestEveryMessageInEveryStateHasItsOutcomeOverHTTP(t *testing.T) {
	t.Parallel()
	s := stocked(t, nil)
	t.Cleanup(s.sound)
	scenes(t, s, func(t *testing.T, sc *scene, c cell) {
		sc.stand(c.state)
		before := len(sc.outboxed(sc.order))
		a := sc.overHTTP(c)
		status, code, _ := strings.Cut(c.overHTTP, " ")
		require.Equal(t, status, itoa(a.Status), "%s", a.Body)
		if code != "" {
			var p struct{ Code string }
			a.JSON(t, &p)
			require.Equal(t, code, p.Code)
		}
		// Whoever asked over HTTP gets no reply event: the order service hears
		// of every change through the outbox.
		changes := a.Status < 300 && c.byEvent != "stored" || code == "order_cancelled"
		require.Equal(t, changes, len(sc.outboxed(sc.order)) > before, "%v", sc.outboxed(sc.order))
		after := len(sc.outboxed(sc.order))
		again := sc.overHTTP(c)
		if status != "201" {
			require.Equal(t, status, itoa(again.Status), "%s", again.Body)
		}
		require.Len(t, sc.outboxed(sc.order), after, "a repeat changes nothing")
	})
}

func (sc *scene) overHTTP(c cell) servicetest.Answer {
	d := sc.message(c)
	if d.Type == event.OrderPlaced {
		return sc.Do(sc.t, "POST", "/v1/reservations", d.Data, sc.staff)
	}
	body := map[string]any{}
	for name, value := range d.Data {
		if name != "order_id" {
			body[name] = value
		}
	}
	verb := map[string]string{"paid": "commit", "cancelled": "release", "returned": "return"}[c.message]
	key := servicetest.Header{Name: "Idempotency-Key", Value: "key " + sc.order}
	return sc.Do(sc.t, "POST", "/v1/reservations/"+sc.order+"/"+verb, body, sc.staff, key)
}
