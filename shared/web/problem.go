package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Problem is an RFC 9457 problem document. Instance is the request id, which
// the log line of the request has too.
type Problem struct {
	Type     string        `json:"type" example:"urn:mallhive:problem:invalid"`
	Title    string        `json:"title" example:"Unprocessable Entity"`
	Status   int           `json:"status" example:"422"`
	Detail   string        `json:"detail,omitempty" example:"the input breaks a rule"`
	Instance string        `json:"instance" doc:"The request id; the log line of the request has it too" example:"01939f0e-7c52-7d1a-9d6e-1f2f3a4b5c6d"`
	Code     string        `json:"code" doc:"Stable code of the problem" example:"invalid"`
	Errors   []fault.Field `json:"errors,omitempty" doc:"One entry for each fault of the input"`

	extra      any
	retryAfter time.Duration
	location   string
	challenge  bool
	cause      error
}

// status is the one table from a fault's kind to an HTTP status.
func status(kind fault.Kind) int {
	switch kind {
	case fault.Malformed:
		return http.StatusBadRequest
	case fault.Invalid:
		return http.StatusUnprocessableEntity
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Gone:
		return http.StatusGone
	case fault.Conflict:
		return http.StatusConflict
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Denied:
		return http.StatusForbidden
	case fault.Precondition:
		return http.StatusPreconditionFailed
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	case fault.Internal:
	}
	return http.StatusInternalServerError
}

// problemOf turns any error into what the caller may see.
func problemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	f := fault.As(postgres.Fault(err))
	return &Problem{
		Status: status(f.Kind), Code: f.Code, Detail: f.Detail, Errors: f.Fields,
		extra: f.Extra, retryAfter: f.RetryAfter, challenge: f.Kind == fault.Unauthenticated, cause: err,
	}
}

func newProblem(status int, code, detail string) *Problem {
	return &Problem{Status: status, Code: code, Detail: detail}
}

// Unsupported is a body in a form that an operation outside of huma does not
// take.
func Unsupported(detail string) error {
	return newProblem(http.StatusUnsupportedMediaType, "unsupported_media_type", detail)
}

// maxErrors bounds an answer: a body of a megabyte can hold more faults than
// anybody reads.
const maxErrors = 1000

func (p *Problem) complete(instance string) *Problem {
	if n := len(p.Errors); n > maxErrors {
		p.Errors = p.Errors[:maxErrors]
		p.Detail += fmt.Sprintf("; the first %d of %d faults follow", maxErrors, n)
	}
	p.Type = "urn:mallhive:problem:" + p.Code
	p.Title = http.StatusText(p.Status)
	p.Instance = instance
	return p
}

// Error makes a Problem an error; the text is for operators.
func (p *Problem) Error() string {
	if p.cause != nil {
		return p.cause.Error()
	}
	return p.Code + ": " + p.Detail
}

// Unwrap is what caused the problem.
func (p *Problem) Unwrap() error { return p.cause }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is application/problem+json whatever was negotiated.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders are the headers that go with the status.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{"Cache-Control": {"no-store"}}
	if p.location != "" {
		h.Set("Location", p.location)
		h.Set("Cache-Control", PublicCache)
	}
	if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
		seconds := max(1, int((p.retryAfter+time.Second-1)/time.Second))
		h.Set("Retry-After", strconv.Itoa(seconds))
	}
	if p.challenge {
		h.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	}
	return h
}

// MarshalJSON adds the members of the domain document that goes with the
// problem (RFC 9457 extension members); the standard members win.
func (p *Problem) MarshalJSON() ([]byte, error) {
	type plain Problem
	own, err := json.Marshal((*plain)(p))
	if err != nil || p.extra == nil {
		return own, err
	}
	members := map[string]json.RawMessage{}
	more, err := json.Marshal(p.extra)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(more, &members); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(own, &members); err != nil {
		return nil, err
	}
	return json.Marshal(members)
}

// WriteProblem answers a request outside of huma.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	note(r.Context(), err)
	_ = p.complete(RequestID(r.Context()))
	for k, v := range p.GetHeaders() {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// humaProblem is what huma makes of its own findings: validation faults, a
// body that is too large, an unreadable body, and errors of handlers.
func humaProblem(ctx huma.Context, status int, detail string, errs ...error) huma.StatusError {
	p := newProblem(status, codeOf(status), detail)
	for _, err := range errs {
		var d huma.ErrorDetailer
		if errors.As(err, &d) {
			p.Errors = append(p.Errors, fieldOf(d.ErrorDetail()))
			continue
		}
		p.cause = errors.Join(p.cause, err)
	}
	if status == http.StatusInternalServerError && ctx != nil && stateOf(ctx.Context()).cut {
		// The caller sent half a body, or what is no gzip.
		p.Status, p.Code, status = http.StatusBadRequest, codeOf(http.StatusBadRequest), 0
		p.Detail = "the body cannot be read to its end"
	}
	switch status {
	case http.StatusInternalServerError:
		p = problemOf(p.cause)
	case http.StatusBadRequest:
		p.Detail = "the body cannot be read: " + unreadable(p)
		p.Errors = nil
	case http.StatusUnprocessableEntity:
		p.Detail = "the input breaks a rule"
	}
	if ctx == nil {
		return p
	}
	p.Errors = append(strayParameters(ctx.Context()), p.Errors...)
	note(ctx.Context(), p)
	for k, values := range p.GetHeaders() {
		for _, v := range values {
			ctx.SetHeader(k, v)
		}
	}
	return p.complete(RequestID(ctx.Context()))
}

// unreadable says why without echoing what was sent.
func unreadable(p *Problem) string {
	for _, f := range p.Errors {
		if f.Detail != "" && !strings.Contains(f.Detail, "invalid character") {
			return strings.TrimPrefix(f.Detail, "json: ")
		}
	}
	return "it is not valid JSON"
}

func codeOf(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "malformed"
	case http.StatusRequestTimeout:
		return "body_timeout"
	case http.StatusRequestEntityTooLarge:
		return "too_large"
	case http.StatusUnsupportedMediaType:
		return "unsupported_media_type"
	case http.StatusUnprocessableEntity:
		return "invalid"
	}
	return strings.ToLower(strings.ReplaceAll(http.StatusText(status), " ", "_"))
}
