package main

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/web"
)

type typeDocument struct {
	Type       string          `json:"type" example:"com.mallhive.order.placed.v1"`
	Direction  event.Direction `json:"direction" enum:"in,out,internal" doc:"in: this service receives it; out: it sends it"`
	Summary    string          `json:"summary"`
	Subject    string          `json:"subject" doc:"What the subject attribute is: the events of one subject stay in order" example:"the order's id"`
	Replies    []string        `json:"replies,omitempty" doc:"One of these answers it, in the response of its delivery" example:"[\"com.mallhive.inventory.locked.v1\"]"`
	Dataschema string          `json:"dataschema" format:"uri" doc:"The dataschema attribute of its events: the address of this document, and of the schema alone"`
	Schema     json.RawMessage `json:"schema" doc:"JSON Schema (2020-12) of the data; its examples show each outcome"`
	Example    json.RawMessage `json:"example" doc:"A CloudEvent of this type in the JSON format"`
}

type typeList struct {
	Items      []typeDocument `json:"items"`
	NextCursor *string        `json:"next_cursor" doc:"Always null: all types are in one page"`
}

type listTypesInput struct {
	IfNoneMatch string `header:"If-None-Match"`
}

type listTypesOutput struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         *typeList
}

type typeInput struct {
	Type        string `path:"type" maxLength:"128"`
	IfNoneMatch string `header:"If-None-Match"`
}

type typeOutput struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Vary         string `header:"Vary"`
	Body         *typeDocument
}

// contractAge is how long a description may be kept: it changes with a release.
const contractAge = "public, max-age=60, stale-while-revalidate=300, stale-if-error=86400"

// published is the contract as this function serves it.
type published struct{ base string }

func (p published) list(_ context.Context, in *listTypesInput) (*listTypesOutput, error) {
	list := typeList{}
	for _, t := range event.Types() {
		doc, err := p.describe(t)
		if err != nil {
			return nil, err
		}
		list.Items = append(list.Items, doc)
	}
	out := &listTypesOutput{Status: http.StatusOK, ETag: web.ETag(1, list), CacheControl: contractAge, Body: &list}
	if web.NotModified(in.IfNoneMatch, out.ETag) {
		out.Status, out.Body = http.StatusNotModified, nil
	}
	return out, nil
}

func (p published) one(_ context.Context, in *typeInput) (*typeOutput, error) {
	t, ok := event.TypeOf(in.Type)
	if !ok {
		_, err := event.Schema(in.Type)
		return nil, err
	}
	doc, err := p.describe(t)
	if err != nil {
		return nil, err
	}
	out := &typeOutput{Status: http.StatusOK, ETag: web.ETag(1, doc), CacheControl: contractAge, Vary: "Accept", Body: &doc}
	if web.NotModified(in.IfNoneMatch, out.ETag) {
		out.Status, out.Body = http.StatusNotModified, nil
	}
	return out, nil
}

func (p published) describe(t event.Type) (typeDocument, error) {
	schema, err := event.PublishedSchema(t.Name, p.base)
	if err != nil {
		return typeDocument{}, err
	}
	example, err := event.Example(t.Name, p.base)
	if err != nil {
		return typeDocument{}, err
	}
	return typeDocument{
		Type: t.Name, Direction: t.Direction, Summary: t.Summary, Subject: event.SubjectOf(t.Kind), Replies: t.Replies(),
		Dataschema: event.SchemaURL(p.base, t.Name), Schema: schema, Example: example,
	}, nil
}

const schemaForm = "application/schema+json"

// alone answers whoever asks for the schema and nothing else: a validator that
// follows the dataschema of an event.
func (p published) alone(_ context.Context, w http.ResponseWriter, r *http.Request) bool {
	if !prefersSchema(r.Header.Values("Accept")) {
		return false
	}
	schema, err := event.PublishedSchema(r.PathValue("type"), p.base)
	if err != nil {
		return false
	}
	w.Header().Add("Vary", "Accept")
	send(w, r, schemaForm, schema)
	return true
}

// prefersSchema says that an Accept header names the schema's form, and nothing
// that JSON is rather than it.
func prefersSchema(accept []string) bool {
	schema, description := 0.0, 0.0
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		form, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		weight := 1.0
		if q, given := params["q"]; given {
			weight, _ = strconv.ParseFloat(q, 64)
		}
		switch form {
		case schemaForm:
			schema = max(schema, weight)
		case jsonForm:
			description = max(description, weight)
		}
	}
	return schema > 0 && schema >= description
}

// offerSchema documents the form of the schema alone.
func offerSchema(op *huma.Operation) {
	op.Description = "The dataschema attribute of an event names this address. With Accept: " + schemaForm +
		" the answer is the JSON Schema alone, as a validator wants it; its $id is this address too."
	op.Responses["200"].Content[schemaForm] = &huma.MediaType{
		Schema: &huma.Schema{Type: huma.TypeObject, Description: "JSON Schema (2020-12) of the data"},
	}
}

// send answers with a document that is the same for everybody, or with a 304.
func send(w http.ResponseWriter, r *http.Request, form string, body []byte) {
	etag := web.ETag(1, body)
	w.Header().Set("Etag", etag)
	w.Header().Set("Cache-Control", contractAge)
	if web.NotModified(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", form)
	_, _ = w.Write(body)
}
