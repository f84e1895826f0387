package main

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/functions/catalog/internal/importer"
	"github.com/mallhive/product-service/functions/catalog/internal/price"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/web"
)

// introduce says what strangers read and generate clients from: what the
// function is for, and schemas by names that mean something outside of it.
func introduce(api *web.API) {
	api.Describe("Products with their variants, prices, categories and attributes: reading, searching, writing, importing, exporting. "+
		"Amounts of money are integers in the currency's minor unit. Everything that changes something takes If-Match with the ETag that was read. "+
		"Errors are RFC 9457 problem documents that name every fault of the input at once.",
		&huma.Tag{Name: "products", Description: "What is shown: documents with variants, media, attributes and categories; lists and search"},
		&huma.Tag{Name: "variants", Description: "What is sold, by SKU"},
		&huma.Tag{Name: "prices", Description: "Base prices and sales, with the time in which they hold"},
		&huma.Tag{Name: "categories", Description: "The tree that products are found in, and its filters"},
		&huma.Tag{Name: "attributes", Description: "The typed facts that products may state and listings filter by"},
		&huma.Tag{Name: "import", Description: "Streams of rows in, one result line for each out"},
		&huma.Tag{Name: "export", Description: "The catalog as a stream, in the forms that others take"},
		&huma.Tag{Name: "changes", Description: "All that changes, in the order of commits"},
		&huma.Tag{Name: "operations", Description: "For those who run it"},
	)
	web.Name[product.Document](api, "Product")
	web.Name[product.Item](api, "ProductItem")
	web.Name[variantBody](api, "VariantRequest")
	web.Name[variantView](api, "VariantDetail")
	web.Name[category.Crumb](api, "Breadcrumb")
	web.Name[category.Filter](api, "CategoryFilter")
	web.Name[importer.Result](api, "ImportResult")
	web.Name[importer.Summary](api, "ImportSummary")
	web.Name[price.Record](api, "PriceRecord")
	web.Name[price.Paid](api, "PricePaid")
	web.Name[price.Lowest](api, "LowestPrice")
	api.Example("Product", productExample)
	api.Example("ProductItem", productExample)
	api.Example("ProductPatch", `{"name":"Xerox 006R90321 black toner","attributes":{"touchscreen":null,"quantity_per_pack":4}}`)
	api.Example("CategoryPatch", `{"name":"Toner","parent":null}`)
	api.Example("AttributePatch", `{"unit":"cm"}`)
}

// details are what a caller of an operation should know beside its summary.
var details = map[string]string{
	"get-product": "A slug that the product had before is answered 308 with its address now. Not yet published is 404, no longer published or deleted 410; " +
		"callers with catalog:read_drafts see all but deleted ones.",
	"replace-product": "The whole document: what is left out is empty then, but for prices, of which only the currencies named change. " +
		"What was read may be sent back as it is; a SKU that another product has had is a conflict for ever.",
	"patch-product":   "A list is replaced whole, variants too: to change one of them there is PATCH /v1/variants/{sku}.",
	"delete-product":  "It is 410 from then on. Its SKUs stay its own: only the same product may have them again.",
	"list-categories": "The whole tree in one answer. A product counts once in each category that it is in or below.",
	"get-category":    "A slug that the category had before is answered 308 with its address now.",
	"replace-category": "Another slug renames it: the old one goes on leading to it, in addresses, in listings, and in documents of products. " +
		"Another parent moves it; it cannot stand below itself, and the tree has at most 20 levels.",
	"move-category": "Nothing is written to products, however many there are below it. With a position its siblings make room, " +
		"so that their position numbers, and versions, may change too.",
	"set-category-filters": "Those of the categories above it are inherited and need not be named.",
	"arrange-category-products": "The products named come first under sort=position, in this order; those named before and no longer lose their place. " +
		"Each must name this category itself, not one below it. The category gets another version, products do not.",
	"delete-category": "With categories or products in it, it is a conflict, unless reassign_to names the category that takes them over; " +
		"the slug then leads there. More than 1,000 products move in steps: after a 503 the same request goes on where it stopped.",
	"replace-attribute": "The type is fixed while a product has a value of it. Other changes show at once and touch no product.",
	"delete-attribute":  "A conflict while a product has a value of it, or a category filters by it.",
}

const productExample = `{
	"id": "0198c5a2-7c1e-7d4a-9f43-2b1f0a6d5e11", "external_id": "icecat:3920564", "slug": "xerox-006r90321",
	"name": "Xerox 006R90321 toner cartridge", "description": "For about 7,000 pages.", "brand": "Xerox",
	"status": "active", "publish_at": null, "unpublish_at": null, "published_at": "2009-12-10T00:00:00Z", "featured": false,
	"categories": ["toner"],
	"attributes": {"type": "Original", "quantity_per_pack": 6, "touchscreen": false, "colours": ["Black", "Cyan"]},
	"media": [{"kind": "image", "url": "https://images.example.com/xerox-006r90321.jpg", "alt": "The cartridge in its box"}],
	"options": ["size"],
	"variants": [{
		"id": "0198c5a2-7c1e-7d4a-9f43-2b1f0a6d5e12", "sku": "ICE-3920564", "mpn": "006R90321", "gtins": ["0095205603217"],
		"options": {"size": "M"}, "price": {"amount": 4995, "currency": "USD"}, "compare_at": {"amount": 5995, "currency": "USD"},
		"weight_grams": 900, "availability": "in_stock"}],
	"version": 3, "created_at": "2026-03-01T09:30:00Z", "updated_at": "2026-03-02T17:05:12.5Z",
	"breadcrumbs": [{"slug": "printing", "name": "Printing"}, {"slug": "toner", "name": "Toner cartridges"}],
	"price": {"amount": 4995, "currency": "USD"}, "compare_at": {"amount": 5995, "currency": "USD"}
}`
