package main

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/functions/catalog/internal/importer"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/functions/catalog/internal/shopify"
	"github.com/mallhive/product-service/shared/money"
	"github.com/mallhive/product-service/shared/web"
)

const sheetDoc = " As text/csv: Shopify's product CSV, UTF-8, cells parted by commas, semicolons or tabs as its header is. " +
	"The lines of one handle stand together and are one product; its row is that of its first line, as a spreadsheet counts, and faults name the row they stand in. " +
	"Handle is the slug a product is keyed by. Tags name its categories by slug, or else Type does; those that are none are left out. " +
	"Prices are in one currency, 1299.00, 1,299.00 or 12,50; stock is not read. " +
	"What the layout has no place for, such as attributes, and columns that the file does not have stay as they are in a product that exists."

// sheet is a stream of lines that make products.
type sheet struct {
	*web.Stream
	rows *shopify.Rows
}

func (s sheet) Next() (row int, line []byte, err error) { return s.rows.Next() }

// mountProductImport mounts the import of products, which takes CSV too.
func (c *catalog) mountProductImport(o huma.Operation) {
	row, lines := importSchemas[product.Document](c)
	o.Description = importDoc + sheetDoc
	csv := web.OtherForm{ContentType: "text/csv", Schema: &huma.Schema{Type: huma.TypeString}, Parameters: []*huma.Param{{
		Name: "currency", In: "query", Description: "Of the prices of a CSV; the service's default when missing",
		Schema: &huma.Schema{Type: huma.TypeString, Pattern: "^[A-Z]{3}$"}, Example: "USD",
	}}}
	csv.Check = func(parameter, value string) string {
		if _, known := money.Exponent(value); !known {
			return "an ISO 4217 code such as USD"
		}
		return ""
	}
	c.API.Import(o, row, lines, func(r *http.Request, stream *web.Stream, chosen web.ImportOptions) {
		if chosen.Form != csv.ContentType {
			imported(c, r, stream, c.productKind(), chosen)
			return
		}
		currency := c.currency
		if named := r.URL.Query().Get("currency"); named != "" {
			currency = named
		}
		rows := shopify.Open(stream.Body(), currency)
		imported(c, r, sheet{stream, rows}, sheetKind(rows), chosen)
	}, csv)
}

func sheetKind(rows *shopify.Rows) importer.Kind[shopify.Product] {
	return importer.Kind[shopify.Product]{
		Read: func([]byte) (shopify.Product, string, error) {
			p, err := rows.Product()
			return p, p.Key(), err
		},
		Names:   func(p shopify.Product) []string { return p.Names() },
		SaveAll: saveSheet,
	}
}

// saveSheet writes products over those that are there, which keep what the
// lines do not say.
func saveSheet(ctx context.Context, tx pgx.Tx, products []shopify.Product) ([]importer.Outcome, error) {
	var slugs, tags []string
	for _, p := range products {
		slugs = append(slugs, p.Slug)
		tags = append(append(tags, p.Categories...), p.Type)
	}
	old, err := product.Hold(ctx, tx, slugs)
	if err != nil {
		return nil, err
	}
	known, err := category.IDs(ctx, tx, tags)
	if err != nil {
		return nil, err
	}
	intents := make([]product.Intent, len(products))
	for i, p := range products {
		p.Categories = categoriesOf(p, func(slug string) bool { _, ok := known[slug]; return ok })
		intents[i].Doc = p.Document
		if there, ok := old[p.Slug]; ok {
			intents[i].Doc = p.Over(there)
		}
	}
	return saveProducts(ctx, tx, intents)
}

// categoriesOf is the tags that are categories, else the type when it is one.
func categoriesOf(p shopify.Product, known func(slug string) bool) []string {
	places := []string{}
	for _, tag := range p.Categories {
		if known(tag) {
			places = append(places, tag)
		}
	}
	if len(places) == 0 && known(p.Type) {
		places = append(places, p.Type)
	}
	return places
}
