package faults

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
)

// edge stands between the broker and the instances of inventory. It keeps what
// each message was answered, notes answers that contradict each other, and can
// lose one after it has come.
type edge struct {
	to http.Handler

	mu    sync.Mutex
	first map[string]reply // by the message's id
	again map[string]int   // answers after the first
	wrong []string
	loses func(message string) bool // hears of each reply before who asked; true loses it
}

// reply is an answer to a message.
type reply struct{ id, kind, text string }

func newEdge(to http.Handler) *edge {
	return &edge{to: to, first: map[string]reply{}, again: map[string]int{}}
}

func (e *edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Ce-Id") == "" {
		e.to.ServeHTTP(w, r)
		return
	}
	answer := httptest.NewRecorder()
	e.to.ServeHTTP(answer, r)
	if e.keep(r.Header.Get("Ce-Source")+" "+r.Header.Get("Ce-Id"), answer) {
		panic(http.ErrAbortHandler) // the connection is cut
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// keep notes an answer; true means that it is to be lost.
func (e *edge) keep(message string, answer *httptest.ResponseRecorder) bool {
	report.add(deliveries, 1)
	h := answer.Header()
	if answer.Code != http.StatusOK || h.Get("Ce-Id") == "" {
		return false
	}
	now := reply{h.Get("Ce-Id"), h.Get("Ce-Type"), strings.Join([]string{h.Get("Ce-Id"), h.Get("Ce-Type"), h.Get("Ce-Time"), h.Get("Ce-Sequence"), answer.Body.String()}, " ")}
	e.mu.Lock()
	first, known := e.first[message]
	if !known {
		e.first[message] = now
	} else {
		e.again[message]++
		report.add(repliesCompared, 1)
		if first != now {
			e.wrong = append(e.wrong, fmt.Sprintf("%s was answered %s, and before %s", message, now.text, first.text))
		}
	}
	loses := e.loses
	e.mu.Unlock()
	return loses != nil && loses(message)
}

// onReply sets who hears of the next replies; nil is nobody.
func (e *edge) onReply(loses func(message string) bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.loses = loses
}

const orderService = "/order-service"

// firstReply is the first answer to a message of the order service.
func (e *edge) firstReply(id string) (reply, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	first, known := e.first[orderService+" "+id]
	return first, known
}

// answers is how often a message of the order service was answered.
func (e *edge) answers(id string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, known := e.first[orderService+" "+id]; !known {
		return 0
	}
	return 1 + e.again[orderService+" "+id]
}

func (e *edge) contradictions() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.wrong...)
}
