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
	web.Name[variantView](api, "VariantDetail")
	web.Name[category.Crumb](api, "Breadcrumb")
	web.Name[category.Filter](api, "CategoryFilter")
	web.Name[importer.Result](api, "ImportResult")
	web.Name[importer.Summary](api, "ImportSummary")
	web.Name[price.Record](api, "PriceRecord")
	web.Name[price.Paid](api, "PricePaid")
	web.Name[price.Lowest](api, "LowestPrice")
}
