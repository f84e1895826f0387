package main

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/mallhive/product-service/functions/catalog/internal/attribute"
	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/functions/catalog/internal/importer"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/web"
)

// importOf mounts a streamed import.
func importOf[T any](c *catalog, o huma.Operation, kind importer.Kind[T]) {
	schemas := c.API.Document().Components.Schemas
	rowSchema := schemas.Schema(reflect.TypeFor[T](), true, "")
	o.Description = "NDJSON: one JSON document a line. Each row is answered with one result line as it is done, the stream with a summary. " +
		"A bad row fails alone; a repeat says unchanged. gzip is taken."
	o.Parameters = []*huma.Param{
		{Name: "dry_run", In: "query", Description: "Judge everything, write nothing", Schema: &huma.Schema{Type: huma.TypeBoolean}},
		{Name: "results", In: "query", Description: "failed leaves out the lines of rows that did not fail", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"all", "failed"}}},
	}
	o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/x-ndjson": {Schema: rowSchema}, "application/jsonl": {Schema: rowSchema}, "application/json": {Schema: rowSchema},
	}}
	o.Responses = map[string]*huma.Response{"200": {
		Description: "A result line for each row, then a summary line",
		Content: map[string]*huma.MediaType{"application/x-ndjson": {Schema: &huma.Schema{OneOf: []*huma.Schema{
			schemas.Schema(reflect.TypeFor[importer.Result](), true, ""),
			{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"summary": schemas.Schema(reflect.TypeFor[importer.Summary](), true, "")}},
		}}}},
	}}
	c.API.Handle(o, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		options, err := importOptions(r)
		if err == nil {
			err = web.TakesForm(r, &o)
		}
		if err != nil {
			web.WriteProblem(w, r, err)
			return
		}
		stream, err := web.OpenStream(w, r)
		if err != nil {
			web.WriteProblem(w, r, err)
			return
		}
		defer stream.End()
		// Not for each set: sending would slow down what it waits for.
		options.Done = c.wake
		options.Grown = func(ctx context.Context, changed int) error { return product.RefreshStatistics(ctx, c.DB, changed) }
		// A stream lasts as long as its rows do, not as long as a request may.
		if err := importer.Run(context.WithoutCancel(r.Context()), c.DB, stream, kind, options); err != nil {
			c.Log.Warn("import", zap.String("operation", o.OperationID), zap.String("request_id", web.RequestID(r.Context())), zap.Error(err))
		}
	}))
}

func importOptions(r *http.Request) (importer.Options, error) {
	o := importer.Options{Skippable: web.ErrRowTooLong}
	var faults []fault.Field
	for name, values := range r.URL.Query() {
		value := values[0]
		switch {
		case name == "dry_run" && (value == "true" || value == "false"):
			o.DryRun = value == "true"
		case name == "results" && (value == "all" || value == "failed"):
			o.OnlyFailed = value == "failed"
		case name == "dry_run" || name == "results":
			faults = append(faults, fault.Field{Pointer: "/" + name, In: "query", Code: "not_allowed", Detail: "dry_run is true or false, results is all or failed"})
		default:
			faults = append(faults, fault.Field{Pointer: "/" + name[:min(len(name), 64)], In: "query", Code: "unknown_parameter", Detail: "this operation has no such parameter"})
		}
	}
	if len(faults) > 0 {
		return o, fault.InvalidInput(faults...)
	}
	return o, nil
}

func (c *catalog) productKind() importer.Kind[product.Document] {
	return importer.Kind[product.Document]{
		Read: func(line []byte) (product.Document, string, error) {
			d, err := c.readProduct(line)
			return d, d.Key(), err
		},
		Names: product.Document.Names,
		SaveAll: func(ctx context.Context, tx pgx.Tx, documents []product.Document) ([]importer.Outcome, error) {
			intents := make([]product.Intent, len(documents))
			for i, d := range documents {
				intents[i] = product.Intent{Doc: d}
			}
			saved, err := product.SaveAll(ctx, tx, intents)
			outcomes := make([]importer.Outcome, len(saved))
			for i, s := range saved {
				outcomes[i] = importer.Outcome{Result: s.Result, Fault: s.Fault}
			}
			return outcomes, err
		},
	}
}

func anyVersion(*int64) error { return nil }

func (c *catalog) categoryKind() importer.Kind[category.Category] {
	return importer.Kind[category.Category]{
		Read: func(line []byte) (category.Category, string, error) {
			v, err := c.readCategory(line)
			return v, v.Slug, err
		},
		Names: func(v category.Category) []string { return []string{v.Slug} },
		SaveAll: func(ctx context.Context, tx pgx.Tx, list []category.Category) ([]importer.Outcome, error) {
			outcomes := make([]importer.Outcome, len(list))
			for i, v := range list {
				err := postgres.InTx(ctx, tx, func(tx pgx.Tx) error {
					var err error
					outcomes[i].Result, err = category.Save(ctx, tx, v.Slug, v, anyVersion)
					return err
				})
				if fault.As(err).Kind == fault.Internal && err != nil {
					return nil, err
				}
				outcomes[i].Fault = err
			}
			return outcomes, nil
		},
	}
}

func (c *catalog) attributeKind() importer.Kind[attribute.Attribute] {
	return importer.Kind[attribute.Attribute]{
		Read: func(line []byte) (attribute.Attribute, string, error) {
			v, err := c.readAttribute(line)
			return v, v.Code, err
		},
		Names: func(v attribute.Attribute) []string { return []string{v.Code} },
		SaveAll: func(ctx context.Context, tx pgx.Tx, list []attribute.Attribute) ([]importer.Outcome, error) {
			saved, err := attribute.SaveAll(ctx, tx, list, func(int, *int64) error { return nil }, attributesInUse)
			outcomes := make([]importer.Outcome, len(saved))
			for i, s := range saved {
				outcomes[i] = importer.Outcome{Result: s.Result, Fault: s.Fault}
			}
			return outcomes, err
		},
	}
}
