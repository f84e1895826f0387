package main

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/auth"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/web"
)

// importRows is how many rows one transaction takes.
const importRows = 500

// importBatchTime bounds one transaction; the whole stream has no bound.
const importBatchTime = 15 * time.Second

type importOptions struct {
	dryRun     bool
	failedOnly bool
}

type resultLine struct {
	Row    int           `json:"row"`
	Key    string        `json:"key"`
	Result string        `json:"result" enum:"created,updated,unchanged,failed"`
	Errors []fault.Field `json:"errors,omitempty"`
}

type importSummary struct {
	Rows       int  `json:"rows"`
	Created    int  `json:"created"`
	Updated    int  `json:"updated"`
	Unchanged  int  `json:"unchanged"`
	Failed     int  `json:"failed"`
	Incomplete bool `json:"incomplete" doc:"The body ended early, or rows could not be written; send it again"`
}

type summaryLine struct {
	Summary importSummary `json:"summary"`
}

func importOperation(api *web.API, security []map[string][]string) huma.Operation {
	op := operation("import-stock", http.MethodPost, "/v1/stock:import", "Count many levels", "stock", security)
	op.Description = "NDJSON in, one row {\"sku\",\"location\",\"on_hand\"} a line; one result line for each row out, then the summary. " +
		"A bad row fails alone; a rerun says unchanged."
	schemas := api.Document().Components.Schemas
	op.Parameters = []*huma.Param{
		{Name: "dry_run", In: "query", Description: "Write nothing and report the same", Schema: &huma.Schema{Type: huma.TypeBoolean}},
		{Name: "results", In: "query", Description: "failed leaves the other rows out", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"all", "failed"}}},
	}
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/x-ndjson": {Schema: schemas.Schema(reflect.TypeFor[countRow](), true, "CountRow")},
	}}
	op.Responses = map[string]*huma.Response{"200": {Description: "Result lines, then the summary", Content: map[string]*huma.MediaType{
		"application/x-ndjson": {Schema: &huma.Schema{AnyOf: []*huma.Schema{
			schemas.Schema(reflect.TypeFor[resultLine](), true, "ImportResult"),
			schemas.Schema(reflect.TypeFor[summaryLine](), true, "ImportSummary"),
		}}},
	}}}
	return op
}

func importStock(db postgres.DB, wake func()) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o, err := importOptionsOf(r)
		if err != nil {
			web.WriteProblem(w, r, err)
			return
		}
		stream, err := web.OpenStream(w, r)
		if err != nil {
			web.WriteProblem(w, r, err)
			return
		}
		job := &importJob{
			db: db, stream: stream, importOptions: o,
			cause: stock.OfNobody(auth.CallerFrom(r.Context()).Subject, "import"),
		}
		// A stream may take longer than a request; each batch has its own time.
		job.run(context.WithoutCancel(r.Context()))
		if job.Created+job.Updated > 0 && !o.dryRun {
			wake()
		}
	})
}

func importOptionsOf(r *http.Request) (importOptions, error) {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if !slices.Contains([]string{"", "application/x-ndjson", "application/ndjson", "application/jsonl"}, media) {
		return importOptions{}, web.Unsupported("the body may be application/x-ndjson")
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return importOptions{}, fault.New(fault.Malformed, "malformed", "the query cannot be read")
	}
	var o importOptions
	var faults fault.List
	for name, values := range query {
		switch value := values[len(values)-1]; {
		case name == "dry_run" && (value == "true" || value == "false"):
			o.dryRun = value == "true"
		case name == "results" && (value == "failed" || value == "all"):
			o.failedOnly = value == "failed"
		case name == "dry_run", name == "results":
			faults = append(faults, fault.Field{Pointer: "/" + name, In: "query", Code: "invalid", Detail: "dry_run takes true or false, results takes all or failed"})
		default:
			faults = append(faults, fault.Field{Pointer: "/" + name, In: "query", Code: "unknown", Detail: "this operation has no such parameter"})
		}
	}
	return o, faults.Err()
}

// importJob is one import: rows are gathered, counted together, answered in
// their order.
type importJob struct {
	importOptions
	importSummary
	db     postgres.DB
	stream *web.Stream
	cause  stock.Cause
	rows   []countRow
}

func (j *importJob) run(ctx context.Context) {
	for !j.Incomplete {
		number, line, err := j.stream.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, web.ErrRowTooLong) {
			j.Incomplete = true
			break
		}
		row := readRow(line)
		if err != nil {
			row = countRow{faults: fault.List{fault.At("", "too_large", "a row has at most %d bytes", web.MaxRow)}}
		}
		row.number = number
		if j.rows = append(j.rows, row); len(j.rows) >= importRows {
			j.post(ctx)
		}
	}
	j.post(ctx)
	_ = j.stream.Write(summaryLine{j.importSummary})
	_ = j.stream.Flush()
}

// post counts the gathered rows and writes their results. Rows that cannot be
// written, because the database does not answer, end the import as incomplete.
func (j *importJob) post(ctx context.Context) {
	if len(j.rows) == 0 {
		return
	}
	if err := countRows(ctx, j.db, j.cause, j.rows, j.dryRun); err != nil {
		j.Incomplete = true
		for i := range j.rows {
			j.rows[i].result = failed
			j.rows[i].faults.Add("", fault.As(postgres.Fault(err)).Code, "the row could not be written")
		}
	}
	for _, row := range j.rows {
		j.note(row)
	}
	j.rows = j.rows[:0]
	if j.stream.Flush() != nil {
		j.Incomplete = true // nobody listens any more
	}
}

func (j *importJob) note(row countRow) {
	j.Rows++
	switch row.result {
	case "created":
		j.Created++
	case "updated":
		j.Updated++
	case "unchanged":
		j.Unchanged++
	default:
		j.Failed++
	}
	if !j.failedOnly || row.result == failed {
		_ = j.stream.Write(resultLine{Row: row.number, Key: row.key(), Result: row.result, Errors: row.faults})
	}
}
