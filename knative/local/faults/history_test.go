package faults

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/mallhive/product-service/knative/local/history"
)

// Callers ask three instances while things break. Who is not answered asks
// another instance in the same words. What they are told, one clerk could have
// told them.
func TestHistoriesThroughFaultsAreLinearizable(t *testing.T) {
	n := rounds(t)
	w := newWorld(t, func(w *world) { w.instances["inventory"] = 3 })
	w.stockUp("HISTORY", 1) // makes the location
	_, err := w.service().Do(context.Background(), http.MethodPut, "/v1/locations/far", map[string]any{"name": "Far", "priority": 2}, "If-None-Match", "*")
	require.NoError(t, err)
	for round := range n {
		for nth, fault := range []struct {
			name   string
			breaks func()
		}{
			{"an instance is killed", func() { w.kill("inventory-2"); w.start("inventory-2") }},
			{"all instances are killed", w.killAllInstances},
			{"connections are reset", func() { w.disturbFor("reset_peer", `{"timeout":20}`) }},
			{"the line is slow", func() { w.disturbFor("latency", `{"latency":20,"jitter":20}`) }},
			{"connections fall silent", w.silence},
			{"a backend is killed", w.killBackend},
			{"PostgreSQL is killed", func() { w.killPostgres(syscall.SIGKILL); w.startPostgres() }},
			{"PostgreSQL goes in a hurry", func() { w.killPostgres(syscall.SIGQUIT); w.startPostgres() }},
		} {
			w.run(fault.name, func(*testing.T) {
				p := w.play(fmt.Sprintf("h-%d-%d", round, nth))
				fault.breaks()
				p.end()
				w.line.forget()
				w.prove()
			})
		}
	}
}

func (w *world) killAllInstances() {
	for _, name := range w.namesOf("inventory") {
		w.kill(name)
	}
	for _, name := range w.namesOf("inventory") {
		w.start(name)
	}
}

// disturbFor lays a toxic on the line until callers have felt it.
func (w *world) disturbFor(kind, attributes string) {
	w.t.Helper()
	heal := w.disturb(kind, attributes)
	s := w.watch()
	w.eventually("callers feel it", func() bool { return s.asked("inventory") > 20 })
	heal()
	s.end()
}

// played are histories under way.
type played struct {
	w        *world
	answered atomic.Int64
	refused  atomic.Bool // one was not what it has to be, and the others need not go on
	enough   chan struct{}
	group    errgroup.Group
}

// play starts histories of each shape, one after the other until end, and
// returns when they are in the middle of it.
func (w *world) play(name string) *played {
	w.t.Helper()
	p := &played{w: w, enough: make(chan struct{})}
	target := history.Target{Locations: []string{"main", "far"}, HTTP: &http.Client{Timeout: 2 * requestTimeout},
		Answered: func() { p.answered.Add(1) }}
	w.t.Cleanup(target.HTTP.CloseIdleConnections)
	for _, instance := range w.namesOf("inventory") {
		target.Instances = append(target.Instances, history.Instance{URL: w.functionURL(instance), Staff: w.token, Broker: w.deliveryToken()})
	}
	for i, shape := range []history.Shape{
		{SKUs: 1, Orders: 24, Clients: 4, OnHand: 25},
		{SKUs: 3, Orders: 24, Clients: 4, OnHand: 25},
		{SKUs: 2, Orders: 24, Clients: 4, OnHand: 25, Counted: true},
	} {
		for twin := range uint64(2) {
			p.group.Go(func() error { return p.playOn(target, fmt.Sprintf("%s-%d-%d", name, i, twin), twin<<32, shape) })
		}
	}
	w.eventually("histories are under way", func() bool { return p.answered.Load() > 100 || p.refused.Load() })
	return p
}

func (p *played) playOn(target history.Target, name string, seed uint64, shape history.Shape) error {
	for ; ; seed++ {
		h, err := target.Record(context.Background(), fmt.Sprintf("%s-%d", name, seed), seed, shape)
		if errors.Is(err, history.ErrNotOpened) { // nothing was asked yet
			continue
		}
		if err == nil {
			err = h.Check()
		}
		if err != nil {
			p.refused.Store(true)
			return fmt.Errorf("%s, seed %d: %w", name, seed, err)
		}
		report.add(histories, 1)
		report.add(operations, h.Len())
		report.add(neverAnswered, h.Silent)
		report.add(repliesCompared, h.Answers)
		select {
		case <-p.enough:
			return nil
		default:
		}
	}
}

// end lets the histories under way come to their end, when all works again.
func (p *played) end() {
	p.w.t.Helper()
	close(p.enough)
	require.NoError(p.w.t, p.group.Wait())
}
