// Package broker is one Knative Broker on one machine: an ingress that takes
// CloudEvents, Triggers that filter them, and delivery as Knative Eventing does
// it, with its retries, replies and dead letters. It keeps events in memory.
//
// The rules are those of knative/eventing: pkg/kncloudevents/retries.go for
// what is retried, pkg/broker/filter for what a subscriber may answer.
package broker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"go.uber.org/zap"
)

// Options of a broker. Zero values are replaced by defaults.
type Options struct {
	Namespace string
	Name      string
	Triggers  []Trigger
	// Token mints what a delivery carries for an audience; subject is the
	// Trigger's identity. Without it deliveries carry no token.
	Token func(subject, audience string) (string, error)
	// BackoffScale multiplies every backoff delay: 0.1 waits a tenth.
	BackoffScale float64
	// Concurrency bounds the deliveries of one Trigger under way at once.
	Concurrency int
	// Queue bounds the events of one Trigger that wait, retries included.
	Queue int
	// Room bounds how long a publisher waits for room in a full queue.
	Room time.Duration
	// CopiesFrom and CopiesTo deliver each event a random number of times between
	// them, in random order: for tests of what at-least-once means.
	CopiesFrom, CopiesTo int
	Log                  *zap.Logger
}

// Trigger says which events go where.
type Trigger struct {
	Name       string
	Subject    string // identity of its deliveries: sub of their tokens
	DeadLetter string // identity of its dead letters, which the channel behind a broker sends; Subject when empty
	Filters    []Filter
	Subscriber Destination
	Delivery   Delivery
}

// Destination is where an event is sent. A token is sent along when Audience
// is set.
type Destination struct {
	URL      string
	Audience string
}

// Broker takes and delivers events. It is safe for concurrent use.
type Broker struct {
	options  Options
	path     string
	triggers []*trigger
	client   *http.Client
	tokens   tokens

	ctx  context.Context //nolint:containedctx // the life of deliveries, which outlive the call that brought them
	stop context.CancelFunc

	mu      sync.Mutex
	pending map[*parcel]struct{}
}

type trigger struct {
	Trigger
	room   chan struct{} // a place for each event that waits
	active chan struct{} // a place for each delivery under way
	counts counts
}

// parcel is one event on its way to one Trigger's subscriber.
type parcel struct {
	trigger *trigger
	event   event.Event
	ttl     int32
}

// New makes a broker and checks its Triggers. It contacts nothing.
func New(o Options) (*Broker, error) {
	o = o.withDefaults()
	b := &Broker{
		options: o, path: "/" + o.Namespace + "/" + o.Name,
		client: newClient(o.Concurrency), tokens: tokens{mint: o.Token},
		pending: map[*parcel]struct{}{},
	}
	b.ctx, b.stop = context.WithCancel(context.Background())
	for _, t := range o.Triggers {
		for _, f := range t.Filters {
			if err := f.Check(); err != nil {
				return nil, fmt.Errorf("trigger %s: %w", t.Name, err)
			}
		}
		b.triggers = append(b.triggers, &trigger{Trigger: t,
			room: make(chan struct{}, o.Queue), active: make(chan struct{}, o.Concurrency)})
	}
	return b, nil
}

func (o Options) withDefaults() Options {
	if o.Namespace == "" {
		o.Namespace = "default"
	}
	if o.Name == "" {
		o.Name = "default"
	}
	if o.BackoffScale <= 0 {
		o.BackoffScale = 1
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 64
	}
	if o.Queue <= 0 {
		o.Queue = 20_000
	}
	if o.Room <= 0 {
		o.Room = 10 * time.Second
	}
	o.CopiesFrom = max(o.CopiesFrom, 1)
	o.CopiesTo = max(o.CopiesTo, o.CopiesFrom)
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return o
}

// copies is how often the next event is delivered.
func (o Options) copies() int { return o.CopiesFrom + rand.IntN(o.CopiesTo-o.CopiesFrom+1) }

// Publish takes an event as the ingress does. An error means that it was not
// taken by every Trigger that wants it, and may be tried again.
func (b *Broker) Publish(ctx context.Context, e event.Event) error {
	return b.accept(ctx, e, maxTTL)
}

func (b *Broker) accept(ctx context.Context, e event.Event, ttl int32) error {
	ctx, cancel := context.WithTimeout(ctx, b.options.Room)
	defer cancel()
	var wanted []*trigger
	for _, t := range b.triggers {
		if !t.wants(e) {
			continue
		}
		for range b.options.copies() {
			if err := b.reserve(ctx, t); err != nil {
				release(wanted)
				return err
			}
			wanted = append(wanted, t)
		}
	}
	parcels := make([]*parcel, len(wanted))
	for i, t := range wanted {
		parcels[i] = &parcel{trigger: t, event: e, ttl: ttl}
	}
	if !b.take(parcels) {
		release(wanted)
		return errClosed
	}
	for _, p := range parcels {
		go b.carry(p)
	}
	return nil
}

func (b *Broker) reserve(ctx context.Context, t *trigger) error {
	select {
	case t.room <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("trigger %s: %w", t.Name, errFull)
	case <-b.ctx.Done():
		return errClosed
	}
}

func release(held []*trigger) {
	for _, t := range held {
		<-t.room
	}
}

// wants says whether every filter of the Trigger matches.
func (t *trigger) wants(e event.Event) bool {
	for _, f := range t.Filters {
		if !f.Match(e) {
			return false
		}
	}
	return true
}

func (b *Broker) take(parcels []*parcel) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ctx.Err() != nil {
		return false
	}
	for _, p := range parcels {
		b.pending[p] = struct{}{}
	}
	return true
}

// done forgets a parcel, unless it was cut short: then Close returns it.
func (b *Broker) done(p *parcel, finished bool) {
	<-p.trigger.room
	if !finished {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.pending, p)
}

// Undelivered is an event that a Trigger's subscriber has not had yet.
type Undelivered struct {
	Trigger string      `json:"trigger"`
	Event   event.Event `json:"event"`
}

// Drain waits until nothing is pending, or ctx ends. New events are still
// taken: replies are, too.
func (b *Broker) Drain(ctx context.Context) {
	for {
		b.mu.Lock()
		n := len(b.pending)
		b.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Close stops delivering and returns what was not delivered. Close the
// ingress's server first.
func (b *Broker) Close() []Undelivered {
	b.stop()
	b.client.CloseIdleConnections()
	b.mu.Lock()
	defer b.mu.Unlock()
	var rest []Undelivered
	for p := range b.pending {
		rest = append(rest, Undelivered{Trigger: p.trigger.Name, Event: p.event})
	}
	return rest
}

// Restore takes back what an earlier Close returned; events of Triggers that
// are gone are dropped. It returns how many it took.
func (b *Broker) Restore(rest []Undelivered) int {
	taken := 0
	for _, u := range rest {
		for _, t := range b.triggers {
			if t.Name != u.Trigger || b.reserve(b.ctx, t) != nil {
				continue
			}
			p := &parcel{trigger: t, event: u.Event, ttl: maxTTL}
			if b.take([]*parcel{p}) {
				taken++
				go b.carry(p)
			}
		}
	}
	return taken
}
