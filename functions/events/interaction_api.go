package main

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"

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

func takeInteractions(intake *interaction.Intake, log *zap.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entries, err := readInteractions(w, r)
		if err != nil {
			web.WriteProblem(w, r, err)
			return
		}
		result, err := intake.Take(r.Context(), entries)
		if err != nil {
			web.WriteProblem(w, r, err)
			return
		}
		if result.Stored > 0 || result.Unchecked != nil {
			log.Warn("interactions taken in spite of trouble", zap.Int("stored_in_outbox", result.Stored),
				zap.NamedError("unchecked", result.Unchecked), zap.String("request_id", web.RequestID(r.Context())))
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", private)
		w.WriteHeader(http.StatusAccepted)
		_ = json.NewEncoder(w).Encode(result)
	})
}

// readInteractions finds the items in a body of any form.
func readInteractions(w http.ResponseWriter, r *http.Request) ([]interaction.Entry, error) {
	body, err := web.ReadBody(w, r, event.MaxBytes)
	if err != nil {
		return nil, err
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
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
	case media == jsonForm, media == beaconForm, media == "":
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
