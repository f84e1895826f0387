package reservation

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
)

// Queue decides orders that come at the same time together: their rows are
// locked once and there is one commit for all. An order that comes alone is
// decided at once; while decisions are under way, those that come wait for the
// next, in the order of their coming. It is safe for concurrent use.
type Queue struct {
	db    postgres.DB
	rules Rules

	mu      sync.Mutex
	waiting []*ticket
	running int
}

type ticket struct {
	order Order
	left  <-chan struct{} // closed when nobody waits any more
	done  chan Decision
}

func (t *ticket) abandoned() bool {
	select {
	case <-t.left:
		return true
	default:
		return false
	}
}

const (
	// batchOrders and batchLines bound one transaction.
	batchOrders = 64
	batchLines  = 1000
	// batches is how many transactions run at once: while one waits for its
	// commit, another works.
	batches = 2
	// maxWaiting is where more work would only make everybody late.
	maxWaiting = 1024
	// decideWithin bounds a transaction, whoever still waits for it: one on a
	// connection that has fallen silent holds up all that come after it.
	decideWithin = 5 * time.Second
)

// NewQueue makes a queue; it runs nothing while nobody waits.
func NewQueue(db postgres.DB, rules Rules) *Queue { return &Queue{db: db, rules: rules} }

// Place is Place, together with whoever else asks now. When too many wait it
// is a fault of kind Unavailable and nothing has happened.
func (q *Queue) Place(ctx context.Context, o Order) (Answer, error) {
	if err := o.Check(); err != nil {
		return Answer{}, err
	}
	o.Traceparent = outbox.Traceparent(ctx)
	t := &ticket{order: o, left: ctx.Done(), done: make(chan Decision, 1)}
	if !q.enter(t) {
		return Answer{}, &fault.Error{
			Kind: fault.Unavailable, Code: "overloaded", Detail: "too many orders wait to be decided", RetryAfter: time.Second,
		}
	}
	select {
	case d := <-t.done:
		return d.Answer, d.Err
	case <-ctx.Done():
		return Answer{}, fault.Passing(ctx.Err(), time.Second, "the order could not be decided in time")
	}
}

func (q *Queue) enter(t *ticket) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= maxWaiting {
		return false
	}
	q.waiting = append(q.waiting, t)
	if q.running < batches {
		q.running++
		go q.work()
	}
	return true
}

func (q *Queue) work() {
	for {
		batch := q.next()
		if len(batch) == 0 {
			return
		}
		q.decide(batch)
	}
}

// next takes the tickets of the next transaction; none means that this worker
// is done. Of two deliveries of one order only one may be in a transaction.
func (q *Queue) next() []*ticket {
	q.mu.Lock()
	defer q.mu.Unlock()
	var batch, left []*ticket
	ids := map[string]bool{}
	lines := 0
	for _, t := range q.waiting {
		switch {
		case t.abandoned():
		case len(batch) < batchOrders && !ids[t.order.ID] && (lines == 0 || lines+len(t.order.Lines) <= batchLines):
			ids[t.order.ID] = true
			lines += len(t.order.Lines)
			batch = append(batch, t)
		default:
			left = append(left, t)
		}
	}
	q.waiting = left
	if len(batch) == 0 {
		q.running--
	}
	return batch
}

// decide answers every ticket. When the transaction fails, each order is tried
// alone: one that cannot be decided must not take others down with it. A
// database that does not answer fails them all alike.
func (q *Queue) decide(batch []*ticket) {
	decisions, err := q.placeAll(batch)
	if err != nil && len(batch) > 1 && !fault.Is(postgres.Fault(err), fault.Unavailable) {
		for _, t := range batch {
			q.decide([]*ticket{t})
		}
		return
	}
	for i, t := range batch {
		if err != nil {
			t.done <- Decision{Err: fmt.Errorf("lock order %s: %w", t.order.ID, err)}
			continue
		}
		t.done <- decisions[i]
	}
}

func (q *Queue) placeAll(batch []*ticket) (decisions []Decision, err error) {
	defer func() {
		// There is no request around this goroutine that would catch it.
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), decideWithin)
	defer cancel()
	orders := make([]Order, len(batch))
	for i, t := range batch {
		orders[i] = t.order
	}
	return PlaceAll(ctx, q.db, q.rules, orders)
}
