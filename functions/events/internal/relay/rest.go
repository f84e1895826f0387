package relay

import (
	"sync"
	"time"

	"github.com/mallhive/product-service/shared/event"
)

// rest holds the relay back while the broker takes nothing, so that an hour of
// silence costs neither it nor the database more than a probe now and then.
type rest struct {
	mu       sync.Mutex
	silent   int // answers in a row by which the broker takes nothing
	rests    int // in a row
	restTill time.Time
}

const (
	silentEnough = 8
	longestRest  = 30 * time.Second
)

// learn takes an answer in. One that does not say that the broker is down counts
// too, but for each event once: it may be the event that the broker fails on.
func (r *rest) learn(receipt event.Receipt, attempts int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case receipt.Outcome != event.Retry:
		r.silent, r.rests = 0, 0
		return
	case !receipt.Down() && attempts > 0:
		return
	}
	r.silent++
	enough := silentEnough
	if r.rests > 0 || receipt.After > 0 {
		enough = 1 // it was down a moment ago, or says for how long it is
	}
	if r.silent < enough || r.restTill.After(time.Now()) {
		return
	}
	wait := min(500*time.Millisecond<<min(r.rests, 6), longestRest)
	r.restTill = time.Now().Add(max(wait, min(receipt.After, longestAsked)))
	r.rests++
	r.silent = 0
}

func (r *rest) until() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.restTill
}

func (r *rest) resting() bool { return r.until().After(time.Now()) }

// limit is how many rows to claim: a few while it is not sure that the broker
// is back.
func (r *rest) limit(batch int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rests > 0 {
		return min(batch, 4)
	}
	return batch
}
