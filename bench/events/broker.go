package main

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// broker takes everything at once, as fast as this program can.
type broker struct {
	taken atomic.Int64
	wakes atomic.Int64 // wake-ups, which are in no other count

	mu      sync.Mutex
	awaited map[string]chan time.Time // by id: hears when the event came
}

func newBroker() *broker { return &broker{awaited: map[string]chan time.Time{}} }

func (b *broker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if r.Header.Get("Ce-Type") == "com.mallhive.outbox.ready.v1" {
		b.wakes.Add(1)
	} else {
		b.taken.Add(1)
		b.tell(r.Header.Get("Ce-Id"))
	}
	w.WriteHeader(http.StatusAccepted)
}

func (b *broker) tell(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if heard, ok := b.awaited[id]; ok {
		delete(b.awaited, id)
		heard <- time.Now()
	}
}

// await tells when an event comes; it is asked for before the event is made.
func (b *broker) await(id string) <-chan time.Time {
	heard := make(chan time.Time, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.awaited[id] = heard
	return heard
}
