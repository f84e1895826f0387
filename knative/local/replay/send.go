package replay

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/mallhive/product-service/knative/local/client"
)

// send hands every order to the broker and waits until all are answered.
func (r *replay) send(ctx context.Context) error {
	events := make([]client.Event, len(r.orders))
	for i, o := range r.orders {
		events[i] = placedEvent(o)
	}
	took, err := r.fly(ctx, "orders", events, locked, rejected)
	if err != nil {
		return err
	}
	r.say("%d orders placed and answered in %.1f s: %.0f orders/s, %.0f lines/s", len(r.orders), took.Seconds(),
		float64(len(r.orders))/took.Seconds(), float64(lineCount(r.orders))/took.Seconds())
	return nil
}

// pay pays a share of the orders that got their stock: always the same ones.
func (r *replay) pay(ctx context.Context) error {
	if r.options.PayPercent <= 0 {
		return nil
	}
	now, err := r.reader.reservations(ctx, r.orders)
	if err != nil {
		return err
	}
	var events []client.Event
	for _, o := range r.orders {
		state := now[o.OrderID].State
		if (state == "locked" || state == "committed") && share(o.OrderID) < r.options.PayPercent {
			events = append(events, event(o, "paid", map[string]string{"order_id": o.OrderID}))
		}
	}
	took, err := r.fly(ctx, "payments", events, committed, rejected)
	if err != nil {
		return err
	}
	r.say("%d orders paid and answered in %.1f s", len(events), took.Seconds())
	return nil
}

func share(orderID string) int {
	hash := fnv.New32a()
	hash.Write([]byte(orderID))
	return int(hash.Sum32() % 100)
}

// placedEvent is the same event on every pass: same id, time and data.
func placedEvent(o Order) client.Event {
	return event(o, "placed", struct {
		OrderID string `json:"order_id"`
		Lines   []Line `json:"lines"`
	}{o.OrderID, o.Lines})
}

func event(o Order, step string, data any) client.Event {
	at, err := time.Parse(time.RFC3339, o.PlacedAt)
	if err != nil {
		at = time.Unix(0, 0)
	}
	return client.Event{
		ID: o.OrderID + "-" + step, Type: "com.mallhive.order." + step + ".v1", Source: "/order-service",
		Subject: o.OrderID, Time: at, Data: data,
	}
}

// flight is a set of events under way and the answers that came back.
type flight struct {
	what     string
	events   []client.Event
	replies  []string // types
	base     int64    // replies of these types before the flight
	started  time.Time
	sent     atomic.Int64
	answered int64
}

// fly publishes the events, so many at once, and returns the time until as many
// replies came.
func (r *replay) fly(ctx context.Context, what string, events []client.Event, replies ...string) (time.Duration, error) {
	base, err := r.answers.count(ctx, replies...)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := &flight{what: what, events: events, replies: replies, base: base, started: time.Now()}
	sending := make(chan error, 1)
	go func() {
		sending <- each(ctx, r.options.Concurrency, events, func(ctx context.Context, e client.Event) error {
			defer f.sent.Add(1)
			return r.publish(ctx, e)
		})
	}()
	err = r.watch(ctx, f, sending)
	return time.Since(f.started), err
}

// publish tries again what the broker puts off, as the order service would.
func (r *replay) publish(ctx context.Context, e client.Event) error {
	_, err := backoff.Retry(ctx, func() (client.Reply, error) {
		reply, err := r.broker.Publish(ctx, e)
		var problem *client.Problem
		if errors.As(err, &problem) && problem.Status < 500 && problem.Status != http.StatusTooManyRequests {
			return reply, backoff.Permanent(err)
		}
		return reply, err
	}, backoff.WithMaxTries(8))
	return err
}

// watch shows the flight until every event has its answer, or until nothing
// moved for as long as the patience lasts.
func (r *replay) watch(ctx context.Context, f *flight, sending <-chan error) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	shown := newProgress(r.out, f)
	moved, last := time.Now(), int64(-1)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-sending:
			if err != nil {
				return err
			}
			sending = nil
		case <-tick.C:
		}
		now, err := r.answers.count(ctx, f.replies...)
		if err != nil {
			return err
		}
		f.answered = now - f.base
		shown.update()
		if sending == nil && f.answered >= int64(len(f.events)) {
			shown.finish()
			return nil
		}
		if sum := f.sent.Load() + f.answered; sum != last {
			moved, last = time.Now(), sum
		}
		if time.Since(moved) > r.options.Patience {
			shown.finish()
			return fmt.Errorf("%d of %d %s were not answered, and nothing moved for %s", int64(len(f.events))-f.answered, len(f.events), f.what, r.options.Patience)
		}
	}
}
