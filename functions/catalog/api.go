package main

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/functions/catalog/internal/attribute"
	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/service"
	"github.com/mallhive/product-service/shared/web"
)

// catalog is what the operations work with.
type catalog struct {
	*service.Service
	wake       func() // after a commit that appended events
	currency   string // of listings that name none
	storefront string // where visitors see products
	pages      *product.Reader
	products   reader[product.Document]
	categories reader[category.Category]
	attributes reader[attribute.Attribute]
	prices     reader[basePrice]
	sales      reader[salePrice]
	priceRows  reader[priceRow]
	variants   reader[variantBody]
}

// routes is the whole surface of the function.
func routes(_ context.Context, cfg *config, s *service.Service) error {
	introduce(s.API)
	waker, err := outbox.OpenWaker(cfg.SinkOptions(), event.FromCatalog, s.Log)
	if err != nil {
		return err
	}
	s.OnDrain(waker.Close)
	c := &catalog{
		Service: s, wake: waker.Wake, currency: cfg.DefaultCurrency, pages: &product.Reader{DB: s.DB}, storefront: cfg.StorefrontURL,
		products: newReader[product.Document](), categories: newReader[category.Category](),
		attributes: newReader[attribute.Attribute](), prices: newReader[basePrice](), sales: newReader[salePrice](),
		priceRows: newReader[priceRow](), variants: newReader[variantBody](),
	}
	api, public, write := s.API, web.Public(), web.Scope("catalog:write")

	web.Register(api, filtered(op("list-products", "GET", "/v1/products", "Products by category, text, filters, in pages", "products", public)), c.listProducts)
	web.Register(api, web.Quickly(redirecting(op("get-product", "GET", "/v1/products/{ref}", "One product by id or slug", "products", public)), c.showProduct), c.getProduct)
	web.Register(api, op("suggest", "GET", "/v1/products:suggest", "Completions for a search box: brands, categories, products", "products", public), c.suggest)
	web.Register(api, op("look-up-products", "POST", "/v1/products:lookup", "Many products by id, SKU or slug", "products", public), c.lookUpProducts)
	withBody[product.Document](api, op("create-product", "POST", "/v1/products", "Create a product", "products", write), http.StatusCreated, c.createProduct)
	withBody[product.Document](api, op("replace-product", "PUT", "/v1/products/{ref}", "Replace a product, or create the one with this slug", "products", write), http.StatusOK, c.replaceProduct)
	withBody[product.Document](api, op("patch-product", "PATCH", "/v1/products/{ref}", "Change parts of a product (JSON Merge Patch)", "products", write), http.StatusOK, c.patchProduct, mergePatch)
	web.Register(api, deletion("delete-product", "/v1/products/{ref}", "Delete a product", "products", write), c.deleteProduct)

	web.Register(api, leaving(op("get-variant", "GET", "/v1/variants/{sku}", "One variant with its product's names", "variants", public)), c.getVariant)
	withBody[variantBody](api, explained(op("create-variant", "POST", "/v1/products/{ref}/variants", "Add a variant to a product", "variants", write), variantDoc), http.StatusCreated, c.createVariant)
	withBody[variantBody](api, explained(op("replace-variant", "PUT", "/v1/variants/{sku}", "Replace a variant", "variants", write), variantDoc), http.StatusOK, c.replaceVariant)
	withBody[variantBody](api, op("patch-variant", "PATCH", "/v1/variants/{sku}", "Change parts of a variant (JSON Merge Patch)", "variants", write), http.StatusOK, c.patchVariant, mergePatch)
	web.Register(api, explained(deletion("delete-variant", "/v1/variants/{sku}", "Remove a variant from its product", "variants", write), removalDoc), c.deleteVariant)

	web.Register(api, leaving(explained(op("list-prices", "GET", "/v1/variants/{sku}/prices", "A variant's prices: past, now, and the lowest of 30 days", "prices", public), historyDoc)), c.listPrices)
	withBody[basePrice](api, explained(op("set-price", "PUT", "/v1/variants/{sku}/price", "Set what a variant costs from now on, or from a time on", "prices", write), basePriceDoc), http.StatusOK, c.setPrice)
	web.Register(api, explained(deletion("delete-price", "/v1/variants/{sku}/prices/{id}", "Cancel a base price that has not begun", "prices", write), withdrawDoc), c.deletePrice)
	withBody[salePrice](api, explained(op("create-sale", "POST", "/v1/variants/{sku}/sales", "Begin or schedule a sale", "prices", write), saleDoc), http.StatusCreated, c.createSale)
	web.Register(api, explained(deletion("delete-sale", "/v1/variants/{sku}/sales/{id}", "Cancel a sale that has not begun, or end one that runs", "prices", write), withdrawDoc), c.deleteSale)

	web.Register(api, op("list-categories", "GET", "/v1/categories", "The category tree with product counts", "categories", public), c.listCategories)
	web.Register(api, redirecting(op("get-category", "GET", "/v1/categories/{slug}", "One category", "categories", public)), c.getCategory)
	web.Register(api, op("list-category-filters", "GET", "/v1/categories/{slug}/filters", "A category's filters and those it inherits", "categories", public), c.listFilters)
	withBody[category.Category](api, op("create-category", "POST", "/v1/categories", "Create a category", "categories", write), http.StatusCreated, c.createCategory)
	withBody[category.Category](api, op("replace-category", "PUT", "/v1/categories/{slug}", "Replace a category, or create the one with this slug", "categories", write), http.StatusOK, c.replaceCategory)
	withBody[category.Category](api, op("patch-category", "PATCH", "/v1/categories/{slug}", "Change parts of a category (JSON Merge Patch)", "categories", write), http.StatusOK, c.patchCategory, mergePatch)
	web.Register(api, changing(op("move-category", "POST", "/v1/categories/{slug}/move", "Put a category, with all below it, at another place of the tree", "categories", write)), c.moveCategory)
	web.Register(api, changing(op("set-category-filters", "PUT", "/v1/categories/{slug}/filters", "Set a category's own filters", "categories", write)), c.setCategoryFilters)
	web.Register(api, changing(op("arrange-category-products", "PUT", "/v1/categories/{slug}/products", "Place products of a category by hand", "categories", write)), c.arrangeProducts)
	web.Register(api, deletion("delete-category", "/v1/categories/{slug}", "Delete a category", "categories", write), c.deleteCategory)

	web.Register(api, op("list-attributes", "GET", "/v1/attributes", "Attributes by code", "attributes", public), c.listAttributes)
	web.Register(api, op("get-attribute", "GET", "/v1/attributes/{code}", "One attribute", "attributes", public), c.getAttribute)
	withBody[attribute.Attribute](api, op("create-attribute", "POST", "/v1/attributes", "Create an attribute", "attributes", write), http.StatusCreated, c.createAttribute)
	withBody[attribute.Attribute](api, op("replace-attribute", "PUT", "/v1/attributes/{code}", "Replace an attribute, or create it", "attributes", write), http.StatusOK, c.replaceAttribute)
	withBody[attribute.Attribute](api, op("patch-attribute", "PATCH", "/v1/attributes/{code}", "Change parts of an attribute (JSON Merge Patch)", "attributes", write), http.StatusOK, c.patchAttribute, mergePatch)
	web.Register(api, deletion("delete-attribute", "/v1/attributes/{code}", "Delete an attribute that nothing uses", "attributes", write), c.deleteAttribute)

	c.mountStreams()
	return nil
}

