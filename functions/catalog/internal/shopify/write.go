package shopify

import (
	"io"
	"strconv"
	"strings"

	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/money"
)

// Price is what a variant costs, for the two columns of one currency.
type Price struct{ Amount, CompareAt *money.Money }

// Write writes a product. category is what its first category is called;
// prices stand beside the variants.
func Write(w io.Writer, d product.Document, category string, prices []Price) error {
	var images []product.Media
	for _, m := range d.Media {
		if m.Kind == "image" {
			images = append(images, m)
		}
	}
	var text []byte
	for n := range max(len(d.Variants), len(images), 1) {
		line := line{handle: d.Slug}
		if n == 0 {
			line.product(d, category)
		}
		if n < len(d.Variants) {
			line.variant(d, n, prices[n])
		}
		if n < len(images) {
			line[image], line[imagePos], line[imageAlt] = images[n].URL, strconv.Itoa(n+1), guarded(images[n].Alt)
		}
		text = line.append(text)
	}
	_, err := w.Write(text)
	return err
}

// line is one line by column.
type line map[string]string

func (l line) append(text []byte) []byte {
	for i, name := range columns {
		if i > 0 {
			text = append(text, ',')
		}
		cell := l[name]
		if !strings.ContainsAny(cell, ",\"\r\n") && strings.TrimSpace(cell) == cell {
			text = append(text, cell...)
			continue
		}
		text = append(text, '"')
		text = append(text, strings.ReplaceAll(cell, `"`, `""`)...)
		text = append(text, '"')
	}
	return append(text, '\n')
}

func (l line) product(d product.Document, category string) {
	l[title], l[body], l[kind], l[tags] = guarded(d.Name), guarded(d.Description), guarded(category), strings.Join(d.Categories, ", ")
	if d.Brand != nil {
		l[vendor] = guarded(*d.Brand)
	}
	l[status], l[published], l["gift card"] = d.Status, strconv.FormatBool(d.Status == product.Active), "false"
	for i, option := range d.Options {
		l[optionName(i+1)] = guarded(option)
	}
	if len(d.Options) == 0 && len(d.Variants) > 0 {
		l[optionName(1)] = noOption
	}
}

func (l line) variant(d product.Document, n int, p Price) {
	v := d.Variants[n]
	for i, option := range d.Options {
		l[optionValue(i+1)] = guarded(v.Options[option])
	}
	if len(d.Options) == 0 {
		l[optionValue(1)] = noOptionValue
	}
	l[sku] = v.SKU
	if v.WeightGrams != nil {
		l[grams] = strconv.Itoa(int(*v.WeightGrams))
	}
	if p.Amount != nil {
		l[price] = p.Amount.Decimal()
	}
	if p.CompareAt != nil {
		l[compareAt] = p.CompareAt.Decimal()
	}
	if len(v.GTINs) > 0 {
		l[barcode] = v.GTINs[0]
	}
	l["variant inventory policy"], l["variant fulfillment service"] = "deny", "manual"
	l["variant requires shipping"], l["variant taxable"] = "true", "true"
}
