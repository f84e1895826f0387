package event

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Handler does what one event asks for. It returns the reply event, or nil for
// none; an error is answered by its fault kind.
type Handler func(ctx context.Context, e Event) (*Event, error)

// Receiving says how events are received.
type Receiving struct {
	// Authorize checks the token of a delivery; nil takes every delivery, which
	// is right only where the network lets nobody else in.
	Authorize     func(*http.Request) error
	PublicBaseURL string
	Log           *zap.Logger
}

// Receive is the handler of deliveries: it reads the event, checks its data
// against the schema of its type and gives it to the handler of that type.
// Types without a handler are taken and counted: an event too many must not
// become a dead letter.
func Receive(o Receiving, table map[string]Handler) http.Handler {
	received, err := otel.Meter("github.com/mallhive/product-service/shared/event").
		Int64Counter("events.received", metric.WithDescription("Deliveries by type and answer"))
	if err != nil {
		otel.Handle(err)
	}
	rc := &receiver{
		Receiving: o, table: table, schemas: NewSchemas(), received: received,
		counts: map[answered][]metric.AddOption{}, addresses: map[string]string{},
	}
	for name := range table {
		for _, status := range []int{http.StatusOK, http.StatusAccepted} {
			rc.counts[answered{name, status}] = answered{name, status}.attributes()
		}
	}
	for _, t := range contract {
		rc.addresses[t.Name] = SchemaURL(o.PublicBaseURL, t.Name)
	}
	return rc
}

type receiver struct {
	Receiving
	table    map[string]Handler
	schemas  *Schemas
	received metric.Int64Counter

	// What most deliveries need, made once.
	counts    map[answered][]metric.AddOption
	addresses map[string]string // of schemas, by type
}

// answered is what deliveries are counted by.
type answered struct {
	kind   string
	status int
}

func (a answered) attributes() []metric.AddOption {
	return []metric.AddOption{metric.WithAttributes(attribute.String("type", a.kind), attribute.Int("status", a.status))}
}

func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e, reply, err := rc.handle(r)
	kind := e.Type
	_, known := rc.table[e.Type]
	if !known {
		kind = "unknown" // a stranger must not make a time series each
	}
	status := http.StatusAccepted
	switch {
	case err != nil:
		status = rc.refuse(w, e, err)
	case reply != nil:
		status = rc.reply(w, r, e, *reply)
	default:
		w.WriteHeader(status)
	}
	if err == nil && rc.Log != nil {
		rc.logTaken(w.Header(), e, known, status)
	}
	rc.count(r.Context(), answered{kind, status})
}

func (rc *receiver) logTaken(h http.Header, e Event, known bool, status int) {
	level, message := zap.DebugLevel, "event taken"
	if !known {
		level, message = zap.WarnLevel, "event of an unknown type taken"
	}
	if line := rc.Log.Check(level, message); line != nil {
		line.Write(append(deliveryFields(h, e), zap.Int("status", status))...)
	}
}

func (rc *receiver) count(ctx context.Context, a answered) {
	if rc.received == nil {
		return
	}
	attributes, made := rc.counts[a]
	if !made {
		attributes = a.attributes()
	}
	rc.received.Add(ctx, 1, attributes...)
}

func (rc *receiver) handle(r *http.Request) (Event, *Event, error) {
	if rc.Authorize != nil {
		if err := rc.Authorize(r); err != nil {
			return Event{}, nil, err
		}
	}
	e, err := FromRequest(r)
	if err != nil {
		return e, nil, err
	}
	do, known := rc.table[e.Type]
	if !known {
		return e, nil, nil
	}
	if e.Data, err = rc.schemas.checked(e); err != nil {
		return e, nil, err
	}
	reply, err := do(r.Context(), e)
	return e, reply, err
}

func (rc *receiver) reply(w http.ResponseWriter, r *http.Request, e, reply Event) int {
	if reply.DataSchema == "" {
		reply.DataSchema = rc.address(reply.Type)
	}
	if reply.Traceparent == "" {
		reply.Traceparent = e.Traceparent
	}
	if err := reply.WriteReply(r.Context(), w); err != nil {
		return rc.refuse(w, e, err)
	}
	return http.StatusOK
}

func (rc *receiver) address(name string) string {
	if made, ours := rc.addresses[name]; ours {
		return made
	}
	return SchemaURL(rc.PublicBaseURL, name)
}

func (rc *receiver) refuse(w http.ResponseWriter, e Event, err error) int {
	return Refuse(w, rc.Log, e, err)
}

// Refuse answers a delivery with an error by the table of verdicts, and returns
// the status.
func Refuse(w http.ResponseWriter, log *zap.Logger, e Event, err error) int {
	f := fault.As(postgres.Fault(err))
	v := verdictOf(f)
	if log != nil {
		log.Warn("event refused", append(deliveryFields(w.Header(), e), zap.Int("status", v.status), zap.String("code", f.Code), zap.Error(err))...)
	}
	if f.Kind == fault.Unauthenticated {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	}
	if v.retry {
		after := max(f.RetryAfter, time.Second)
		w.Header().Set("Retry-After", strconv.Itoa(int(after.Round(time.Second)/time.Second)))
	}
	writeProblem(w, v.status, f)
	return v.status
}

// problem is the RFC 9457 body of a refusal; a broker keeps it as the
// knativeerrordata of a dead letter.
type problem struct {
	Type     string        `json:"type"`
	Title    string        `json:"title"`
	Status   int           `json:"status"`
	Detail   string        `json:"detail,omitempty"`
	Instance string        `json:"instance,omitempty"`
	Code     string        `json:"code"`
	Errors   []fault.Field `json:"errors,omitempty"`
}

func writeProblem(w http.ResponseWriter, status int, f *fault.Error) {
	body, err := json.Marshal(problem{
		Type: "urn:mallhive:problem:" + f.Code, Title: http.StatusText(status), Status: status, Detail: f.Detail,
		Instance: w.Header().Get("X-Request-Id"), Code: f.Code, Errors: f.Fields,
	})
	if err != nil {
		body = []byte(`{"type":"about:blank","code":"internal"}`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
