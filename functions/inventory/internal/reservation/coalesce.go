package reservation

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
)

// Queue decides orders that come at the same time together: their rows are
// locked once and there is one commit for all. An order that comes alone is
// decided at once; while decisions are under way, those that come wait for the
// next, in the order of their coming. When some wait, stock is handed on before
// the disk has the commit, and the answers are given after. It is safe for
// concurrent use.
type Queue struct {
	db    postgres.DB
	rules Rules
	Options

	mu      sync.Mutex
	waiting []*ticket
	// asking says that a transaction asks for stock. The next one asks when that
	// has what it wanted, so that a later order never gets what an earlier one
	// is refused; their commits go on beside each other.
	asking   bool
	running  int           // transactions
	deciding int           // orders in them
	pace     time.Duration // that one order took of late, while others waited
	moved    time.Time     // when orders were taken last
	reminded bool          // begin is called when the first has waited long enough
}

// Options of a queue.
type Options struct {
	// MaxWait is how long an order may wait until its decision begins.
	MaxWait time.Duration
	// Company is how long the first who waits does so for as many as are being
	// decided; 0 is 20 ms, several times what a transaction takes.
	Company time.Duration
	Observe func(Report) // hears of what was done, from several goroutines; may be nil
}

type ticket struct {
	order Order
	since time.Time
	state atomic.Int32
	done  chan Decision
}

// A ticket is waiting until either side moves it on.
const (
	waiting int32 = iota
	taken         // it is in a transaction
	left          // nobody wants it any longer: it must not happen
)

const (
	// batchOrders and batchLines bound one transaction.
	batchOrders = 64
	batchLines  = 1000
	// batches is how many transactions run at once: while some wait for the
	// disk, another writes, and the next asks for stock.
	batches = 3
	// maxWaiting bounds the memory of those that wait.
	maxWaiting = 1024
	// decideWithin bounds a transaction, whoever still waits for it: one on a
	// connection that has fallen silent holds up all that come after it.
	decideWithin = 5 * time.Second
)

// NewQueue makes a queue; it runs nothing while nobody waits.
func NewQueue(db postgres.DB, rules Rules, o Options) *Queue {
	if o.Company == 0 {
		o.Company = 20 * time.Millisecond
	}
	return &Queue{db: db, rules: rules, Options: o}
}

// Place is Place, together with whoever else asks now. An order that would wait
// for too long is a fault of kind Unavailable, and nothing has happened.
func (q *Queue) Place(ctx context.Context, o Order) (Answer, error) {
	if err := o.Check(); err != nil {
		return Answer{}, err
	}
	o.Traceparent = outbox.Traceparent(ctx)
	t := &ticket{order: o, since: time.Now(), done: make(chan Decision, 1)}
	if !q.enter(t) {
		return Answer{}, q.turnAway()
	}
	late := time.NewTimer(q.MaxWait)
	defer late.Stop()
	for {
		select {
		case d := <-t.done:
			return d.Answer, d.Err
		case <-late.C:
			if t.state.CompareAndSwap(waiting, left) {
				return Answer{}, q.turnAway()
			}
		case <-ctx.Done():
			t.state.CompareAndSwap(waiting, left)
			return Answer{}, fault.Passing(ctx.Err(), time.Second, "the order could not be decided in time")
		}
	}
}

func (q *Queue) turnAway() error {
	q.observe(Report{Shed: 1})
	return &fault.Error{
		Kind: fault.Unavailable, Code: "overloaded", Detail: "too many orders wait to be decided", RetryAfter: time.Second,
	}
}

// Waiting is how many orders wait for their decision to begin.
func (q *Queue) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

func (q *Queue) enter(t *ticket) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.behind(t.since) {
		return false
	}
	q.waiting = append(q.waiting, t)
	q.begin()
	return true
}

