package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mallhive/product-service/bench/drive"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
)

// course is what became of a backlog that was drained to its end.
type course struct {
	shape
	rest, waiting int64           // memory of the function, before and with the backlog
	rates         []float64       // of each tenth
	memory        []int64         // at the end of each
	fresh         []time.Duration // from the commit of an event to the broker
	outcomes      []time.Duration // and of an order's outcome
}

// measureBacklog drains a backlog to its end, and meanwhile adds an event now
// and then: of a stock of its own, and of an order.
func measureBacklog(ctx context.Context, w *world) error {
	out := drive.Table()
	row := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) }
	row("\na backlog of %d rows to its end\trows a second, first tenth\tlowest\tlast\tMiB at rest\twith the backlog\tfirst tenth\tmost\tlast\t\n", w.rows)
	var all []*course
	for _, s := range shapes() {
		c := &course{shape: s}
		if err := w.follow(ctx, c); err != nil {
			return err
		}
		all = append(all, c)
		row("%s\t%.0f\t%.0f\t%.0f\t%d\t%d\t%d\t%d\t%d\t\n", c.name, c.rates[0], slices.Min(c.rates), c.rates[len(c.rates)-1],
			c.rest>>20, c.waiting>>20, c.memory[0]>>20, slices.Max(c.memory)>>20, c.memory[len(c.memory)-1]>>20)
	}
	row("\nnew events meanwhile, ms from commit to broker\tevents\tp50\tp99\tslowest\toutcomes of orders\tp50\tp99\tslowest\t\n")
	for _, c := range all {
		row("%s\t%s\t%s\t\n", c.name, latencies(c.fresh), latencies(c.outcomes))
	}
	return out.Flush()
}

func (w *world) follow(ctx context.Context, c *course) error {
	if _, err := w.database.Conn.Exec(ctx, "truncate events.outbox"); err != nil {
		return err
	}
	function, err := w.serve(ctx)
	if err != nil {
		return err
	}
	defer function.Stop()
	if err := w.wake(ctx, function); err != nil {
		return err
	}
	c.rest = resident(function)
	if err := w.fill(ctx, c.shape); err != nil {
		return err
	}
	c.waiting = resident(function)
	draining, stop := context.WithCancel(ctx)
	defer stop()
	go w.keepAwake(draining, function)
	asking := make(chan error, 1)
	go func() { asking <- w.askMeanwhile(draining, c) }()
	began := w.broker.taken.Load()
	for tenth := range int64(10) {
		since, before := time.Now(), w.broker.taken.Load()
		for w.broker.taken.Load()-began < (tenth+1)*int64(w.rows)/10 {
			if err := drive.Wait(ctx, 10*time.Millisecond); err != nil {
				return err
			}
		}
		c.rates = append(c.rates, float64(w.broker.taken.Load()-before)/time.Since(since).Seconds())
		c.memory = append(c.memory, resident(function))
		say("  %d0 %%: %.0f rows a second, %d MiB", tenth+1, c.rates[tenth], c.memory[tenth]>>20)
	}
	stop()
	if err := <-asking; !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// askMeanwhile adds events, one at a time, and waits for each at the broker.
func (w *world) askMeanwhile(ctx context.Context, c *course) error {
	for n := 0; ; n++ {
		subject := fmt.Sprint("new-", n)
		typ, data, into := event.StockLow, any(event.StockData{SKU: subject, Available: 1}), &c.fresh
		if n%2 == 1 {
			typ, data, into = event.InventoryExpired, map[string]any{"order_id": subject}, &c.outcomes
		}
		e, err := event.New(typ, event.FromInventory, subject, data)
		if err != nil {
			return err
		}
		heard := w.broker.await(e.ID)
		if err := outbox.Append(ctx, w.database.Conn, e); err != nil {
			return errors.Join(ctx.Err(), err)
		}
		committed := time.Now()
		select {
		case at := <-heard:
			*into = append(*into, max(at.Sub(committed), 0))
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := drive.Wait(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// resident is the memory that the process has now; 0 where /proc does not tell.
func resident(s *drive.Server) int64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.PID), "status"))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), "VmRSS:")
	kib, _ := strconv.ParseInt(strings.Fields(after + " 0")[0], 10, 64)
	return kib << 10
}

func latencies(of []time.Duration) string {
	if len(of) == 0 {
		return "0\t\t\t"
	}
	return fmt.Sprintf("%d\t%s\t%s\t%s", len(of), drive.MS(drive.Percentile(of, 50)), drive.MS(drive.Percentile(of, 99)), drive.MS(drive.Percentile(of, 100)))
}
