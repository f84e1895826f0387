package faults

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

// recorder stands behind the broker and keeps every event of ours that came
// through, each once, and what contradicts itself.
type recorder struct {
	mu      sync.Mutex
	events  map[string]event.Event // by id
	newest  map[string]event.Event // by type family and subject: the highest sequence
	repeats int
	wrong   []string
}

func newRecorder() *recorder {
	return &recorder{events: map[string]event.Event{}, newest: map[string]event.Event{}}
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	e, err := cehttp.NewEventFromHTTPRequest(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if strings.HasPrefix(e.Source(), "/product-service/") && e.Type() != "com.mallhive.outbox.ready.v1" {
		r.keep(*e)
	}
	w.WriteHeader(http.StatusAccepted)
}

func (r *recorder) keep(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if first, again := r.events[e.ID()]; again {
		r.repeats++
		if first.Type() != e.Type() || !first.Time().Equal(e.Time()) || string(first.Data()) != string(e.Data()) || sequence(first) != sequence(e) {
			r.wrong = append(r.wrong, fmt.Sprintf("%s %s came twice and differs", e.Type(), e.ID()))
		}
		return
	}
	r.events[e.ID()] = e
	key := family(e.Type()) + e.Subject()
	if was, known := r.newest[key]; !known || sequence(was) < sequence(e) {
		r.newest[key] = e
	}
}

// family is what a sequence orders: com.mallhive.product.updated.v1 and
// com.mallhive.product.deleted.v1 are of one.
func family(kind string) string {
	parts := strings.Split(kind, ".")
	return strings.Join(parts[:min(3, len(parts))], ".") + " "
}

func sequence(e event.Event) string {
	s, _ := e.Extensions()["sequence"].(string)
	return s
}

// forget is a consumer that lost all it knew.
func (r *recorder) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.events)
	clear(r.newest)
}

// has says whether an event came through.
func (r *recorder) has(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.events[id]
	return ok
}

// of is how many different events of a type came through.
func (r *recorder) of(kind string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, e := range r.events {
		if e.Type() == kind {
			n++
		}
	}
	return n
}

func (r *recorder) repeated() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.repeats
}

// contradictions lists what came twice and was not the same.
func (r *recorder) contradictions() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.wrong...)
}

// snapshot copies what came.
func (r *recorder) snapshot() (events, newest map[string]event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	events, newest = make(map[string]event.Event, len(r.events)), make(map[string]event.Event, len(r.newest))
	for k, v := range r.events {
		events[k] = v
	}
	for k, v := range r.newest {
		newest[k] = v
	}
	return events, newest
}
