package exporter

import (
	"cmp"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/money"
)

// Limits of the product data specification of Google Merchant Center, in
// characters.
const (
	googleID          = 50
	googleTitle       = 150
	googleDescription = 5000
	googleBrand       = 70
	googleProductType = 750
	googleImages      = 10
)

// What an item says, in order; the value of each is made from a variant.
var googleColumns = [...]struct {
	name  string
	value func(item) string
}{
	{"id", item.id},
	{"title", item.title},
	{"description", func(i item) string { return clip(plain(cmp.Or(i.p.Description, i.p.Name)), googleDescription) }},
	{"link", func(i item) string { return i.link() }},
	{"image_link", func(i item) string { return i.image(0) }},
	{"additional_image_link", item.moreImages},
	{"availability", item.availability},
	{"price", func(i item) string { return i.amount(cmp.Or(i.compareAt, i.price)) }},
	{"sale_price", item.salePrice},
	{"brand", func(i item) string { return clip(i.brand(), googleBrand) }},
	{"gtin", item.gtin},
	{"mpn", func(i item) string { return i.v.MPN }},
	{"identifier_exists", item.identified},
	{"condition", item.condition},
	{"item_group_id", item.group},
	{"product_type", func(i item) string { return clip(strings.Join(i.path(), " > "), googleProductType) }},
	{"color", func(i item) string { return i.fact("color", "colour") }},
	{"size", func(i item) string { return i.fact("size") }},
	{"material", func(i item) string { return i.fact("material") }},
	{"pattern", func(i item) string { return i.fact("pattern") }},
	{"gender", func(i item) string { return i.fact("gender") }},
	{"age_group", func(i item) string { return i.fact("age_group") }},
	{"shipping_weight", item.weight},
}

func googleHeader() string {
	names := make([]string, len(googleColumns))
	for i, c := range googleColumns {
		names[i] = c.name
	}
	return strings.Join(names, "\t") + "\n"
}

// writeGoogle writes a line for each variant that has a price in the currency.
func writeGoogle(w io.Writer, p product.Exported, s Setting) error {
	for n, v := range p.Variants {
		i := item{p: &p.Document, v: v, s: s, n: n}
		if !i.priced() {
			continue
		}
		values := make([]string, len(googleColumns))
		for n, c := range googleColumns {
			values[n] = cell(c.value(i))
		}
		if _, err := io.WriteString(w, strings.Join(values, "\t")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// cell keeps a value to its place: the form has no way to write a tab or the
// end of a line.
func cell(s string) string { return strings.Join(strings.Fields(s), " ") }

// item is a variant as shops outside see it.
type item struct {
	p                *product.Document
	v                product.Variant
	s                Setting
	n                int
	price, compareAt int64
}

func (i *item) priced() bool {
	for _, p := range i.v.AllPrices() {
		if p.Price.Currency != i.s.Currency {
			continue
		}
		i.price = p.Price.Amount
		if p.CompareAt != nil && p.CompareAt.Amount > p.Price.Amount {
			i.compareAt = p.CompareAt.Amount
		}
		return true
	}
	return false
}

// id is the SKU, or where Google has no room for it the variant's id.
func (i item) id() string {
	if len(i.v.SKU) <= googleID {
		return i.v.SKU
	}
	return i.v.ID.String()
}

// title names the variant among those of its product.
func (i item) title() string {
	title := i.p.Name
	for _, option := range i.p.Options {
		if value := i.v.Options[option]; value != "" && value != title {
			title += ", " + value
		}
	}
	return clip(plain(title), googleTitle)
}

func (i item) link() string {
	link := i.s.Storefront + "/" + url.PathEscape(i.p.Slug)
	if len(i.p.Variants) > 1 {
		link += "?sku=" + url.QueryEscape(i.v.SKU)
	}
	return link
}

func (i item) images() []string {
	var list []string
	for _, m := range i.p.Media {
		if m.Kind == "image" {
			list = append(list, m.URL)
		}
	}
	return list
}

func (i item) image(n int) string {
	if list := i.images(); n < len(list) {
		return list[n]
	}
	return ""
}

func (i item) moreImages() string {
	list := i.images()
	if len(list) < 2 {
		return ""
	}
	list = list[1:min(len(list), googleImages+1)]
	for n, link := range list { // commas part the links
		list[n] = strings.ReplaceAll(link, ",", "%2C")
	}
	return strings.Join(list, ",")
}

func (i item) availability() string {
	if i.v.Availability == "low_stock" {
		return "in_stock"
	}
	return i.v.Availability
}

func (i item) amount(minor int64) string {
	return money.Money{Amount: minor, Currency: i.s.Currency}.Decimal() + " " + i.s.Currency
}

func (i item) salePrice() string {
	if i.compareAt == 0 {
		return ""
	}
	return i.amount(i.price)
}

func (i item) brand() string {
	if i.p.Brand == nil {
		return ""
	}
	return *i.p.Brand
}

// gtin is the first one, with the zeros that it may have lost.
func (i item) gtin() string {
	if len(i.v.GTINs) == 0 {
		return ""
	}
	g := i.v.GTINs[0]
	for _, length := range []int{8, 12, 13, 14} {
		if len(g) <= length {
			return strings.Repeat("0", length-len(g)) + g
		}
	}
	return g
}

func (i item) identified() string {
	if i.gtin() != "" || i.v.MPN != "" && i.brand() != "" {
		return "yes"
	}
	return "no"
}

func (i item) condition() string {
	switch c := strings.ToLower(i.fact("condition")); c {
	case "refurbished", "used":
		return c
	}
	return "new"
}

// group is what the variants of one product share.
func (i item) group() string {
	if len(i.p.Options) == 0 {
		return ""
	}
	return i.p.ID.String()
}

func (i item) path() []string {
	if len(i.p.Categories) == 0 {
		return nil
	}
	return i.s.Paths[i.p.Categories[0]]
}

// fact is the value of an option or text attribute with one of these names.
func (i item) fact(names ...string) string {
	for _, name := range names {
		for option, value := range i.v.Options {
			if strings.EqualFold(option, name) {
				return value
			}
		}
		switch value := i.p.Attributes[name].(type) {
		case string:
			return value
		case []any: // Google parts several with a slash
			texts := make([]string, 0, len(value))
			for _, t := range value {
				if s, ok := t.(string); ok {
					texts = append(texts, s)
				}
			}
			return strings.Join(texts, "/")
		}
	}
	return ""
}

func (i item) weight() string {
	if i.v.WeightGrams == nil {
		return ""
	}
	return strconv.Itoa(int(*i.v.WeightGrams)) + " g"
}

func clip(s string, most int) string {
	n := 0
	for at := range s {
		if n++; n > most {
			return strings.TrimSpace(s[:at])
		}
	}
	return s
}
