package main

import (
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/shared/event/asyncapi"
	"github.com/mallhive/product-service/shared/web"
)

const asyncapiForm = "application/vnd.aai.asyncapi+json"

// asyncapiOperation documents an answer that is a document of its own.
func asyncapiOperation() huma.Operation {
	op := operation("get-asyncapi", http.MethodGet, "/v1/event-types/asyncapi.json", "The contract of all events as an AsyncAPI 3 document", "event types", web.Public())
	op.Parameters = []*huma.Param{{Name: "If-None-Match", In: "header", Schema: &huma.Schema{Type: huma.TypeString}}}
	op.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
		asyncapiForm: {Schema: &huma.Schema{Type: huma.TypeObject, Description: "An AsyncAPI 3 document"}},
	}}}
	return op
}

func sendAsyncAPI(base string) http.Handler {
	document := sync.OnceValues(func() ([]byte, error) { return asyncapi.Document(base) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := document()
		if err != nil {
			web.WriteProblem(w, r, err)
			return
		}
		send(w, r, asyncapiForm, body)
	})
}
