package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mallhive/product-service/bench/drive"
)

const (
	connections = 64
	loneOrders  = 1000
	loneName    = "one order alone"
)

// clientCounts are tried for the reference, and the best is kept.
var clientCounts = []int{2, 4, 8, 16, 32, 64}

// contest is a kind of request; the reference does the same orders, or there is
// none.
type contest struct {
	name    string
	own     func(context.Context) (run, error)
	script  string
	kind    string // of the windows' names; "" when the script writes nothing
	lines   float64
	clients int

	ours, theirs []run
}

func (w *world) contests() []*contest {
	orders := func(kind string, of wishes, want string) func(context.Context) (run, error) {
		return func(ctx context.Context) (run, error) { return w.orders(ctx, w.own, kind, of, want) }
	}
	return []*contest{
		{name: "orders of 1–3 random SKUs", own: orders("random", randomWishes, locked), script: randomScript(), kind: "random", lines: 2},
		{name: "orders of one hot SKU", own: orders("hot", only(hotSKU), locked), script: hotScript(), kind: "hot", lines: 1},
		{name: "orders of a sold-out SKU", own: orders("gone", only(soldOut), rejected)},
		{name: "availability of a 10-line cart", own: w.carts, script: cartScript()},
	}
}

// reference runs pgbench on a contest; what it says it did must be found.
func (w *world) reference(ctx context.Context, c *contest, clients int, span time.Duration) (r run, err error) {
	if err := w.database.Checkpoint(ctx); err != nil {
		return r, err
	}
	window := w.window("reference" + c.kind)
	before := w.database.CPU()
	ran, err := w.pgbench(window, c.script, clients, span).Run(ctx)
	r.Window, r.postgres = ran.Window, w.database.CPU()-before
	if err != nil || c.kind == "" {
		return r, err
	}
	return r, w.foundOf(ctx, window, &r, c.lines)
}

func (w *world) pgbench(window, script string, clients int, span time.Duration) drive.Pgbench {
	return drive.Pgbench{
		URL: w.stage.URL(nil), Script: script, Clients: clients, Span: span, Transactions: loneOrders,
		Variables: []string{"n=0", "window=" + window},
	}
}

// foundOf makes sure that every order of the reference is there, with as many
// lines and movements; lines is how many an order has on average.
func (w *world) foundOf(ctx context.Context, window string, r *run, lines float64) (err error) {
	if r.found, err = w.database.find(ctx, "reference", window); err != nil {
		return err
	}
	average := float64(r.found.lines) / float64(max(r.Requests, 1))
	if r.found.locked != r.Requests || r.found.lines != r.found.movements || average < lines*0.95 || average > lines*1.05 {
		return fmt.Errorf("pgbench says that it did %d orders, and found is %+v", r.Requests, r.found)
	}
	return nil
}

// choose finds the number of clients with which the reference is quickest.
func (w *world) choose(ctx context.Context, c *contest) error {
	if c.script == "" {
		return nil
	}
	var best float64
	for _, clients := range clientCounts {
		r, err := w.reference(ctx, c, clients, min(w.span, 2*time.Second))
		if err != nil {
			return err
		}
		say("  %s: pgbench with %d clients: %.0f a second", c.name, clients, r.Rate())
		if r.Rate() > best {
			best, c.clients = r.Rate(), clients
		}
	}
	return nil
}

// byTurns runs both sides; who is first changes with the round, for what was done
// before has left something to do in the background.
func byTurns(round int, sides ...func() error) error {
	if round%2 == 1 {
		slices.Reverse(sides)
	}
	for _, side := range sides {
		if err := side(); err != nil {
			return err
		}
	}
	return nil
}

// pair lets both sides of a contest run once.
func (w *world) pair(ctx context.Context, c *contest, round int) error {
	ours := func() error {
		r, err := c.own(ctx)
		c.ours = append(c.ours, r)
		return err
	}
	theirs := func() error {
		if c.script == "" {
			return nil
		}
		r, err := w.reference(ctx, c, c.clients, w.span)
		c.theirs = append(c.theirs, r)
		return err
	}
	if err := byTurns(round, ours, theirs); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	text := fmt.Sprintf("  round %d: %s: %.0f a second", round+1, c.name, c.ours[len(c.ours)-1].Rate())
	if len(c.theirs) > 0 {
		text += fmt.Sprintf(", pgbench %.0f", c.theirs[len(c.theirs)-1].Rate())
	}
	say("%s", text)
	return nil
}

// lone is how long one order takes that is alone, on both sides, by round.
type lone struct{ ours, theirs [][]time.Duration }

// lone lets both sides place their orders, one after the other.
func (w *world) lone(ctx context.Context, l *lone, round int) error {
	ours := func() error {
		took, err := w.alone(ctx)
		l.ours = append(l.ours, took)
		return err
	}
	theirs := func() error {
		took, err := w.referenceAlone(ctx)
		l.theirs = append(l.theirs, took)
		return err
	}
	if err := byTurns(round, ours, theirs); err != nil {
		return fmt.Errorf("%s: %w", loneName, err)
	}
	say("  round %d: %s: %s ms, pgbench %s (medians)", round+1, loneName,
		drive.MS(drive.Median(l.ours[round])), drive.MS(drive.Median(l.theirs[round])))
	return nil
}

// referenceAlone is how long the same takes pgbench, with one client.
func (w *world) referenceAlone(ctx context.Context) ([]time.Duration, error) {
	window := w.window("referencealone")
	ran, err := w.pgbench(window, loneScript(), 1, 0).Run(ctx)
	if err != nil {
		return nil, err
	}
	r := run{Window: ran.Window}
	if err := w.foundOf(ctx, window, &r, 1); err != nil {
		return nil, err
	}
	if len(ran.Latencies) != loneOrders {
		return nil, fmt.Errorf("pgbench logged %d transactions of %d", len(ran.Latencies), loneOrders)
	}
	return ran.Latencies, nil
}
