package replay

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mallhive/product-service/knative/local/client"
)

const (
	barWidth        = 30
	shownViolations = 20
)

// progress draws a flight: over and over on a terminal, a line every few
// seconds elsewhere.
type progress struct {
	out      io.Writer
	flight   *flight
	terminal bool
	plainAt  time.Time
}

func newProgress(out io.Writer, f *flight) *progress {
	return &progress{out: out, flight: f, terminal: client.IsTerminal(out), plainAt: time.Now().Add(5 * time.Second)}
}

func (p *progress) update() {
	f := p.flight
	elapsed := max(time.Since(f.started).Seconds(), 0.001)
	text := fmt.Sprintf("%d of %d sent (%.0f/s), %d answered (%.0f/s)",
		f.sent.Load(), len(f.events), float64(f.sent.Load())/elapsed, f.answered, float64(f.answered)/elapsed)
	if p.terminal {
		filled := min(int(f.answered)*barWidth/max(len(f.events), 1), barWidth)
		_, _ = fmt.Fprintf(p.out, "\r\x1b[K%-9s %s%s %s", f.what, strings.Repeat("█", filled), strings.Repeat("░", barWidth-filled), text)
		return
	}
	if time.Now().After(p.plainAt) {
		p.plainAt = time.Now().Add(5 * time.Second)
		_, _ = fmt.Fprintf(p.out, "%-9s %s\n", f.what, text)
	}
}

func (p *progress) finish() {
	if p.terminal {
		_, _ = fmt.Fprint(p.out, "\r\x1b[K")
	}
}

// prove reads the books again and holds them against everything that is known.
// A second look is taken before something is called broken: a lock may expire
// while the books are read.
func (r *replay) prove(ctx context.Context) error {
	if err := r.awaitEach(ctx); err != nil {
		return err
	}
	after, err := r.reader.read(ctx, r.orders)
	if err != nil {
		return err
	}
	broken := check(r.orders, after, r.others)
	if len(broken) > 0 {
		if after, err = r.reader.read(ctx, r.orders); err != nil {
			return err
		}
		broken = check(r.orders, after, r.others)
	}
	answered, err := r.answers.ofOrders(ctx, r.options.Concurrency, r.orders)
	if err != nil {
		return err
	}
	broken = append(broken, checkReplies(r.orders, r.replies, answered)...)
	broken = append(broken, checkSame(answered, after.Reservations)...)
	broken = append(broken, checkKept(r.before.Reservations, after.Reservations)...)
	r.printOutcomes(after)
	r.printSums(after)
	r.printInstances(ctx)
	return r.verdict(broken)
}

// awaitEach waits until each order has an answer of this pass: where the broker
// delivers some events twice, as many answers as orders may be too few.
func (r *replay) awaitEach(ctx context.Context) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(r.options.Patience); ; {
		answered, err := r.answers.ofOrders(ctx, r.options.Concurrency, r.orders)
		if err != nil {
			return err
		}
		missing := slices.ContainsFunc(r.orders, func(o Order) bool { return len(answered[o.OrderID]) <= len(r.replies[o.OrderID]) })
		if !missing || time.Now().After(until) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (r *replay) printOutcomes(b Books) {
	count := map[string]int{}
	for _, reservation := range b.Reservations {
		count[reservation.State]++
	}
	var parts []string
	for _, state := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%d %s", count[state], state))
	}
	r.say("outcomes: %s; %.1f %% of the orders were rejected", strings.Join(parts, ", "),
		100*float64(count["rejected"])/float64(len(r.orders)))
}

func (r *replay) printSums(b Books) {
	ours := takenBy(b.Reservations)
	var opening, sold, held, remaining int64
	for _, sku := range r.skus {
		level := b.Levels[sku]
		opening += b.Ledger[sku].Supplied
		sold += ours[sku].sold + r.others[sku].sold
		held += ours[sku].held + r.others[sku].stillHeld(level.live()-ours[sku].held)
		remaining += level.Available + level.SafetyStock
	}
	r.say("units:    sold %d + reserved %d + remaining %d = %d, opening %d", sold, held, remaining, sold+held+remaining, opening)
}

func (r *replay) verdict(broken []Violation) error {
	for i, v := range broken {
		if i == shownViolations {
			r.say("  … and %d more", len(broken)-i)
			break
		}
		r.say("  ✗ %s", v)
	}
	if len(broken) > 0 {
		return fmt.Errorf("%w: %d found", ErrBroken, len(broken))
	}
	r.say("proved:   nothing negative or oversold; sold + reserved + remaining = opening for each of %d SKUs;", len(r.skus))
	r.say("          one outcome for each of %d orders; the audit finds nothing", len(r.orders))
	switch n := r.repeated(); {
	case n > 0:
		r.say("          %d orders were answered before: every answer had the same id, time and data as the first", n)
	case len(r.before.Reservations) > 0:
		r.say("          no outcome contradicts the one before; the stand-in knows no earlier answers, so they were not compared word for word")
	}
	return nil
}

// repeated is how many orders have an answer of an earlier pass to compare with.
func (r *replay) repeated() int {
	n := 0
	for _, all := range r.replies {
		if len(all) > 0 {
			n++
		}
	}
	return n
}
