package main

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/functions/events/internal/interaction"
	"github.com/mallhive/product-service/shared/web"
)

type interactionsBody struct {
	Interactions []interaction.Item `json:"interactions" maxItems:"500"`
}

// interactionsOperation documents an operation that takes too many forms for
// huma to read.
func interactionsOperation(api *web.API) huma.Operation {
	op := operation("take-interactions", http.MethodPost, "/v1/interactions",
		"Take what visitors viewed, clicked or saved", "interactions", web.Public())
	op.Description = "Items are judged alone: 202 says how many were taken and why others were not. " +
		"Also one CloudEvent (binary or structured) or a batch of them, whose data is an item without id and type, " +
		"and the JSON body sent as text/plain, as navigator.sendBeacon does."
	schemas := api.Document().Components.Schemas
	item := schemas.Schema(reflect.TypeFor[interactionsBody](), true, "Interactions")
	object := &huma.Schema{Type: huma.TypeObject}
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/json":                   {Schema: item},
		"text/plain":                         {Schema: &huma.Schema{Type: huma.TypeString, Description: "the same JSON"}},
		"application/cloudevents+json":       {Schema: object},
		"application/cloudevents-batch+json": {Schema: &huma.Schema{Type: huma.TypeArray, Items: object}},
	}}
	op.Responses = map[string]*huma.Response{"202": {
		Description: "Taken", Content: map[string]*huma.MediaType{
			"application/json": {Schema: schemas.Schema(reflect.TypeFor[interaction.Result](), true, "InteractionsResult")},
		},
	}}
	return op
}

func takeInteractions(intake *interaction.Intake) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := web.ReadBody(w, r, 1<<20)
		if err != nil {
			web.WriteProblem(w, r, err)
			return
		}
		entries, err := interaction.Read(r, body)
		if interaction.IsUnknownForm(err) {
			err = web.Unsupported("the body may be " + strings.Join(interaction.Forms(), " or "))
		}
		if err != nil {
			web.WriteProblem(w, r, err)
			return
		}
		result, err := intake.Take(r.Context(), entries)
		if err != nil {
			web.WriteProblem(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", private)
		w.WriteHeader(http.StatusAccepted)
		_ = json.NewEncoder(w).Encode(result)
	})
}
