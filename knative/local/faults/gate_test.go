package faults

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/mallhive/product-service/knative/local/broker"
)

// gate is the broker's door. It can be shut, or hold up who comes, and the
// broker behind it can be killed and started anew.
type gate struct {
	makeBroker func() *broker.Broker

	mu      sync.Mutex
	running *broker.Broker // the last one, also when it is down
	down    bool
	stalled chan struct{}         // closed when the stall is over; nil: none
	refuses *refusal              // nil: nothing
	comes   func(r *http.Request) // hears of each event before the broker does
	taken   func(r *http.Request) // hears of each event taken, before the sender does
	away    int                   // events of products that were not let through
}

// turnedAway is what a refusal says.
const turnedAway = "turned away by the gate"

// refusal is an answer that takes no event.
type refusal struct {
	status int // 0: the connection is reset
	after  string
}

func newGate(makeBroker func() *broker.Broker) *gate { return &gate{makeBroker: makeBroker} }

func (g *gate) broker() *broker.Broker {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.running
}

// start runs a new broker that goes on with what an earlier one had left.
func (g *gate) start(rest []broker.Undelivered) int {
	b := g.makeBroker()
	restored := b.Restore(rest)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running, g.down = b, false
	return restored
}

// stop takes the broker away; what it had not delivered is returned.
func (g *gate) stop() []broker.Undelivered {
	g.mu.Lock()
	g.down = true
	b := g.running
	g.mu.Unlock()
	report.fault("broker killed")
	return b.Close()
}

// stall holds every sender until resume is called.
func (g *gate) stall() (resume func()) {
	over := make(chan struct{})
	report.fault("broker that hangs")
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stalled = over
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.stalled = nil
		close(over)
	}
}

// refuse gives every sender an answer until resume is called.
func (g *gate) refuse(r refusal) (resume func()) {
	report.fault(fmt.Sprintf("broker that answers %d", r.status))
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refuses = &r
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.refuses = nil
	}
}

// turnedAway is how many events of ours were not let through.
func (g *gate) turnedAway() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.away
}

// onComing sets who hears of events before the broker does; nil is nobody.
func (g *gate) onComing(do func(r *http.Request)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.comes = do
}

// onTaken sets who hears of the next events; nil is nobody.
func (g *gate) onTaken(do func(r *http.Request)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.taken = do
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	b, down, stalled, refuses, comes, taken := g.running, g.down, g.stalled, g.refuses, g.comes, g.taken
	if (down || stalled != nil || refuses != nil) && ofProduct(r) {
		g.away++
	}
	g.mu.Unlock()
	if comes != nil {
		comes(r)
	}
	if stalled != nil {
		select {
		case <-stalled:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler) // as one that hangs and then dies
	}
	if down || refuses != nil && refuses.status == 0 {
		panic(http.ErrAbortHandler) // the connection is cut without an answer
	}
	if refuses != nil {
		if refuses.after != "" {
			w.Header().Set("Retry-After", refuses.after)
		}
		http.Error(w, turnedAway, refuses.status)
		return
	}
	b.ServeHTTP(w, r)
	if taken != nil {
		taken(r)
	}
}

// ofProduct tells what the relay sends from wake-ups, orders and replies.
func ofProduct(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Ce-Type"), "com.mallhive.product.")
}
