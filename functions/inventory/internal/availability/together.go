package availability

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// readsAtOnce is how many reads run at once: while one is under way on the
	// server, the answer of another is taken.
	readsAtOnce = 2
	// mostSKUs bounds a read of several carts; one cart may be as large.
	mostSKUs = 500
	// readWithin bounds a read, whoever still waits for it: one on a connection
	// that has fallen silent holds up all that come after it.
	readWithin = 5 * time.Second
)

// reader reads together what is asked for at the same time. Who comes alone is
// read at once; while reads are under way, those who come wait for the next, so
// that each read begins after all it answers have asked. What can be read of a
// SKU depends on no other, and nobody can ask for what cannot be read: callers
// share nothing but the time it takes. It is safe for concurrent use.
type reader struct {
	read func(context.Context, cart) (facts, error)

	mu      sync.Mutex
	waiting []*question
	running int
}

// cart is what is to be read for one cart, or for several together.
type cart struct {
	currency string
	skus     []string
	most     int64 // of one SKU that is wanted; see stock.QueueTotals
}

type question struct {
	cart
	ctx    context.Context //nolint:containedctx // of who waits: it ends when nobody does
	answer chan answer
}

type answer struct {
	facts
	at  time.Time // before the read began: it was so then, or later
	err error
}

// ask reads a cart; it ends with ctx, and what others wait for goes on.
func (r *reader) ask(ctx context.Context, c cart) (answer, error) {
	q := &question{cart: c, ctx: ctx, answer: make(chan answer, 1)}
	r.enter(q)
	select {
	case a := <-q.answer:
		return a, a.err
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
}

func (r *reader) enter(q *question) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = append(r.waiting, q)
	if r.running < readsAtOnce {
		r.running++
		go r.work()
	}
}

func (r *reader) work() {
	for batch := r.next(); len(batch) > 0; batch = r.next() {
		a := r.find(batch)
		for _, q := range batch {
			q.answer <- a
		}
	}
}

// next takes the questions of the next read, which is in one currency; none
// means that this worker is done.
func (r *reader) next() []*question {
	r.mu.Lock()
	defer r.mu.Unlock()
	var batch, rest []*question
	skus := 0
	for _, q := range r.waiting {
		switch {
		case q.ctx.Err() != nil:
		case len(batch) == 0, q.currency == batch[0].currency && skus+len(q.skus) <= mostSKUs:
			skus += len(q.skus)
			batch = append(batch, q)
		default:
			rest = append(rest, q)
		}
	}
	r.waiting = rest
	if len(batch) == 0 {
		r.running--
	}
	return batch
}

func (r *reader) find(batch []*question) (a answer) {
	defer func() {
		// There is no request around this goroutine that would catch it.
		if p := recover(); p != nil {
			a.err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	// The first of them lends its trace.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(batch[0].ctx), readWithin)
	defer cancel()
	all := cart{currency: batch[0].currency}
	for _, q := range batch {
		all.skus = append(all.skus, q.skus...)
		all.most = max(all.most, q.most)
	}
	a.at = time.Now().UTC()
	a.facts, a.err = r.read(ctx, all)
	return a
}
