package broker

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

const (
	// maxTTL is how often an event and the replies to it may pass the broker.
	maxTTL        = 255
	ttlExtension  = "knativebrokerttl"
	maxEventBytes = 4 << 20
)

var (
	errFull   = errors.New("its queue is full")
	errClosed = errors.New("the broker is stopping")
)

// ServeHTTP is the ingress: POST /{namespace}/{name} takes one CloudEvent in
// binary or structured mode and answers 202 before it is delivered.
func (b *Broker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != b.path {
		problem(w, http.StatusNotFound, "no such broker; events go to "+b.path)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST, OPTIONS")
		if r.Method != http.MethodOptions {
			problem(w, http.StatusMethodNotAllowed, "events are sent by POST")
		}
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxEventBytes)
	e, err := cehttp.NewEventFromHTTPRequest(r)
	if err == nil {
		err = e.Validate()
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		problem(w, http.StatusRequestEntityTooLarge, "an event has at most 4 MiB")
		return
	case err != nil:
		problem(w, http.StatusBadRequest, "not a CloudEvent 1.0: "+err.Error())
		return
	}
	ttl, ok := nextTTL(e.Extensions()[ttlExtension])
	if !ok {
		problem(w, http.StatusBadRequest, "the event has passed brokers too often")
		return
	}
	e.SetExtension(ttlExtension, nil)
	if err := b.accept(context.WithoutCancel(r.Context()), *e, ttl); err != nil {
		w.Header().Set("Retry-After", "1")
		problem(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// nextTTL counts one passage.
func nextTTL(have any) (int32, bool) {
	switch v := have.(type) {
	case nil:
		return maxTTL, true
	case int32:
		return v - 1, v > 1
	case string:
		n, err := strconv.ParseInt(v, 10, 32)
		return int32(n) - 1, err == nil && n > 1
	}
	return 0, false
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail,
	})
}
