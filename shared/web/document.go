package web

import (
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Name gives a Go type the name that its schema has in the document: what a
// generated client calls it. It is said before the first operation with it.
func Name[T any](a *API, name string) { a.names[reflect.TypeFor[T]()] = name }

// Describe says what the function is for and what the tags of its operations
// stand for, in the order of a reader.
func (a *API) Describe(text string, tags ...*huma.Tag) {
	doc := a.huma.OpenAPI()
	doc.Info.Description = text
	doc.Tags = tags
}

// schemaName is the name of a type's schema: the one it was given, else the
// type's own. What has no name of its own is called after what it is the body
// of.
func (a *API) schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if name, ok := a.names[t]; ok {
		return name
	}
	name := huma.DefaultSchemaNamer(t, hint)
	if t.Name() != "" {
		return name
	}
	name = strings.TrimSuffix(name, "Body")
	if request, ok := strings.CutSuffix(name, "Input"); ok {
		return request + "Request"
	}
	return strings.TrimSuffix(name, "Reply")
}

// standard is what answers mean wherever an operation gives them.
var standard = map[int]struct{ name, meaning, header string }{
	http.StatusBadRequest:            {"Malformed", "The request cannot be read: its JSON, its query, a cursor of another query", ""},
	http.StatusUnauthorized:          {"Unauthenticated", "There is no token, or it does not hold", "WWW-Authenticate"},
	http.StatusForbidden:             {"Denied", "The token lacks the scope that the operation needs", ""},
	http.StatusNotFound:              {"NotFound", "There is no such thing, or none that this caller may see", ""},
	http.StatusNotAcceptable:         {"NotAcceptable", "Accept names no form that the answer has", ""},
	http.StatusConflict:              {"Conflict", "It contradicts what is there: code says how", ""},
	http.StatusGone:                  {"Gone", "It was here and is deleted, or no longer published", ""},
	http.StatusPreconditionFailed:    {"VersionMismatch", "It has another version than If-Match names, or exists although If-None-Match says not: read it again", ""},
	http.StatusRequestEntityTooLarge: {"TooLarge", "The body is larger than it may be", ""},
	http.StatusUnsupportedMediaType:  {"UnsupportedMediaType", "The body is in a form that the operation does not take", ""},
	http.StatusUnprocessableEntity:   {"Invalid", "The input is well-formed and breaks rules: errors names all of them", ""},
	http.StatusPreconditionRequired:  {"PreconditionRequired", "A header that the operation needs is missing: If-Match, or Idempotency-Key", ""},
	http.StatusTooManyRequests:       {"TooManyRequests", "This instance answers no more requests this second", "Retry-After"},
	http.StatusInternalServerError:   {"InternalError", "A fault of ours; the log line with the id in instance has the cause", ""},
	http.StatusServiceUnavailable:    {"Unavailable", "It passes: the same request may succeed after Retry-After", "Retry-After"},
}

// headers that answers have, by name.
var headers = map[string]*huma.Header{
	"Retry-After":      {Description: "Seconds after which to try again", Schema: &huma.Schema{Type: huma.TypeInteger, Examples: []any{2}}},
	"WWW-Authenticate": {Description: "What the token lacks (RFC 6750)", Schema: &huma.Schema{Type: huma.TypeString, Examples: []any{`Bearer error="invalid_token"`}}},
}

const problemForm = "application/problem+json"

// Published is the OpenAPI document as strangers read it: what operations share
// stands in it once, and each schema has an example. The API itself goes on
// working with its own.
func (a *API) Published() *huma.OpenAPI {
	own := a.huma.OpenAPI()
	doc, components := *own, *own.Components
	doc.Components = &components
	doc.Servers = []*huma.Server{{URL: "/", Description: "Where this document comes from"}}
	components.Headers, components.Responses = headers, map[string]*huma.Response{}
	doc.Paths = make(map[string]*huma.PathItem, len(own.Paths))
	for path, item := range own.Paths {
		shared := *item
		for _, op := range []**huma.Operation{&shared.Get, &shared.Put, &shared.Post, &shared.Patch, &shared.Delete} {
			if *op != nil {
				*op = published(*op, components.Responses)
			}
		}
		doc.Paths[path] = &shared
	}
	giveExamples(components.Schemas)
	return &doc
}

// published is an operation whose answers that mean what they always do are
// among the common ones.
func published(op *huma.Operation, common map[string]*huma.Response) *huma.Operation {
	o := *op
	o.Responses = make(map[string]*huma.Response, len(op.Responses))
	for code, r := range op.Responses {
		n, _ := strconv.Atoi(code)
		if s, known := standard[n]; known && r.Description == http.StatusText(n) {
			common[s.name] = problemResponse(n)
			r = &huma.Response{Ref: "#/components/responses/" + s.name}
		}
		o.Responses[code] = r
	}
	return &o
}

func problemResponse(code int) *huma.Response {
	s := standard[code]
	r := &huma.Response{
		Description: s.meaning,
		Content:     map[string]*huma.MediaType{problemForm: {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}}},
	}
	if s.header != "" {
		r.Headers = map[string]*huma.Header{s.header: {Ref: "#/components/headers/" + s.header}}
	}
	return r
}

// giveExamples makes an example of each object of the ones its members have.
func giveExamples(schemas huma.Registry) {
	for _, s := range schemas.Map() {
		if s.Type == huma.TypeObject && len(s.Examples) == 0 && len(s.Properties) > 0 {
			if example, ok := exampleOf(schemas, s, nil); ok {
				s.Examples = []any{example}
			}
		}
	}
}

// exampleOf is a value that a schema allows; ok is false when nobody has said
// what one looks like.
func exampleOf(schemas huma.Registry, s *huma.Schema, above []*huma.Schema) (example any, ok bool) {
	if s.Ref != "" {
		s = schemas.SchemaFromRef(s.Ref)
	}
	if s == nil || slices.Contains(above, s) {
		return nil, false
	}
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0], true
	case s.Default != nil:
		return s.Default, true
	case len(s.Enum) > 0:
		return s.Enum[0], true
	}
	above = append(above, s)
	switch s.Type {
	case huma.TypeObject:
		return exampleObject(schemas, s, above)
	case huma.TypeArray:
		item, ok := exampleOf(schemas, s.Items, above)
		if !ok {
			return []any{}, s.MinItems == nil
		}
		return []any{item}, true
	case huma.TypeBoolean:
		return false, true
	case huma.TypeInteger, huma.TypeNumber:
		if s.Minimum != nil {
			return *s.Minimum, true
		}
		return 1, true
	case huma.TypeString:
		return exampleText(s)
	}
	return nil, s.Nullable
}

func exampleObject(schemas huma.Registry, s *huma.Schema, above []*huma.Schema) (any, bool) {
	object := map[string]any{}
	for name, p := range s.Properties {
		value, ok := exampleOf(schemas, p, above)
		if ok {
			object[name] = value
		} else if slices.Contains(s.Required, name) {
			return nil, false
		}
	}
	return object, true
}

func exampleText(s *huma.Schema) (any, bool) {
	switch s.Format {
	case "uuid":
		return "01939f0e-7c52-7d1a-9d6e-1f2f3a4b5c6d", true
	case "date-time":
		return "2026-03-01T09:30:00Z", true
	}
	return nil, false
}
