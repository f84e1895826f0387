package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/mallhive/product-service/bench/drive"
	"github.com/mallhive/product-service/shared/event"
)

// window is what one side took out of the outbox in a while.
type window struct {
	drive.Window // Requests are rows
	postgres     time.Duration
}

// contest is a shape of backlog that both sides drain in turns.
type contest struct {
	shape
	clients      int // of pgbench
	ours, theirs []window
}

// measureDrain lets the function and pgbench take rows out of the same outbox.
func measureDrain(ctx context.Context, w *world) error {
	var all []*contest
	for _, s := range shapes() {
		c := &contest{shape: s}
		if err := w.contest(ctx, c); err != nil {
			return err
		}
		all = append(all, c)
	}
	return printDrain(w, all)
}

func (w *world) contest(ctx context.Context, c *contest) error {
	if err := w.fillKnown(ctx, c.shape); err != nil {
		return err
	}
	if err := w.chooseClients(ctx, c); err != nil {
		return err
	}
	for round := range w.rounds {
		sides := []func() error{
			func() error { return keep(&c.ours)(w.drained(ctx)) },
			func() error { return keep(&c.theirs)(w.deleted(ctx, c.clients, w.span)) },
		}
		if round%2 == 1 {
			slices.Reverse(sides)
		}
		for _, side := range sides {
			if rows, err := w.waiting(ctx); err != nil {
				return err
			} else if rows < int64(w.rows/3) {
				if err := w.fillKnown(ctx, c.shape); err != nil {
					return err
				}
			}
			if err := side(); err != nil {
				return err
			}
		}
		say("  round %d: %.0f rows a second, pgbench %.0f", round+1, c.ours[round].Rate(), c.theirs[round].Rate())
	}
	return nil
}

// fillKnown lets PostgreSQL know what it is asked about, as it does a minute
// after the filling: what pgbench asks is slow before.
func (w *world) fillKnown(ctx context.Context, s shape) error {
	if err := w.fill(ctx, s); err != nil {
		return err
	}
	_, err := w.database.Conn.Exec(ctx, "analyze events.outbox")
	return err
}

func keep(in *[]window) func(window, error) error {
	return func(w window, err error) error {
		*in = append(*in, w)
		return err
	}
}

// chooseClients finds the number of clients with which pgbench is quickest.
func (w *world) chooseClients(ctx context.Context, c *contest) error {
	var best float64
	for _, clients := range []int{1, 2, 4} {
		r, err := w.deleted(ctx, clients, time.Second)
		if err != nil {
			return err
		}
		say("  pgbench with %d clients: %.0f rows a second", clients, r.Rate())
		if r.Rate() > best {
			best, c.clients = r.Rate(), clients
		}
	}
	return nil
}

// deleted is a window of pgbench; what it says it did must be gone.
func (w *world) deleted(ctx context.Context, clients int, span time.Duration) (r window, err error) {
	before, err := w.waiting(ctx)
	if err != nil {
		return r, err
	}
	if err := w.database.Checkpoint(ctx); err != nil {
		return r, err
	}
	cpu := w.database.CPU()
	ran, err := drive.Pgbench{URL: w.stage.URL(nil), Script: referenceScript, Clients: clients, Span: span}.Run(ctx)
	if err != nil {
		return r, err
	}
	r.Window, r.postgres = ran.Window, w.database.CPU()-cpu
	r.Requests *= batch
	after, err := w.waiting(ctx)
	if err == nil && before-after != r.Requests {
		err = fmt.Errorf("pgbench says that it deleted %d rows, and %d are gone", r.Requests, before-after)
	}
	return r, err
}

// drained is a window of the function, from its first event on.
func (w *world) drained(ctx context.Context) (r window, err error) {
	if err := errors.Join(w.release(ctx), w.database.Checkpoint(ctx)); err != nil {
		return r, err
	}
	function, err := w.serve(ctx)
	if err != nil {
		return r, err
	}
	defer function.Stop()
	draining, stop := context.WithCancel(ctx)
	defer stop()
	first := w.broker.taken.Load()
	go w.keepAwake(draining, function)
	for w.broker.taken.Load() < first+batch {
		if err := drive.Wait(ctx, time.Millisecond); err != nil {
			return r, err
		}
	}
	began, rows, server, client, machine, postgres := time.Now(), w.broker.taken.Load(), drive.CPUOf(function.PID), drive.OwnCPU(), drive.MachineCPU(), w.database.CPU()
	if err := drive.Wait(ctx, w.span); err != nil {
		return r, err
	}
	r.Requests, r.Elapsed = w.broker.taken.Load()-rows, time.Since(began)
	r.Server, r.Client = drive.CPUOf(function.PID)-server, drive.OwnCPU()-client
	r.Machine, r.postgres = drive.MachineCPU()-machine, w.database.CPU()-postgres
	return r, nil
}

// keepAwake delivers a wake-up as soon as the last is answered, as the broker
// does with those by which a drain asks for the next.
func (w *world) keepAwake(ctx context.Context, function *drive.Server) {
	for ctx.Err() == nil {
		if err := w.wake(ctx, function); err != nil && ctx.Err() == nil {
			say("  a wake-up: %v", err)
			_ = drive.Wait(ctx, 100*time.Millisecond)
		}
	}
}

// waking waits as long as a drain may take.
var waking = http.Client{Timeout: time.Minute}

func (w *world) wake(ctx context.Context, function *drive.Server) error {
	e, err := event.New(event.OutboxReady, event.FromInventory, "outbox", event.WakeData{Function: event.FromInventory})
	if err != nil {
		return err
	}
	req, err := e.NewRequest(ctx, "http://"+function.Address+"/")
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+w.token)
	res, err := waking.Do(req)
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusAccepted {
		return errors.New(res.Status)
	}
	return nil
}

func printDrain(w *world, all []*contest) error {
	out := drive.Table()
	row := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) }
	row("\nrows drained a second, %d windows of %s in turns\tfunction\tlowest–highest\tpgbench\tlowest–highest\tclients\tratio of a round\t\n", w.rounds, w.span)
	for _, c := range all {
		row("%s\t%s\t%s\t%d\t%s\t\n", c.name, rates(c.ours), rates(c.theirs), c.clients, ratios(c.ours, c.theirs))
	}
	row("\nCPU µs of one\tfunction\tPostgreSQL\tbroker\tmachine\tpgbench's PostgreSQL\tmachine\t\n")
	for _, c := range all {
		o, t := medianWindow(c.ours), medianWindow(c.theirs)
		row("%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", c.name, cpuEach(o.Server, o.Requests), cpuEach(o.postgres, o.Requests), cpuEach(o.Client, o.Requests),
			cpuEach(o.Machine, o.Requests), cpuEach(t.postgres, t.Requests), cpuEach(t.Machine, t.Requests))
	}
	return out.Flush()
}

func rates(of []window) string {
	var all []float64
	for _, w := range of {
		all = append(all, w.Rate())
	}
	return fmt.Sprintf("%.0f\t%.0f–%.0f", drive.Median(all), slices.Min(all), slices.Max(all))
}

func ratios(ours, theirs []window) string {
	var all []float64
	for i := range ours {
		all = append(all, ours[i].Rate()/theirs[i].Rate())
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", drive.Median(all), slices.Min(all), slices.Max(all))
}

func medianWindow(of []window) window {
	return slices.SortedFunc(slices.Values(of), func(a, b window) int { return int(a.Rate() - b.Rate()) })[len(of)/2]
}
