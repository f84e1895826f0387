// Package standin stands for the services that receive events: it takes every
// CloudEvent, keeps the newest, and shows what it has.
package standin

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

const (
	maxEventBytes = 4 << 20
	maxWait       = 60 * time.Second
)

// Service is one neighbour. It is safe for concurrent use.
type Service struct {
	keep int

	mu      sync.Mutex
	kept    []*delivery // oldest first
	subject map[string][]*delivery
	count   int64 // received ever
	arrived chan struct{}
}

type delivery struct {
	position int64
	event    event.Event
}

// New makes a neighbour that keeps so many events.
func New(keep int) *Service {
	return &Service{keep: keep, subject: map[string][]*delivery{}, arrived: make(chan struct{})}
}

// Receive is where events are delivered.
func (s *Service) Receive(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxEventBytes)
	e, err := cehttp.NewEventFromHTTPRequest(r)
	if err == nil {
		err = e.Validate()
	}
	if err != nil {
		http.Error(w, "not a CloudEvent: "+err.Error(), http.StatusBadRequest)
		return
	}
	s.add(*e)
	w.WriteHeader(http.StatusAccepted)
}

func (s *Service) add(e event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	d := &delivery{position: s.count, event: e}
	s.kept = append(s.kept, d)
	s.subject[e.Subject()] = append(s.subject[e.Subject()], d)
	if len(s.kept) > s.keep {
		s.forgetOldest()
	}
	close(s.arrived)
	s.arrived = make(chan struct{})
}

func (s *Service) forgetOldest() {
	oldest := s.kept[0]
	s.kept[0] = nil
	s.kept = s.kept[1:]
	name := oldest.event.Subject()
	if rest := s.subject[name][1:]; len(rest) > 0 {
		s.subject[name] = rest
	} else {
		delete(s.subject, name)
	}
}

// page is the answer to GET received: events oldest first, and how many
// matching ones are kept.
type page struct {
	Items    []event.Event `json:"items"`
	Total    int           `json:"total"`
	Received int64         `json:"received"` // ever, of all types and subjects
	Last     int64         `json:"last"`     // give it as after= to go on from here
}

// Received shows what was received: type=, subject= choose, after= goes on
// from an earlier answer's last, limit= bounds the items, wait=5s waits until
// there is one.
func (s *Service) Received(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	limit, err1 := number(query.Get("limit"), int64(s.keep))
	after, err2 := number(query.Get("after"), 0)
	wait, err3 := duration(query.Get("wait"))
	if err1 != nil || err2 != nil || err3 != nil {
		http.Error(w, "limit and after are whole numbers, wait is a duration such as 5s", http.StatusBadRequest)
		return
	}
	timeout := time.After(wait)
	for {
		answer, arrived := s.find(query.Get("type"), query.Get("subject"), after, int(limit))
		if answer.Total == 0 && wait > 0 {
			select {
			case <-arrived:
				continue
			case <-timeout:
			case <-r.Context().Done():
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
		return
	}
}

func (s *Service) find(eventType, subject string, after int64, limit int) (page, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := s.kept
	if subject != "" {
		from = s.subject[subject]
	}
	start, _ := slices.BinarySearchFunc(from, after+1, func(d *delivery, p int64) int { return int(d.position - p) })
	answer := page{Items: []event.Event{}, Received: s.count, Last: after}
	for _, d := range from[start:] {
		if eventType != "" && d.event.Type() != eventType {
			continue
		}
		answer.Total++
		if len(answer.Items) < limit {
			answer.Items = append(answer.Items, d.event)
			answer.Last = d.position
		}
	}
	return answer, s.arrived
}

func number(text string, usual int64) (int64, error) {
	if text == "" {
		return usual, nil
	}
	return strconv.ParseInt(text, 10, 64)
}

func duration(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	return min(d, maxWait), err
}

// Handler serves several neighbours: POST /{name} takes events,
// GET /{name}/received shows them.
func Handler(services map[string]*Service) http.Handler {
	mux := http.NewServeMux()
	for name, s := range services {
		mux.HandleFunc("POST /"+name, s.Receive)
		mux.HandleFunc("POST /"+name+"/{$}", s.Receive)
		mux.HandleFunc("GET /"+name+"/received", s.Received)
	}
	return mux
}
