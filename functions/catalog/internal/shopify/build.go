package shopify

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/functions/catalog/internal/slug"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/money"
)

// builder makes a product of its lines.
type builder struct {
	*Rows
	doc    product.Document
	faults fault.List
	images []placed
}

type placed struct {
	product.Media
	place int
}

func (r *Rows) build(group []record) (Product, error) {
	b := builder{Rows: r}
	first := group[0]
	b.product(first.cells, first.row)
	for _, line := range group {
		if r.cell(line.cells, sku) != "" || r.cell(line.cells, optionValue(1)) != "" || r.cell(line.cells, price) != "" {
			b.variant(line.cells, line.row)
		}
		if src := r.cell(line.cells, image); src != "" {
			b.image(line.cells, src)
		}
	}
	// Places may be missing, or be those of a longer list.
	slices.SortStableFunc(b.images, func(x, y placed) int { return cmp.Compare(x.place, y.place) })
	for _, m := range b.images {
		b.doc.Media = append(b.doc.Media, m.Media)
	}
	b.doc.Normalise()
	b.faults = append(b.faults, b.unsaid()...)
	return Product{Document: b.doc, Type: slugOf(b.text(first.cells, kind)), columns: r.columns}, b.faults.Err()
}

// unsaid is what the document's own rules find where the lines themselves were
// not at fault already.
func (b *builder) unsaid() fault.List {
	told := map[string]bool{}
	for _, f := range b.faults {
		told[f.Pointer] = true
	}
	return slices.DeleteFunc(b.doc.Check(), func(f fault.Field) bool { return told[f.Pointer] })
}

func (b *builder) product(record []string, row int) {
	d := &b.doc
	d.Slug = slugOf(b.cell(record, handle))
	if d.Slug == "" {
		b.faults.Add("/slug", "required", "row %d has no Handle that makes a slug", row)
	}
	d.Name, d.Description = b.text(record, title), b.text(record, body)
	if v := b.text(record, vendor); v != "" {
		d.Brand = &v
	}
	for tag := range strings.SplitSeq(b.cell(record, tags), ",") {
		if name := slugOf(tag); name != "" && !slices.Contains(d.Categories, name) {
			d.Categories = append(d.Categories, name)
		}
	}
	d.Status = b.state(record, row)
	for n := 1; n <= maxOptions; n++ {
		if name := b.text(record, optionName(n)); name != "" {
			d.Options = append(d.Options, name)
		}
	}
	if len(d.Options) == 1 && d.Options[0] == noOption && b.cell(record, optionValue(1)) == noOptionValue {
		d.Options = nil
	}
}

func slugOf(name string) string {
	if name = strings.TrimSpace(name); slug.Valid(name) {
		return name
	}
	return slug.From(name)
}

// state is the status; a product that is not published is a draft.
func (b *builder) state(record []string, row int) string {
	shown := strings.ToLower(b.cell(record, published))
	state := strings.ToLower(b.cell(record, status))
	switch {
	case shown != "" && shown != "true" && shown != "false":
		b.faults.Add("/status", "not_allowed", "row %d: Published is true or false", row)
	case state == "" && shown != "true", state == product.Active && shown == "false":
		return product.Draft
	case state == "":
		return product.Active
	}
	return state
}

func (b *builder) variant(record []string, row int) {
	at := "/variants/" + strconv.Itoa(len(b.doc.Variants))
	v := product.Variant{SKU: b.cell(record, sku), Options: map[string]string{}}
	if v.SKU == "" {
		b.faults.Add(at+"/sku", "required", "row %d has no Variant SKU", row)
	}
	for n, name := range b.doc.Options {
		if value := b.text(record, optionValue(n+1)); value != "" {
			v.Options[name] = value
		}
	}
	if code := strings.TrimPrefix(b.cell(record, barcode), "'"); code != "" {
		v.GTINs = []string{code}
	}
	if text := b.cell(record, grams); text != "" {
		weight, err := strconv.ParseFloat(text, 64)
		if whole := int32(weight); err == nil && weight >= 0 && weight < 1<<31 {
			v.WeightGrams = &whole
		} else {
			b.faults.Add(at+"/weight_grams", "format", "row %d: Variant Grams is a number", row)
		}
	}
	v.Price = b.money(record, price, at+"/price", row)
	if v.Price != nil {
		v.CompareAt = b.money(record, compareAt, at+"/compare_at", row)
	}
	if v.CompareAt != nil && v.CompareAt.Amount == 0 {
		v.CompareAt = nil // how some shops write none
	}
	b.doc.Variants = append(b.doc.Variants, v)
}

func (b *builder) money(record []string, column, pointer string, row int) *money.Money {
	text := b.cell(record, column)
	if text == "" {
		return nil
	}
	amount, err := parseAmount(text, b.currency, b.cells.comma == ';')
	if err != nil {
		b.faults.Add(pointer, "format", "row %d: %s", row, err)
		return nil
	}
	return &money.Money{Amount: amount, Currency: b.currency}
}

func (b *builder) image(record []string, src string) {
	place, err := strconv.Atoi(b.cell(record, imagePos))
	if err != nil {
		place = len(b.images) + 1
	}
	b.images = append(b.images, placed{product.Media{Kind: "image", URL: src, Alt: b.text(record, imageAlt)}, place})
}

// Over keeps of the product that is there what the file does not say: what the
// layout has no place for, and columns that are missing.
func (p Product) Over(old product.Document) product.Document {
	d := p.Document
	d.ExternalID, d.Attributes, d.Featured = old.ExternalID, old.Attributes, old.Featured
	d.PublishAt, d.UnpublishAt, d.PublishedAt = old.PublishAt, old.UnpublishAt, old.PublishedAt
	if !p.has(body) {
		d.Description = old.Description
	}
	if !p.has(vendor) {
		d.Brand = old.Brand
	}
	if !p.has(tags, kind) {
		d.Categories = old.Categories
	}
	if !p.has(status, published) {
		d.Status = old.Status
	}
	d.Media = mediaOver(d.Media, old.Media, p.has(image))
	known := make(map[string]product.Variant, len(old.Variants))
	for _, v := range old.Variants {
		known[v.SKU] = v
	}
	for i := range d.Variants {
		p.variantOver(&d.Variants[i], known[d.Variants[i].SKU])
	}
	return d
}

// mediaOver keeps what is no image, in its place.
func mediaOver(images, old []product.Media, said bool) []product.Media {
	if !said {
		return old
	}
	list := []product.Media{}
	for _, m := range old {
		switch {
		case m.Kind != "image":
			list = append(list, m)
		case len(images) > 0:
			list, images = append(list, images[0]), images[1:]
		}
	}
	return append(list, images...)
}

func (p Product) variantOver(v *product.Variant, old product.Variant) {
	v.MPN = old.MPN
	if !p.has(barcode) || len(v.GTINs) > 0 && len(old.GTINs) > 0 && v.GTINs[0] == old.GTINs[0] {
		v.GTINs = old.GTINs
	}
	if !p.has(grams) {
		v.WeightGrams = old.WeightGrams
	}
	if v.GTINs == nil {
		v.GTINs = []string{}
	}
}
