// Package relay sends what waits in the outbox to the broker. A drain claims
// the oldest row of each subject, sends rows side by side while it claims the
// next and removes what was taken, with no transaction open during a send. It
// ends when nothing is due or its time is up; it may be cut at any point, for a
// row stays until it is known to be delivered.
package relay

import (
	"context"
	"sync"
	"time"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
)

// Options of a relay. Zero durations and counts are replaced by defaults.
type Options struct {
	DB   postgres.DB
	Send func(context.Context, event.Event) event.Receipt // nil: there is no broker, rows wait
	// Trouble hears of each event that was not taken, and how often it was tried.
	Trouble func(e event.Event, attempts int, receipt event.Receipt)
	// Sent hears of each delivered event how long that was after its commit.
	Sent func(lag time.Duration)

	Batch   int           // rows claimed at once; at most twice as many are under way
	Workers int           // events under way at once
	Budget  time.Duration // after which a drain claims no more
	Lease   time.Duration // of a claim; more than a whole batch takes to send
	Backoff time.Duration // after the first failure; doubles, up to a minute

	// Attempts after which a broker that is up and yet does not take an event
	// makes it a dead letter: at one a minute about 16 hours. While the broker is
	// down nothing is given up.
	Attempts int
}

// SendLimit is how long one send may take: less than a lease by far.
const SendLimit = 5 * time.Second

// Relay drains the outbox, once at a time. It is safe for concurrent use.
type Relay struct {
	o Options

	mu      sync.Mutex
	running bool
	again   bool // a wake-up came while a drain was running
	closed  bool
	rest    rest
	place   outbox.Place // of the running drain
}

// New makes a relay; it contacts nothing.
func New(o Options) *Relay {
	setDefault(&o.Batch, 256)
	setDefault(&o.Workers, 64)
	setDefault(&o.Attempts, 1000)
	setDefault(&o.Budget, 8*time.Second)
	setDefault(&o.Lease, time.Minute)
	setDefault(&o.Backoff, time.Second)
	if o.Trouble == nil {
		o.Trouble = func(event.Event, int, event.Receipt) {}
	}
	if o.Sent == nil {
		o.Sent = func(time.Duration) {}
	}
	return &Relay{o: o}
}

func setDefault[T int | time.Duration](v *T, to T) {
	if *v == 0 {
		*v = to
	}
}

// Report is what a drain did.
type Report struct {
	Delivered, Failed, Refused int
	// More says that rows are due that this drain had no time for.
	More bool
}

// Drain sends what is due. When another drain is running, that one looks
// again before it ends, and this one returns at once. A relay that is closed
// is a fault of kind Unavailable: another instance will do it.
func (r *Relay) Drain(ctx context.Context) (Report, error) {
	if r.isClosed() {
		return Report{}, fault.Passing(nil, time.Second, "this instance is stopping")
	}
	if !r.begin() {
		return Report{}, nil
	}
	var total Report
	for {
		err := r.newDrain(&total).run(ctx)
		if over := r.end(err != nil || total.More); over {
			return total, err
		}
	}
}

func (r *Relay) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.o.Send == nil {
		return false
	}
	if r.running {
		r.again = true
		return false
	}
	r.running = true
	return true
}

// end looks for a wake-up that came meanwhile; stop ends the drain all the
// same, and the rows wait for the next one.
func (r *Relay) end(stop bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.again && !stop && !r.closed {
		r.again = false
		return false
	}
	r.again, r.running = false, false
	return true
}

// Close lets a running drain end what it is sending and begin no more.
func (r *Relay) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

func (r *Relay) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

func (t *Report) add(over []outcome) {
	for _, o := range over {
		switch {
		case o.letter != nil:
			t.Refused++
		case o.again == nil:
			t.Delivered++
		case o.again.Reason != "":
			t.Failed++
		}
	}
}

// sleep waits for a time before the deadline, and says whether it came.
func sleep(ctx context.Context, until, deadline time.Time) bool {
	if until.After(deadline) {
		return false
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
