package exporter

import (
	"encoding/json"
	"io"

	"github.com/mallhive/product-service/functions/catalog/internal/product"
)

// writeLine writes the line that an import takes: what is ours is left out,
// and prices are what holds without a sale, which an import would set.
func writeLine(w io.Writer, p product.Exported, _ Setting) error {
	d := p.Document
	d.ID, d.Version, d.CreatedAt, d.UpdatedAt = nil, 0, nil, nil
	d.Breadcrumbs, d.Price, d.CompareAt = nil, nil, nil
	d.Variants = make([]product.Variant, len(p.Variants))
	for i, v := range p.Variants {
		v.ID, v.Availability = nil, ""
		v.Price, v.CompareAt, v.Prices = nil, nil, p.Bases[i]
		if len(v.Prices) == 1 {
			v.Price, v.CompareAt, v.Prices = &v.Prices[0].Price, v.Prices[0].CompareAt, nil
		}
		d.Variants[i] = v
	}
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	return lines.Encode(d)
}