// begin begins the next transaction when none asks for stock and as many orders
// wait as are being decided: fewer cost more than they gain by it, since what a
// transaction costs is shared by its orders. They do not wait for company for
// long: a transaction whose commit hangs must not hold them up.
func (q *Queue) begin() {
	if q.asking || q.running == batches || len(q.waiting) == 0 {
		return
	}
	if len(q.waiting) < q.deciding {
		if left := q.Company - time.Since(q.waiting[0].since); left > 0 {
			q.remind(left)
			return
		}
	}
	if batch := q.next(); len(batch) > 0 {
		q.asking = true
		q.running++
		q.deciding += len(batch)
		go q.work(batch)
	}
}

func (q *Queue) remind(in time.Duration) {
	if q.reminded {
		return
	}
	q.reminded = true
	time.AfterFunc(in, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.reminded = false
		q.begin()
	})
}

// behind says that one more would only be late: nothing has moved for as long
// as an order may wait, or it takes so long until those that wait are taken.
func (q *Queue) behind(now time.Time) bool {
	n := len(q.waiting)
	return n >= maxWaiting ||
		n > 0 && now.Sub(q.waiting[0].since) > q.MaxWait ||
		n >= batchOrders && time.Duration(n)*q.pace > q.MaxWait
}

func (q *Queue) work(batch []*ticket) {
	pass := sync.OnceFunc(func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.asking = false
		q.begin()
	})
	_ = q.decide(batch, pass) // the tickets have heard of it
	pass()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running--
	q.deciding -= len(batch)
	q.begin()
}

// next takes the tickets of the next transaction. Of two deliveries of one order
// only one may be in a transaction.
func (q *Queue) next() []*ticket {
	var batch, rest []*ticket
	ids := make(map[string]bool, min(len(q.waiting), batchOrders))
	lines, full := 0, false
	for _, t := range q.waiting {
		full = full || len(batch) == batchOrders || lines > 0 && lines+len(t.order.Lines) > batchLines
		switch {
		case t.state.Load() == left:
		case full || ids[t.order.ID]:
			rest = append(rest, t)
		case t.state.CompareAndSwap(waiting, taken):
			ids[t.order.ID] = true
			lines += len(t.order.Lines)
			batch = append(batch, t)
		}
	}
	q.waiting = rest
	if len(batch) > 0 {
		q.clock(batch[0].since, len(batch))
	}
	return batch
}

// clock keeps the pace: the time since orders were taken before, or since there
// was one to take, for each order taken now.
func (q *Queue) clock(since time.Time, n int) {
	now := time.Now()
	if since.Before(q.moved) {
		since = q.moved
	}
	q.moved = now
	q.pace += (now.Sub(since)/time.Duration(n) - q.pace) / 8
}

// decide answers every ticket. When the transaction fails, each order is tried
// alone: one that cannot be decided must not take others down with it. A
// database that does not answer fails them all alike.
func (q *Queue) decide(batch []*ticket, pass func()) error {
	began := time.Now()
	decisions, err := q.placeAll(batch, pass)
	if err == nil || len(batch) == 1 || passing(err) {
		q.answer(batch, decisions, err, began)
		return err
	}
	for i := range batch {
		// Whoever has the turn still has it.
		if err := q.decide(batch[i:i+1], func() {}); err != nil && passing(err) {
			q.answer(batch[i+1:], nil, err, began)
			break
		}
	}
	return nil
}

func passing(err error) bool { return fault.Is(postgres.Fault(err), fault.Unavailable) }

func (q *Queue) answer(batch []*ticket, decisions []Decision, err error, began time.Time) {
	if err != nil {
		decisions = make([]Decision, len(batch))
	}
	for i, t := range batch {
		if err != nil {
			decisions[i].Err = fmt.Errorf("lock order %s: %w", t.order.ID, err)
		}
		t.done <- decisions[i]
	}
	if len(batch) > 0 {
		q.observe(reportOf(batch, decisions, began))
	}
}

func (q *Queue) placeAll(batch []*ticket, pass func()) (decisions []Decision, err error) {
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
	return placeAll(ctx, q.db, q.rules, orders, pass, func() bool { return q.Waiting() > 0 })
}
