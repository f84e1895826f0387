package web

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/shared/fault"
)

// ImportOptions is what the caller of an import chooses.
type ImportOptions struct {
	DryRun     bool // judge everything, write nothing
	OnlyFailed bool // leave out the lines of rows that did not fail
}

// Import mounts a streamed import: rows of NDJSON in, lines of these schemas
// out. run has the stream to itself and returns when the import is over.
func (a *API) Import(op huma.Operation, row *huma.Schema, lines []*huma.Schema, run func(*http.Request, *Stream, ImportOptions)) {
	op.Parameters = []*huma.Param{
		{Name: "dry_run", In: "query", Description: "Judge everything, write nothing", Schema: &huma.Schema{Type: huma.TypeBoolean}},
		{Name: "results", In: "query", Description: "failed leaves out the lines of rows that did not fail", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"all", "failed"}}},
	}
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/x-ndjson": {Schema: row}, "application/jsonl": {Schema: row}, "application/json": {Schema: row},
	}}
	op.Responses = map[string]*huma.Response{"200": {
		Description: "A result line for each row, then a summary line",
		Content:     map[string]*huma.MediaType{"application/x-ndjson": {Schema: &huma.Schema{OneOf: lines}}},
	}}
	a.Handle(op, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		options, err := importOptions(r)
		if err == nil {
			err = TakesForm(r, &op)
		}
		if err != nil {
			WriteProblem(w, r, err)
			return
		}
		stream, err := OpenStream(w, r)
		if err != nil {
			WriteProblem(w, r, err)
			return
		}
		defer stream.End()
		run(r, stream, options)
	}))
}

// importOptions reads the two parameters; Handle has refused all others.
func importOptions(r *http.Request) (ImportOptions, error) {
	var o ImportOptions
	var faults fault.List
	for name, values := range r.URL.Query() {
		switch value := values[len(values)-1]; {
		case name == "dry_run" && (value == "true" || value == "false"):
			o.DryRun = value == "true"
		case name == "results" && (value == "all" || value == "failed"):
			o.OnlyFailed = value == "failed"
		default:
			faults = append(faults, fault.Field{Pointer: "/" + name, In: "query", Code: "not_allowed", Detail: "dry_run is true or false, results is all or failed"})
		}
	}
	return o, faults.Err()
}
