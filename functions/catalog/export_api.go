package main

import (
	"context"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"

	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/functions/catalog/internal/exporter"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/money"
	"github.com/mallhive/product-service/shared/web"
)

const exportDoc = "Products in the order in which they were made, streamed. " +
	"**ndjson** is what an import takes: all of a product but ids, versions and schedules of prices; an export that is imported into an empty database, after its attributes and categories, exports the same bytes. " +
	"**csv** is Shopify's product CSV, prices in one currency; an import takes it too. " +
	"**google** is Google Merchant's TSV, a line for each variant that has a price in the currency, and **jsonld** a schema.org ProductGroup a line; both have only what visitors may be shown now, with sale prices. " +
	"A stream that is cut has no end (the client reports it) and no trailer X-Items, which says how many products a whole one has. " +
	"Drop the last product of what came, and go on with after = the one before it; lines of a format with a header come without it then."

// mountExport mounts the export of products.
func (c *catalog) mountExport(o huma.Operation) {
	var names []any
	content := map[string]*huma.MediaType{}
	for _, f := range exporter.Formats() {
		names = append(names, f.Name)
		form, _, _ := strings.Cut(f.ContentType, ";")
		content[form] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	}
	// A line of it is a document.
	content["application/x-ndjson"].Schema = c.API.Document().Components.Schemas.Schema(reflect.TypeFor[product.Document](), true, "")
	o.Description = exportDoc
	o.Parameters = []*huma.Param{
		{Name: "format", In: "query", Description: "ndjson when missing", Schema: &huma.Schema{Type: huma.TypeString, Enum: names}},
		{Name: "after", In: "query", Description: "Go on after this product: an id, slug or SKU that it has or had", Schema: &huma.Schema{Type: huma.TypeString}, Example: "xerox-006r90321"},
		{Name: "status", In: "query", Description: "Only products with this status; google and jsonld have only active ones", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{product.Draft, product.Active, product.Archived}}},
		{Name: "currency", In: "query", Description: "Of the prices, where a format has one currency (csv, google: the service's default when missing); jsonld has all currencies unless one is named", Schema: &huma.Schema{Type: huma.TypeString}, Example: "USD"},
	}
	o.Responses = map[string]*huma.Response{"200": {
		Description: "The products, a line or more each", Content: content,
		Headers: map[string]*huma.Param{web.CountTrailer: {Description: "A trailer: how many products went out, when all did", Schema: &huma.Schema{Type: huma.TypeInteger}}},
	}}
	c.API.Handle(o, http.HandlerFunc(c.exportProducts))
}

func (c *catalog) exportProducts(w http.ResponseWriter, r *http.Request) {
	began, format, err := c.beginExport(r)
	if err != nil {
		web.WriteProblem(w, r, err)
		return
	}
	out := web.OpenDownload(w, format.ContentType, "products-"+time.Now().UTC().Format("20060102T150405Z")+"."+format.Extension)
	// It lasts as long as somebody reads, not as long as a request may.
	ctx := context.WithoutCancel(r.Context())
	products, err := began.Run(ctx, out)
	if err != nil {
		c.Log.Warn("export", zap.String("request_id", web.RequestID(ctx)), zap.Int("products", products), zap.Error(err))
		out.Cut()
	}
	out.Done(products)
}

func (c *catalog) beginExport(r *http.Request) (*exporter.Export, exporter.Format, error) {
	query := r.URL.Query()
	format, err := exportFormat(query)
	if err != nil {
		return nil, format, err
	}
	after, err := product.ExportFrom(r.Context(), c.DB, query.Get("after"))
	if err != nil {
		return nil, format, err
	}
	setting := exporter.Setting{Currency: query.Get("currency"), Storefront: strings.TrimRight(c.storefront, "/")}
	if setting.Currency == "" && format.Name != "jsonld" {
		setting.Currency = c.currency
	}
	tree, err := category.All(r.Context(), c.DB)
	if err != nil {
		return nil, format, err
	}
	setting.Paths = paths(tree)
	export, err := exporter.Open(r.Context(), c.DB, format, setting, after, query.Get("status"))
	return export, format, err
}

// exportFormat judges all parameters but after.
func exportFormat(query url.Values) (exporter.Format, error) {
	var faults fault.List
	wrong := func(name, code, detail string) {
		faults = append(faults, fault.Field{Pointer: "/" + name, In: "query", Code: code, Detail: detail})
	}
	formats := exporter.Formats()
	chosen := formats[0]
	if name := query.Get("format"); query.Has("format") {
		known := false
		for _, f := range formats {
			if f.Name == name {
				chosen, known = f, true
			}
		}
		if !known {
			wrong("format", "not_allowed", "ndjson, csv, google or jsonld")
		}
	}
	switch query.Get("status") {
	case product.Draft, product.Active, product.Archived:
	case "":
		if query.Has("status") {
			wrong("status", "not_allowed", "draft, active or archived")
		}
	default:
		wrong("status", "not_allowed", "draft, active or archived")
	}
	if _, known := money.Exponent(query.Get("currency")); query.Has("currency") && !known {
		wrong("currency", "unknown_currency", "an ISO 4217 code such as USD")
	}
	return chosen, faults.Err()
}

// paths is the names from the top of the tree to each category, by slug.
func paths(tree []category.Category) map[string][]string {
	by := make(map[string]category.Category, len(tree))
	for _, c := range tree {
		by[c.Slug] = c
	}
	all := make(map[string][]string, len(tree))
	for _, c := range tree {
		names := []string{c.Name}
		for above := c.Parent; above != nil; above = by[*above].Parent {
			names = append([]string{by[*above].Name}, names...)
		}
		all[c.Slug] = names
	}
	return all
}
