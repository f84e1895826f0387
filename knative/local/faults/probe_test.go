package faults

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
)

// probe is a request that needs the database.
type probe struct{ function, method, path, body string }

// probes has one that reads and one that writes of each function that has both.
func probes() []probe {
	return []probe{
		{"catalog", "GET", "/v1/products?limit=1", ""},
		{"catalog", "GET", "/v1/products/no-such-product", ""},
		{"catalog", "PUT", "/v1/attributes/probe", `{"code":"probe","name":"Probe","type":"text","filterable":false}`},
		{"inventory", "POST", "/v1/availability", `{"currency":"USD","lines":[{"sku":"nothing","quantity":1}]}`},
		{"inventory", "GET", "/v1/stock:audit", ""},
		{"inventory", "POST", "/v1/reservations", `{"order_id":"probe","lines":[{"sku":"nothing","quantity":1}]}`},
		{"events", "GET", "/v1/dead-letters?limit=1", ""},
	}
}

// ok are the statuses of a probe when all is well: the product and the stock do
// not exist, the attribute is made by
// the first.
func (p probe) ok(status int) bool {
	switch p.path {
	case "/v1/products/no-such-product":
		return status == http.StatusNotFound
	case "/v1/attributes/probe":
		return status == http.StatusCreated || status == http.StatusPreconditionFailed || status == http.StatusConflict // two may make it at once
	case "/v1/reservations":
		return status == http.StatusConflict
	}
	return status == http.StatusOK
}

// watch is what callers saw while something was broken.
type watch struct {
	w     *world
	stop  func()
	mu    sync.Mutex
	seen  map[string]map[int]int // function -> status -> how often; 0 is no answer
	wrong []string
	worst time.Duration
}

// watch asks all the time, straight at the functions, and holds every answer to
// the promise: right, or a 503 that says when to come again, and in time.
func (w *world) watch() *watch {
	s := &watch{w: w, seen: map[string]map[int]int{}}
	client := &http.Client{Timeout: 3 * requestTimeout}
	all := probes()
	// Callers with a pace: what is tested is not the load.
	pace := time.NewTicker(10 * time.Millisecond)
	stop := w.each(len(all), func(worker, _ int) bool {
		<-pace.C
		s.ask(client, all[worker])
		return true
	})
	s.stop = func() { stop(); pace.Stop(); client.CloseIdleConnections() }
	return s
}

func (s *watch) ask(client *http.Client, p probe) {
	req, _ := http.NewRequest(p.method, s.w.functionURL(p.function)+p.path, strings.NewReader(p.body))
	req.Header.Set("Content-Type", "application/json")
	if p.method == http.MethodPut {
		req.Header.Set("If-None-Match", "*")
	}
	req.Header.Set("Authorization", "Bearer "+s.w.token)
	start := time.Now()
	res, err := client.Do(req)
	took := time.Since(start)
	if err != nil {
		s.note(p, 0, took, strings.Contains(err.Error(), "Client.Timeout"), err.Error())
		return
	}
	body, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	unavailable := res.StatusCode == http.StatusServiceUnavailable && res.Header.Get("Retry-After") != "" &&
		res.Header.Get("Content-Type") == "application/problem+json"
	s.note(p, res.StatusCode, took, !unavailable && !p.ok(res.StatusCode), fmt.Sprintf("%d %s", res.StatusCode, bytes.TrimSpace(body)))
}

func (s *watch) note(p probe, status int, took time.Duration, wrong bool, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen[p.function] == nil {
		s.seen[p.function] = map[int]int{}
	}
	s.seen[p.function][status]++
	s.worst = max(s.worst, took)
	if wrong {
		s.wrong = append(s.wrong, fmt.Sprintf("%s %s: %s after %s", p.method, p.path, what, took))
	}
}

// unavailable is how often callers of a function got a 503.
func (s *watch) unavailable(function string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[function][http.StatusServiceUnavailable]
}

// asked is how often a function was asked.
func (s *watch) asked(function string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, times := range s.seen[function] {
		n += times
	}
	return n
}

// end stops asking and judges what was seen. The time is judged with room for
// a machine that is busy.
func (s *watch) end() {
	s.w.t.Helper()
	s.stop()
	require.Empty(s.w.t, s.wrong)
	require.Less(s.w.t, s.worst, 2*requestTimeout, "an answer comes within REQUEST_TIMEOUT")
	s.w.t.Logf("callers saw %v, the slowest answer took %s", s.seen, s.worst.Round(time.Millisecond))
}

// healed waits until every probe is answered as on a good day.
func (w *world) healed() {
	w.t.Helper()
	start := time.Now()
	client := &http.Client{Timeout: 3 * requestTimeout}
	defer client.CloseIdleConnections()
	for _, p := range probes() {
		w.eventually(p.function+" answers "+p.path+" again", func() bool {
			s := &watch{w: w, seen: map[string]map[int]int{}}
			s.ask(client, p)
			for status := range s.seen[p.function] {
				return p.ok(status)
			}
			return false
		})
	}
	w.t.Logf("all answer again %s after the fault was gone", time.Since(start).Round(time.Millisecond))
}
