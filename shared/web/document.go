package web

import (
	"encoding/json"
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

// Example shows what a schema is of, where the examples of its members do not
// make a good one.
func (a *API) Example(name string, document string) {
	var example any
	if err := json.Unmarshal([]byte(document), &example); err != nil {
		panic("the example of " + name + ": " + err.Error())
	}
	a.examples[name] = example
}

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
// stands in it once, what follows from how they are made is said, and each
// schema has an example. The API itself goes on working with its own.
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
	components.Schemas = publishedSchemas(own.Components.Schemas, a.examples, doc.Paths)
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
	o.Parameters = make([]*huma.Param, len(op.Parameters))
	for i, p := range op.Parameters {
		o.Parameters[i] = explainedParameter(p)
	}
	if slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.Name == "If-None-Match" }) && op.Method == http.MethodGet {
		o.Responses["304"] = &huma.Response{Description: "It is still what If-None-Match names"}
	}
	// What is created is answered like what is changed.
	for _, pair := range [][2]string{{"200", "201"}, {"201", "200"}} {
		if full, bare := o.Responses[pair[0]], o.Responses[pair[1]]; full != nil && bare != nil && bare.Content == nil {
			o.Responses[pair[1]] = &huma.Response{Description: bare.Description, Content: full.Content, Headers: full.Headers}
		}
	}
	if moved := o.Responses["308"]; moved != nil {
		o.Responses["308"] = &huma.Response{Description: moved.Description, Headers: moved.Headers, Content: problemContent()}
	}
	return &o
}

// preconditions are what headers of requests mean.
var preconditions = map[string]string{
	"If-Match":        "The ETag of what is changed; * for any version",
	"If-None-Match":   "The ETag of what is known: 304 while it holds",
	"Idempotency-Key": "A name for this request, chosen by the caller and kept for 7 days: sent again, it gets the first answer again",
}

func explainedParameter(p *huma.Param) *huma.Param {
	said := *p
	if said.Description == "" {
		said.Description = preconditions[p.Name]
	}
	if word := glossary[p.Name]; p.In != "header" && said.Description == "" {
		said.Description = word.meaning
	}
	if p.Schema != nil && p.In != "header" {
		said.Schema = explained(p.Name, p.Schema)
		said.Schema.Description = ""
	}
	return &said
}

func problemContent() map[string]*huma.MediaType {
	return map[string]*huma.MediaType{problemForm: {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}}}
}

func problemResponse(code int) *huma.Response {
	s := standard[code]
	r := &huma.Response{Description: s.meaning, Content: problemContent()}
	if s.header != "" {
		r.Headers = map[string]*huma.Header{s.header: {Ref: "#/components/headers/" + s.header}}
	}
	return r
}
