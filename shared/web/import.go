package web

import (
	"mime"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/shared/fault"
)

// OtherForm is a form that rows may come in besides NDJSON, with the query
// parameters that only it has.
type OtherForm struct {
	ContentType string
	Schema      *huma.Schema
	Parameters  []*huma.Param
	// Check says what a parameter takes when the value is not that, else "".
	Check func(parameter, value string) string
}

// ImportOptions is what the caller of an import chooses.
type ImportOptions struct {
	Form       string // the content type that was sent, empty when none was
	DryRun     bool   // judge everything, write nothing
	OnlyFailed bool   // leave out the lines of rows that did not fail
}

// Import mounts a streamed import: rows of NDJSON in, lines of these schemas
// out. run has the stream to itself and returns when the import is over.
func (a *API) Import(op huma.Operation, row *huma.Schema, lines []*huma.Schema, run func(*http.Request, *Stream, ImportOptions), others ...OtherForm) {
	op.Parameters = []*huma.Param{
		{Name: "dry_run", In: "query", Description: "Judge everything, write nothing", Schema: &huma.Schema{Type: huma.TypeBoolean}},
		{Name: "results", In: "query", Description: "failed leaves out the lines of rows that did not fail", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"all", "failed"}}},
	}
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/x-ndjson": {Schema: row}, "application/jsonl": {Schema: row}, "application/json": {Schema: row},
	}}
	for _, other := range others {
		op.RequestBody.Content[other.ContentType] = &huma.MediaType{Schema: other.Schema}
		op.Parameters = append(op.Parameters, other.Parameters...)
	}
	op.Responses = map[string]*huma.Response{"200": {
		Description: "A result line for each row, then a summary line",
		Content:     map[string]*huma.MediaType{"application/x-ndjson": {Schema: &huma.Schema{OneOf: lines}}},
	}}
	a.Handle(op, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		options, err := importOptions(r, others)
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

// importOptions reads the two parameters; Handle has refused what nobody
// declared, and those of a form that is not sent are refused here.
func importOptions(r *http.Request, others []OtherForm) (ImportOptions, error) {
	var o ImportOptions
	var faults fault.List
	o.Form, _, _ = mime.ParseMediaType(r.Header.Get("Content-Type"))
	for name, values := range r.URL.Query() {
		switch value := values[len(values)-1]; {
		case name == "dry_run" && (value == "true" || value == "false"):
			o.DryRun = value == "true"
		case name == "results" && (value == "all" || value == "failed"):
			o.OnlyFailed = value == "failed"
		case slices.ContainsFunc(others, func(f OtherForm) bool { return f.ContentType == o.Form && f.takes(name) && f.Check(name, value) == "" }):
		case name != "dry_run" && name != "results":
			faults = append(faults, fault.Field{Pointer: "/" + name, In: "query", Code: "not_allowed", Detail: refusal(name, value, o.Form, others)})
		default:
			faults = append(faults, fault.Field{Pointer: "/" + name, In: "query", Code: "not_allowed", Detail: "dry_run is true or false, results is all or failed"})
		}
	}
	return o, faults.Err()
}

func (f OtherForm) takes(parameter string) bool {
	return slices.ContainsFunc(f.Parameters, func(p *huma.Param) bool { return p.Name == parameter })
}

func refusal(name, value, form string, others []OtherForm) string {
	for _, f := range others {
		if f.ContentType == form && f.takes(name) {
			return f.Check(name, value)
		}
	}
	return "rows in this form have no such parameter"
}