// mountStreams is what goes in and out whole: changes, exports, imports.
func (c *catalog) mountStreams() {
	drafts, write := web.Scope("catalog:read_drafts"), web.Scope("catalog:write")
	changes := op("list-changes", "GET", "/v1/changes", "All that changed, in the order of commits", "changes", drafts)
	changes.Description = changesDoc
	web.Register(c.API, changes, c.listChanges)

	c.mountExport(op("export-products", "GET", "/v1/products:export", "Export products", "export", drafts))

	c.mountProductImport(op("import-products", "POST", "/v1/products:import", "Import products, a row each", "import", write))
	importOf(c, op("import-categories", "POST", "/v1/categories:import", "Import categories, parents before children", "import", write), c.categoryKind())
	importOf(c, op("import-attributes", "POST", "/v1/attributes:import", "Import attributes, a row each", "import", write), c.attributeKind())
	importOf(c, op("import-prices", "POST", "/v1/prices:import", "Import prices and sales, a row each", "import", write), c.priceKind())
}

func op(id, method, path, summary, tag string, security []map[string][]string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Description: details[id], Tags: []string{tag}, Security: security}
}

// changing is an operation on a part of something that exists.
func changing(o huma.Operation) huma.Operation {
	o.Errors = []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed, http.StatusPreconditionRequired}
	return o
}

func deletion(id, path, summary, tag string, security []map[string][]string) huma.Operation {
	o := op(id, http.MethodDelete, path, summary, tag, security)
	o.DefaultStatus = http.StatusNoContent
	o.Errors = []int{http.StatusNotFound, http.StatusConflict, http.StatusGone, http.StatusPreconditionFailed, http.StatusPreconditionRequired}
	return o
}

// redirecting says that an old slug is answered with where its thing is now.
func redirecting(o huma.Operation) huma.Operation {
	o.Errors = []int{http.StatusNotFound, http.StatusGone}
	o.Responses = map[string]*huma.Response{
		"308": {Description: "It has another slug now", Headers: map[string]*huma.Param{
			"Location": {Schema: &huma.Schema{Type: huma.TypeString}, Description: "Its address", Example: "/v1/products/xerox-006r90321"},
		}},
	}
	return o
}

// leaving says that what a read is of may be gone.
func leaving(o huma.Operation) huma.Operation {
	o.Errors = append(o.Errors, http.StatusGone)
	return o
}

// filtered lets attribute filters pass, whose names are data.
func filtered(o huma.Operation) huma.Operation {
	o.Metadata = web.OpenQuery("attr.")
	o.Description = "Besides the parameters below, attr.CODE=VALUE filters by an attribute or option: repeated, any of the values; " +
		"of different codes, all. attr.CODE.min and attr.CODE.max bound a number. Price, stock and option conditions hold for one variant together."
	return o
}

// explained says more about an operation than its summary.
func explained(o huma.Operation, text string) huma.Operation {
	o.Description = text
	return o
}

const mergePatch = "application/merge-patch+json"

// withBody registers an operation whose body is read by a reader, so that it
// is judged as a row of an import is.
func withBody[T, I, O any](api *web.API, o huma.Operation, status int, handler func(context.Context, *I) (*O, error), contentTypes ...string) {
	o.DefaultStatus = status
	o.Errors = []int{http.StatusNotFound, http.StatusConflict, http.StatusGone, http.StatusPreconditionFailed, http.StatusPreconditionRequired}
	if o.Method == http.MethodPut && strings.Contains(o.Summary, "or create") {
		o.Responses = map[string]*huma.Response{"201": {Description: "Created, with If-None-Match: *"}}
	}
	o, document := takes[T](api, o, contentTypes...)
	web.Register(api, o, handler)
	document()
}
