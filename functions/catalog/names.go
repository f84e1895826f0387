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
