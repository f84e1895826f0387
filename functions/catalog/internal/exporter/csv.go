package exporter

import (
	"io"

	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/functions/catalog/internal/shopify"
)

// writeShopify writes what holds without a sale, which an import would set.
func writeShopify(w io.Writer, p product.Exported, s Setting) error {
	prices := make([]shopify.Price, len(p.Variants))
	for i, bases := range p.Bases {
		for _, b := range bases {
			if b.Price.Currency == s.Currency {
				prices[i] = shopify.Price{Amount: &b.Price, CompareAt: b.CompareAt}
			}
		}
	}
	category := ""
	if path := (item{p: &p.Document, s: s}).path(); len(path) > 0 {
		category = path[len(path)-1]
	}
	return shopify.Write(w, p.Document, category, prices)
}
