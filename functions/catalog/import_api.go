package main

import (
	"context"
	"errors"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/mallhive/product-service/functions/catalog/internal/attribute"
	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/functions/catalog/internal/importer"
	"github.com/mallhive/product-service/functions/catalog/internal/listing"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/web"
)

// importOf mounts a streamed import of NDJSON.
func importOf[T any](c *catalog, o huma.Operation, kind importer.Kind[T]) {
	row, lines := importSchemas[T](c)
	o.Description = importDoc
	c.API.Import(o, row, lines, func(r *http.Request, stream *web.Stream, chosen web.ImportOptions) {
		imported(c, r, stream, kind, chosen)
	})
}

const importDoc = "NDJSON: one JSON document a line. Each row is answered with one result line as it is done, the stream with a summary. " +
	"A bad row fails alone; a repeat says unchanged. gzip is taken."

func importSchemas[T any](c *catalog) (row *huma.Schema, lines []*huma.Schema) {
	schemas := c.API.Document().Components.Schemas
	return schemas.Schema(reflect.TypeFor[T](), true, ""), []*huma.Schema{
		schemas.Schema(reflect.TypeFor[importer.Result](), true, ""),
		{Type: huma.TypeObject, Required: []string{"summary"}, AdditionalProperties: false, Properties: map[string]*huma.Schema{"summary": schemas.Schema(reflect.TypeFor[importer.Summary](), true, "")}},
	}
}

// imported takes one stream of rows in.
func imported[T any](c *catalog, r *http.Request, stream importer.Stream, kind importer.Kind[T], chosen web.ImportOptions) {
	options := importer.Options{
		Skippable: web.ErrRowTooLong, DryRun: chosen.DryRun, OnlyFailed: chosen.OnlyFailed,
		Done: c.wake, // not for each set: sending would slow down what it waits for
		Grown: func(ctx context.Context, changed int) error {
			return errors.Join(listing.FoldCounts(ctx, c.DB), product.RefreshStatistics(ctx, c.DB, changed))
		},
	}
	// A stream lasts as long as its rows do, not as long as a request may.
	if err := importer.Run(context.WithoutCancel(r.Context()), c.DB, stream, kind, options); err != nil {
		c.Log.Warn("import", zap.String("path", r.URL.Path), zap.String("request_id", web.RequestID(r.Context())), zap.Error(err))
	}
}

func (c *catalog) productKind() importer.Kind[product.Intent] {
	known := product.NewMemory()
	return importer.Kind[product.Intent]{
		Read: func(line []byte) (product.Intent, string, error) {
			d, err := c.readProduct(line)
			if err != nil {
				return product.Intent{}, d.Key(), err
			}
			// Drawn here, so that ids are in the order of rows whichever set is first.
			id, err := uuid.NewV7()
			return product.Intent{Doc: d, New: id}, d.Key(), err
		},
		Names:       func(in product.Intent) []string { return in.Doc.Names() },
		Independent: true,
		Guesses:     func(in product.Intent) []string { return in.Doc.Guesses() },
		Prepare: func(ctx context.Context, db postgres.DB, intents []product.Intent) error {
			return product.Learn(ctx, db, known, intents)
		},
		SaveAll: saveProducts,
	}
}

func saveProducts(ctx context.Context, tx pgx.Tx, intents []product.Intent) ([]importer.Outcome, error) {
	saved, err := product.SaveAll(ctx, tx, intents)
	outcomes := make([]importer.Outcome, len(saved))
	for i, s := range saved {
		outcomes[i] = importer.Outcome{Result: s.Result, Fault: s.Fault}
	}
	return outcomes, err
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
