package web

import (
	"context"
	"net/http"
	"regexp"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	crand "crypto/rand"

	"github.com/mallhive/product-service/shared/fault"
)

// requestState is what one request's log line and answers share.
type requestState struct {
	id     string
	route  string
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

// RequestID is this request's id: the caller's X-Request-Id, or ours.
func RequestID(ctx context.Context) string { return stateOf(ctx).id }

// Traceparent is this request's trace context in W3C form, for events.
func Traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier.Get("traceparent")
}

// note keeps the error for the request's log line.
func note(ctx context.Context, err error) {
	if s := stateOf(ctx); s.err == nil {
		s.err = err
	}
}

func strayParameters(ctx context.Context) []fault.Field { return stateOf(ctx).stray }

// identify gives the request an id and a trace, and tells both to the caller.
func identify(w http.ResponseWriter, r *http.Request, acceptable *regexp.Regexp) (*http.Request, *requestState) {
	s := &requestState{id: r.Header.Get("X-Request-Id")}
	if !acceptable.MatchString(s.id) {
		s.id = newID()
	}
	ctx := context.WithValue(r.Context(), stateKey{}, s)
	if !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	if !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = trace.ContextWithSpanContext(ctx, newTrace())
	}
	w.Header().Set("X-Request-Id", s.id)
	w.Header().Set("Traceparent", Traceparent(ctx))
	return r.WithContext(ctx), s
}

func newID() string {
	id, err := uuid.NewV7()
	if err != nil {
		return time.Now().UTC().Format("20060102T150405.000000000")
	}
	return id.String()
}

// newTrace starts a trace of our own, unsampled: log lines and events can be
// joined by it also when no telemetry is configured.
func newTrace() trace.SpanContext {
	var t trace.TraceID
	var s trace.SpanID
	_, _ = crand.Read(t[:])
	_, _ = crand.Read(s[:])
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: t, SpanID: s})
}
