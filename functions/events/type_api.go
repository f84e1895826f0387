package main

import (
	"context"
	"encoding/json"

	"github.com/mallhive/product-service/shared/event"
)

type typeDocument struct {
	Type       string          `json:"type" example:"com.mallhive.order.placed.v1"`
	Direction  event.Direction `json:"direction" enum:"in,out,internal" doc:"in: this service receives it; out: it sends it"`
	Summary    string          `json:"summary"`
	Dataschema string          `json:"dataschema" format:"uri" doc:"The dataschema attribute of its events: the address of this document"`
	Schema     json.RawMessage `json:"schema" doc:"JSON Schema (2020-12) of the data"`
	Example    json.RawMessage `json:"example" doc:"A CloudEvent of this type in the JSON format"`
}

type typeList struct {
	Items      []typeDocument `json:"items"`
	NextCursor *string        `json:"next_cursor" doc:"Always null: all types are in one page"`
}

type listTypesOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         typeList
}

type typeInput struct {
	Type string `path:"type" maxLength:"128"`
}

type typeOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         typeDocument
}

// contractAge is how long a description may be kept: it changes with a release.
const contractAge = "public, max-age=60, stale-while-revalidate=300, stale-if-error=86400"

func listTypes(base string) func(context.Context, *struct{}) (*listTypesOutput, error) {
	return func(context.Context, *struct{}) (*listTypesOutput, error) {
		out := &listTypesOutput{CacheControl: contractAge}
		for _, t := range event.Types() {
			doc, err := describe(base, t)
			if err != nil {
				return nil, err
			}
			out.Body.Items = append(out.Body.Items, doc)
		}
		return out, nil
	}
}

func getType(base string) func(context.Context, *typeInput) (*typeOutput, error) {
	return func(_ context.Context, in *typeInput) (*typeOutput, error) {
		t, ok := event.TypeOf(in.Type)
		if !ok {
			_, err := event.Schema(in.Type)
			return nil, err
		}
		doc, err := describe(base, t)
		return &typeOutput{CacheControl: contractAge, Body: doc}, err
	}
}

func describe(base string, t event.Type) (typeDocument, error) {
	schema, err := event.Schema(t.Name)
	if err != nil {
		return typeDocument{}, err
	}
	example, err := event.Example(t.Name, base)
	if err != nil {
		return typeDocument{}, err
	}
	return typeDocument{
		Type: t.Name, Direction: t.Direction, Summary: t.Summary,
		Dataschema: event.SchemaURL(base, t.Name), Schema: schema, Example: example,
	}, nil
}
