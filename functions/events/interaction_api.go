package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/functions/events/internal/interaction"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/web"
)

type interactionsBody struct {
	Interactions []interaction.Interaction `json:"interactions" maxItems:"500"`
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
	item := schemas.Schema(reflect.TypeFor[interactionsBody](), true, "")
	object := &huma.Schema{Type: huma.TypeObject}
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		jsonForm:   {Schema: item},
		beaconForm: {Schema: &huma.Schema{Type: huma.TypeString, Description: "the same JSON"}},
		eventForm:  {Schema: object},
		batchForm:  {Schema: &huma.Schema{Type: huma.TypeArray, Items: object}},
	}}
	op.Responses = map[string]*huma.Response{"202": {
		Description: "Taken", Content: map[string]*huma.MediaType{
			jsonForm: {Schema: schemas.Schema(reflect.TypeFor[interaction.Taken](), true, "")},
		},
	}}
	return op
}

func takeInteractions(intake *interaction.Intake, count func(context.Context, interaction.Taken)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		result, err := takeIn(intake, w, r)
		if err != nil {
			web.WriteProblem(w, r, err)
			return
		}
		count(r.Context(), result)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", private)
		w.WriteHeader(http.StatusAccepted)
		_ = json.NewEncoder(w).Encode(result)
	})
}

func takeIn(intake *interaction.Intake, w http.ResponseWriter, r *http.Request) (interaction.Taken, error) {
	from := intake.Body(r.Body)
	defer from.GiveUp()
	r.Body = from
	body, err := web.ReadBody(w, r, event.MaxBytes)
	if err != nil {
		return interaction.Taken{}, cmp.Or(from.Full(), err)
	}
	visit, err := intake.Enter(r.Context(), body)
	if err != nil {
		return interaction.Taken{}, err
	}
	defer visit.Leave()
	entries, err := readInteractions(r, body)
	if err != nil {
		return interaction.Taken{}, err
	}
	return visit.Take(r.Context(), entries)
}

// readInteractions finds the items in a body of any form.
func readInteractions(r *http.Request, body []byte) ([]interaction.Entry, error) {
	form := r.Header.Get("Content-Type")
	media, _, _ := mime.ParseMediaType(form)
	switch {
	case media == batchForm:
		return interaction.FromBatch(body)
	case media == eventForm, r.Header.Get("Ce-Specversion") != "":
		r.Body = io.NopCloser(bytes.NewReader(body))
		e, err := event.FromRequest(r)
		if err != nil {
			return nil, err
		}
		return []interaction.Entry{interaction.FromEvent(e)}, nil
	case media == jsonForm, media == beaconForm, form == "":
		return interaction.FromJSON(body)
	default:
		return nil, web.Unsupported("the body may be " + strings.Join([]string{jsonForm, beaconForm, eventForm, batchForm}, ", "))
	}
}

const (
	jsonForm   = "application/json"
	beaconForm = "text/plain"
	eventForm  = "application/cloudevents+json"
	batchForm  = "application/cloudevents-batch+json"
)
