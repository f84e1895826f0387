package event

import (
	"context"
	"encoding/json"
	"errors"
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
	base       string
	extensions map[string]string
	client     *http.Client
	timeout    time.Duration
}

// SenderOptions are what a sender needs to know. Overrides is K_CE_OVERRIDES,
// JSON as Knative's SinkBinding gives it, or empty.
type SenderOptions struct {
	Sink          string
	Overrides     string
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
	s := &Sender{sink: o.Sink, base: o.PublicBaseURL, timeout: o.Timeout}
	if s.timeout == 0 {
		s.timeout = 10 * time.Second
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
	s.client = &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
			TLSHandshakeTimeout: 5 * time.Second,
			MaxIdleConns:        conns,
			MaxIdleConnsPerHost: conns,
			MaxConnsPerHost:     conns,
			IdleConnTimeout:     30 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s, nil
}

// Send posts the event once. It never returns before the timeout of the sender
// or ctx has cut it.
func (s *Sender) Send(ctx context.Context, e Event) Receipt {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if e.DataSchema == "" && s.base != "" && strings.HasPrefix(e.Source, ours) {
		e.DataSchema = SchemaURL(s.base, e.Type)
	}
	req, err := s.override(e).NewRequest(ctx, s.sink)
	if err != nil {
		return Receipt{Outcome: Refused, Reason: err.Error()}
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return Receipt{Reason: noAnswer(err)}
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
	// The rest is read so that the connection can be used again.
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, MaxBytes))
	r := Receipt{Outcome: judge(resp.StatusCode), Status: resp.StatusCode, After: retryAfter(resp.Header)}
	if r.Outcome != Delivered {
		r.Reason = fmt.Sprintf("%s: %.512s", resp.Status, body)
	}
	return r
}

// Close gives the idle connections back.
func (s *Sender) Close() { s.client.CloseIdleConnections() }

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

func noAnswer(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // the address is in every log line already
	}
	return "no answer: " + err.Error()
}
