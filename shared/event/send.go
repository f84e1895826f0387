package event

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Outcome of sending an event.
type Outcome uint8

// The outcomes. Retry is the zero value: what nobody judged is kept.
const (
	Retry     Outcome = iota // nothing wrong with the event, try later
	Delivered                // taken
	Refused                  // never taken, however often it is sent
)

// Receipt is what became of a sent event. Status is 0 when nobody answered.
type Receipt struct {
	Outcome Outcome
	Status  int
	After   time.Duration // the receiver's wish; 0 is none
	Reason  string
}

// Down tells a receiver that takes nothing from anybody now from one that does
// not like this event.
func (r Receipt) Down() bool {
	switch r.Status {
	case 0:
		return r.Outcome == Retry
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return false
	}
}

// Sender posts events to one sink over connections that are reused. It is safe
// for concurrent use.
type Sender struct {
	sink       string
	url        *url.URL
	base       string
	schemas    map[string]string // the dataschema of each type of the contract
	extensions map[string]string
	token      *token // nil: none is sent
	transport  *http.Transport
	pages      pages
	timeout    time.Duration
}

// SenderOptions are what a sender needs to know. Overrides is K_CE_OVERRIDES,
// JSON as Knative's SinkBinding gives it, or empty.
type SenderOptions struct {
	Sink          string
	Overrides     string
	TokenFile     string        // what the sink asks for, where Knative's SinkBinding puts it; no such file: none is sent
	PublicBaseURL string        // begins the dataschema of our own events
	Timeout       time.Duration // of one send; 0 means 10 s
	MaxConns      int           // open connections; 0 means 64
}

// NewSender makes a sender; it contacts nothing.
func NewSender(o SenderOptions) (*Sender, error) {
	sink, err := url.Parse(o.Sink)
	if err != nil || sink.Host == "" || (sink.Scheme != "http" && sink.Scheme != "https") {
		return nil, fmt.Errorf("K_SINK takes an http or https URL, not %q", o.Sink)
	}
	s := &Sender{sink: o.Sink, url: sink, base: o.PublicBaseURL, schemas: schemasOf(o.PublicBaseURL), timeout: o.Timeout}
	if s.timeout == 0 {
		s.timeout = 10 * time.Second
	}
	if o.TokenFile != "" {
		s.token = &token{file: o.TokenFile}
	}
	if o.Overrides != "" {
		var overrides struct {
			Extensions map[string]string `json:"extensions"`
		}
		if err := json.Unmarshal([]byte(o.Overrides), &overrides); err != nil {
			return nil, fmt.Errorf(`K_CE_OVERRIDES takes {"extensions":{"name":"value"}}: %w`, err)
		}
		s.extensions = overrides.Extensions
	}
	conns := o.MaxConns
	if conns == 0 {
		conns = 64
	}
	s.transport = &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second,
		MaxIdleConns:        conns,
		MaxIdleConnsPerHost: conns,
		MaxConnsPerHost:     conns,
		IdleConnTimeout:     30 * time.Second,
		DisableCompression:  true,
	}
	return s, nil
}

func schemasOf(base string) map[string]string {
	schemas := make(map[string]string, len(contract))
	for _, t := range contract {
		schemas[t.Name] = SchemaURL(base, t.Name)
	}
	return schemas
}

// Send posts the event once. It returns when the receiver has answered, or when
// the timeout of the sender or ctx has cut it.
func (s *Sender) Send(ctx context.Context, e Event) Receipt {
	latest := time.Now().Add(s.timeout)
	if at, limited := ctx.Deadline(); !limited || latest.Before(at) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, latest)
		defer cancel()
	}
	if e.DataSchema == "" && s.base != "" && strings.HasPrefix(e.Source, ours) {
		e.DataSchema = s.schemaOf(e.Type)
	}
	if len(s.extensions) > 0 || !e.isPlain() {
		req, err := s.override(e).NewRequest(ctx, s.sink)
		if err != nil {
			return Receipt{Outcome: Refused, Reason: err.Error()}
		}
		r, _ := s.exchange(req)
		return r
	}
	page := s.pages.take()
	r, answered := s.exchange(e.post(ctx, s.url, page))
	if answered { // else the transport may still be writing
		s.pages.giveBack(page)
	}
	return r
}

func (s *Sender) exchange(req *http.Request) (r Receipt, answered bool) {
	// Tells the transport alone that the request may be repeated when the receiver
	// has just closed a connection that was kept: by its id the event is the same.
	req.Header["Idempotency-Key"] = nil
	if authorization := s.token.authorization(); authorization != nil {
		req.Header["Authorization"] = authorization
	}
	// Not a client: it would follow redirects, to which nobody agreed.
	resp, err := s.transport.RoundTrip(req)
	if err != nil {
		return Receipt{Reason: "no answer: " + err.Error()}, false
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusUnauthorized {
		s.token.refused()
	}
	return receiptOf(resp), true
}

func (s *Sender) schemaOf(typ string) string {
	if known, ok := s.schemas[typ]; ok {
		return known
	}
	return SchemaURL(s.base, typ)
}

// receiptOf judges an answer, and reads it so that its connection can be used
// again.
func receiptOf(resp *http.Response) Receipt {
	r := Receipt{Outcome: judge(resp.StatusCode), Status: resp.StatusCode, After: retryAfter(resp.Header)}
	if r.Outcome != Delivered {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
		// It is kept in the database, which takes neither.
		text := strings.ReplaceAll(strings.ToValidUTF8(resp.Status+": "+string(body), "\ufffd"), "\x00", "")
		r.Reason = fmt.Sprintf("%.512s", text)
	}
	if resp.Body != http.NoBody {
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	}
	return r
}

// Close gives the idle connections back.
func (s *Sender) Close() { s.transport.CloseIdleConnections() }

func (s *Sender) override(e Event) Event {
	if len(s.extensions) == 0 {
		return e
	}
	merged := make(map[string]string, len(e.Extensions)+len(s.extensions))
	for name, value := range e.Extensions {
		merged[name] = value
	}
	e.Extensions = merged
	for name, value := range s.extensions {
		e.setExtension(name, value)
	}
	return e
}

// judge tells what an answer means. Only what says that this very event can
// never be taken is a refusal: a wrong token or address is our fault and heals.
func judge(status int) Outcome {
	switch {
	case status >= 200 && status < 300:
		return Delivered
	case status == http.StatusBadRequest, status == http.StatusNotAcceptable,
		status == http.StatusRequestEntityTooLarge, status == http.StatusUnsupportedMediaType,
		status == http.StatusUnprocessableEntity, status == http.StatusRequestHeaderFieldsTooLarge:
		return Refused
	default:
		return Retry
	}
}

func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(v); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
