// Package fault gives errors that a caller may see: a kind that the edges
// translate (HTTP status, event verdict), a stable code and a safe text.
// Any error that is not a fault is internal and is never shown.
package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind says what the caller can do about it.
type Kind uint8

// The kinds. Internal is the zero value, so that an error nobody classified
// is never shown to a caller.
const (
	Internal        Kind = iota
	Malformed            // cannot be read at all
	Invalid              // read, but breaks a rule; Fields says which
	NotFound             // no such thing
	Gone                 // was here, is deleted or no longer published
	Conflict             // contradicts the present state
	Unauthenticated      // no valid proof of who calls
	Denied               // the caller may not
	Precondition         // If-Match does not hold
	Unavailable          // passing; the same request may succeed later
)

func (k Kind) String() string {
	return [...]string{"internal", "malformed", "invalid", "not_found", "gone",
		"conflict", "unauthenticated", "denied", "precondition", "unavailable"}[k]
}

// Field is one fault of an input. Pointer is an RFC 6901 JSON pointer into the
// body, or "/name" of the parameter when In is not empty.
type Field struct {
	Pointer string `json:"pointer" doc:"JSON pointer (RFC 6901) to the faulty value; /name of the parameter when in is set"`
	In      string `json:"in,omitempty" enum:"query,path,header" doc:"Where the value stood, when not in the body"`
	Code    string `json:"code" doc:"Stable code of the fault" example:"duplicate"`
	Detail  string `json:"detail" doc:"What is wrong, in words" example:"another product has it"`
}

// Error is a fault. Detail and Fields are shown to callers: put neither
// internals nor the caller's whole input into them.
type Error struct {
	Kind       Kind
	Code       string
	Detail     string
	Fields     []Field
	RetryAfter time.Duration // with Unavailable
	Cause      error         `json:"-"` // for operators only
	Extra      any           // a domain document that goes with the fault, such as the lines of a refused lock
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.String() + " " + e.Code)
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "; %s %s", f.Pointer, f.Code)
	}
	if e.Cause != nil {
		b.WriteString(": " + e.Cause.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Cause }

// New makes a fault of any kind.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Detail: fmt.Sprintf(format, args...)}
}

// InvalidInput is well-formed input that breaks rules, all of them at once.
func InvalidInput(fields ...Field) *Error {
	return &Error{Kind: Invalid, Code: "invalid", Detail: "the input breaks a rule", Fields: fields}
}

// At makes one Field of a body.
func At(pointer, code, format string, args ...any) Field {
	return Field{Pointer: pointer, Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Missing is a thing that does not exist.
func Missing(format string, args ...any) *Error {
	return New(NotFound, "not_found", format, args...)
}

// Deleted is a thing that is gone for good.
func Deleted(format string, args ...any) *Error { return New(Gone, "gone", format, args...) }

// Clash is a request that contradicts the present state.
func Clash(code, format string, args ...any) *Error { return New(Conflict, code, format, args...) }

// Stale is an If-Match that does not hold.
func Stale(format string, args ...any) *Error {
	return New(Precondition, "version_mismatch", format, args...)
}

// Passing is a fault that goes away: cause is for operators.
func Passing(cause error, after time.Duration, format string, args ...any) *Error {
	return &Error{Kind: Unavailable, Code: "unavailable", Detail: fmt.Sprintf(format, args...), RetryAfter: after, Cause: cause}
}

// As finds the fault in an error chain; an error without one is Internal.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Code: "internal", Detail: "an unexpected fault; the request id finds it in the log", Cause: err}
}

// Is reports whether err is a fault of this kind.
func Is(err error, kind Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}

// List gathers faults while an input is checked, so that all are told at once.
type List []Field

// Add notes one fault.
func (l *List) Add(pointer, code, format string, args ...any) {
	*l = append(*l, At(pointer, code, format, args...))
}

// Err is nil when nothing was noted.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return InvalidInput(l...)
}
