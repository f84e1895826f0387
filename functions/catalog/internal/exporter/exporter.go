// Package exporter writes the catalog in the forms that others read: NDJSON
// that an import takes, the Shopify product CSV, Google Merchant's TSV,
// schema.org JSON-LD. Products go out in small batches, so that memory does not
// grow with the catalog and no snapshot lasts as long as the export.
package exporter

import (
	"context"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/functions/catalog/internal/shopify"
	"github.com/mallhive/product-service/shared/postgres"
)

// batch is how many products are held at once.
const batch = 100

// Setting is what the forms need to know besides the products.
type Setting struct {
	Currency   string              // of forms that have one
	Storefront string              // where a visitor sees products, without a slash at the end
	Paths      map[string][]string // by category slug: the names from the top of the tree to it
}

// Format is one form of an export.
type Format struct {
	Name        string
	ContentType string
	Extension   string
	// Shown says that only what visitors may be shown goes out.
	Shown  bool
	header string
	write  func(w io.Writer, p product.Exported, s Setting) error
}

// Formats are all there are; the first is the one for who names none.
func Formats() []Format {
	return []Format{
		{Name: "ndjson", ContentType: "application/x-ndjson", Extension: "ndjson", write: writeLine},
		{Name: "csv", ContentType: "text/csv; charset=utf-8", Extension: "csv", header: shopify.Header(), write: writeShopify},
		{Name: "google", ContentType: "text/tab-separated-values; charset=utf-8", Extension: "tsv", Shown: true, header: googleHeader(), write: writeGoogle},
		{Name: "jsonld", ContentType: "application/x-ndjson", Extension: "jsonld", Shown: true, write: writeLinkedData},
	}
}

// Output is where an export goes. Flush is called after each batch.
type Output interface {
	io.Writer
	Flush() error
}

// Export is one export under way.
type Export struct {
	db      postgres.DB
	format  Format
	setting Setting
	status  string
	after   uuid.UUID
	next    []product.Exported
	begun   bool // nothing before it: the header is due
}

// Open reads the first batch, so that what cannot be begun is refused before
// anything goes out. status may be empty for all.
func Open(ctx context.Context, db postgres.DB, format Format, setting Setting, after uuid.UUID, status string) (*Export, error) {
	e := &Export{db: db, format: format, setting: setting, status: status, after: after, begun: after == uuid.Nil}
	if format.Shown {
		e.status = product.Active
	}
	return e, e.read(ctx)
}

func (e *Export) read(ctx context.Context) error {
	var err error
	if e.next, err = product.Export(ctx, e.db, e.after, e.status, batch); err != nil {
		return err
	}
	if len(e.next) > 0 {
		e.after = *e.next[len(e.next)-1].ID
	}
	return nil
}

// Run writes to the end and returns how many products went out. One that goes
// on after a product has no header: it is appended to what came before.
func (e *Export) Run(ctx context.Context, out Output) (products int, err error) {
	if e.begun && e.format.header != "" {
		if _, err := io.WriteString(out, e.format.header); err != nil {
			return 0, err
		}
	}
	for len(e.next) > 0 {
		for _, p := range e.next {
			if e.format.Shown && !p.Visible {
				continue
			}
			if err := e.format.write(out, p, e.setting); err != nil {
				return products, fmt.Errorf("export product %s: %w", p.ID, err)
			}
			products++
		}
		if err := out.Flush(); err != nil {
			return products, err
		}
		if err := e.read(ctx); err != nil {
			return products, err
		}
	}
	return products, out.Flush()
}
