package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
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

// importStock mounts the import, which huma cannot read.
func importStock(api *web.API, security []map[string][]string, db postgres.DB, came func(context.Context, ...string)) {
	op := operation("import-stock", http.MethodPost, "/v1/stock:import", "Count many levels", "stock", security)
	op.Description = "NDJSON: one row {\"sku\",\"location\",\"on_hand\"} a line. Each row is answered with one result line, the stream with a summary. " +
		"A bad row fails alone; a repeat says unchanged. gzip is taken." + whatComesIn
	schemas := api.Document().Components.Schemas
	row := schemas.Schema(reflect.TypeFor[countRow](), true, "CountRow")
	lines := []*huma.Schema{
		schemas.Schema(reflect.TypeFor[resultLine](), true, "ImportResult"),
		schemas.Schema(reflect.TypeFor[summaryLine](), true, "ImportSummary"),
	}
	check := func(value any) fault.List { return web.Validate(schemas, schemas.SchemaFromRef(row.Ref), value) }
	api.Import(op, row, lines, func(r *http.Request, stream *web.Stream, o web.ImportOptions) {
		job := &importJob{
			db: db, came: came, stream: stream, check: check, ImportOptions: o,
			cause: stock.OfNobody(auth.CallerFrom(r.Context()).Subject, "import"),
		}
		// A stream may take longer than a request; each batch has its own time.
		job.run(context.WithoutCancel(r.Context()))
	})
}

// importJob is one import: rows are gathered, counted together, answered in
// their order.
type importJob struct {
	web.ImportOptions
	importSummary
	db     postgres.DB
	came   func(context.Context, ...string)
	stream *web.Stream
	check  func(any) fault.List
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
		row := readRow(j.check, line)
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
	if err := countRows(ctx, j.db, j.cause, j.rows, j.DryRun); err != nil {
		j.Incomplete = true
		for i := range j.rows {
			j.rows[i].result = failed
			j.rows[i].faults.Add("", fault.As(postgres.Fault(err)).Code, "the row could not be written")
		}
	}
	var changed []string
	for _, row := range j.rows {
		j.note(row)
		if row.result == "created" || row.result == "updated" {
			changed = append(changed, row.SKU)
		}
	}
	if !j.DryRun {
		j.came(ctx, changed...)
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
	if !j.OnlyFailed || row.result == failed {
		_ = j.stream.Write(resultLine{Row: row.number, Key: row.key(), Result: row.result, Errors: row.faults})
	}
}
