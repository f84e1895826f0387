package web

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/mallhive/product-service/shared/fault"
)

// requestState is what one request's log line and answers share.
type requestState struct {
	id     string
	route  string
	order  string // whom the request is about
	sku    string
	caller string
	err    error
	stray  []fault.Field
	nul    bool // the body may hold U+0000
	cut    bool // the body could not be read to its end
	// admitted says that no caller waits who would have to be counted.
	admitted bool
}

type stateKey struct{}

func stateOf(ctx context.Context) *requestState {
	s, _ := ctx.Value(stateKey{}).(*requestState)
	if s == nil {
		return &requestState{}
	}
	return s
}

// at notes where a request has come to and what its path says it is about.
func (s *requestState) at(path string, r *http.Request) {
	s.route, s.order, s.sku = path, r.PathValue("order_id"), r.PathValue("sku")
}

// AboutOrder tells the request's log line which order it is about, where the
// path does not.
func AboutOrder(ctx context.Context, id string) { stateOf(ctx).order = id }

// RequestID is this request's id: the caller's X-Request-Id, or ours.
func RequestID(ctx context.Context) string { return stateOf(ctx).id }

// Traceparent is this request's trace context in W3C form, for events.
func Traceparent(ctx context.Context) string {
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		return ""
	}
	t, span := sc.TraceID(), sc.SpanID()
	b := append(make([]byte, 0, 55), "00-"...)
	b = append(hex.AppendEncode(b, t[:]), '-')
	b = append(hex.AppendEncode(b, span[:]), '-')
	return string(hex.AppendEncode(b, []byte{byte(sc.TraceFlags() & (trace.FlagsSampled | trace.FlagsRandom))}))
}

// note keeps the error for the request's log line.
func note(ctx context.Context, err error) {
	if s := stateOf(ctx); s.err == nil {
		s.err = err
	}
}

func strayParameters(ctx context.Context) []fault.Field { return stateOf(ctx).stray }

// identify gives the request an id and a trace, and tells both to the caller.
func identify(w http.ResponseWriter, r *http.Request) (*http.Request, *requestState) {
	s := &requestState{id: r.Header.Get("X-Request-Id")}
	if !isRequestID(s.id) {
		s.id = newID()
	}
	ctx := context.WithValue(r.Context(), stateKey{}, s)
	known := trace.SpanContextFromContext(ctx).IsValid()
	if !known && r.Header["Traceparent"] != nil {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
		known = trace.SpanContextFromContext(ctx).IsValid()
	}
	if !known {
		ctx = trace.ContextWithSpanContext(ctx, newTrace())
	}
	h := w.Header()
	h["X-Request-Id"] = []string{s.id}
	h["Traceparent"] = []string{Traceparent(ctx)}
	return r.WithContext(ctx), s
}

// isRequestID takes 1 to 64 characters that are safe wherever an id is written.
func isRequestID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for _, c := range []byte(id) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '.' && c != '_' && c != '~' && c != ':' && c != '-' {
			return false
		}
	}
	return true
}

// newID is a UUIDv7. Like a trace's, its bits have to be unlike others and are
// no secret: they are not worth a call of the system for each request.
func newID() string {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(time.Now().UnixMilli())<<16|7<<12|rand.Uint64N(1<<12)) //nolint:gosec // see above
	binary.BigEndian.PutUint64(id[8:], 2<<62|rand.Uint64()>>2)                                       //nolint:gosec // see above
	return id.String()
}

// newTrace starts a trace of our own, unsampled: log lines and events can be
// joined by it also when no telemetry is configured.
func newTrace() trace.SpanContext {
	var t trace.TraceID
	var s trace.SpanID
	binary.BigEndian.PutUint64(t[:8], rand.Uint64())   //nolint:gosec // see newID
	binary.BigEndian.PutUint64(t[8:], rand.Uint64()|1) //nolint:gosec // not all zero
	binary.BigEndian.PutUint64(s[:], rand.Uint64()|1)  //nolint:gosec // not all zero
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: t, SpanID: s})
}
