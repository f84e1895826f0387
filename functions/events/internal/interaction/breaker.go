package interaction

import (
	"sync"
	"time"

	"github.com/mallhive/product-service/shared/event"
)

// breaker keeps callers from waiting, one after the other, for somebody who
// does not answer. When it has opened, nobody asks until its time is over; then
// one does, for all, and decides whether it closes or rests for longer.
type breaker struct {
	first, longest time.Duration // rests
	enough         int           // failures in a row
	changed        func(open bool, reason string)

	mu       sync.Mutex
	failures int
	rests    int // in a row; 0 is closed
	until    time.Time
}

// probeTime is what the one who asks for all may take, before another may try.
const probeTime = time.Second

type permission uint8

const (
	no    permission = iota
	yes              // as everybody
	probe            // as the only one
)

func (b *breaker) ask(now time.Time) permission {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.rests == 0:
		return yes
	case now.Before(b.until):
		return no
	default:
		b.until = now.Add(probeTime)
		return probe
	}
}

// resting says whether nobody asks now.
func (b *breaker) resting(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rests > 0 && now.Before(b.until)
}

// isOpen says whether it has opened and nobody has closed it yet.
func (b *breaker) isOpen() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rests > 0
}

func (b *breaker) succeeded() {
	b.mu.Lock()
	closed := b.rests > 0
	b.failures, b.rests = 0, 0
	b.mu.Unlock()
	if closed {
		b.tell(false, "")
	}
}

// failed counts a failure. One that cost a caller all of its time is enough, as
// is a probe's.
func (b *breaker) failed(now time.Time, with permission, grave bool, asked time.Duration, reason string) {
	b.mu.Lock()
	b.failures++
	// Who had asked before it opened says nothing new.
	trips := with == probe || b.rests == 0 && (grave || b.failures >= b.enough)
	if trips {
		rest := min(b.first<<min(b.rests, 10), b.longest)
		b.until = now.Add(max(rest, min(asked, longestWish)))
		b.rests++
		b.failures = 0
	}
	opened := trips && b.rests == 1
	b.mu.Unlock()
	if opened {
		b.tell(true, reason)
	}
}

// longestWish is how long a Retry-After is listened to at most.
const longestWish = time.Minute

func (b *breaker) tell(open bool, reason string) {
	if b.changed != nil {
		b.changed(open, reason)
	}
}

// learn takes a receipt of the broker in.
func (b *breaker) learn(now time.Time, with permission, r event.Receipt) {
	if r.Outcome == event.Retry {
		b.failed(now, with, r.After > 0 && r.Down(), r.After, r.Reason)
		return
	}
	b.succeeded()
}
