package exporter

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/money"
)

const schemaOrg = "https://schema.org/"

// The parts of a ProductGroup that search engines read
// (https://schema.org/ProductGroup, https://schema.org/Offer).
type productGroup struct {
	Context     string        `json:"@context"`
	Type        string        `json:"@type"`
	ID          string        `json:"@id"`
	GroupID     string        `json:"productGroupID"`
	Name        string        `json:"name"`
	Description string        `json:"description,omitempty"`
	URL         string        `json:"url"`
	Image       []string      `json:"image,omitempty"`
	Brand       *named        `json:"brand,omitempty"`
	Category    string        `json:"category,omitempty"`
	VariesBy    []string      `json:"variesBy,omitempty"`
	Properties  []property    `json:"additionalProperty,omitempty"`
	Variants    []productItem `json:"hasVariant"`
}

type named struct {
	Type string `json:"@type"`
	Name string `json:"name"`
}

type property struct {
	Type  string `json:"@type"`
	Name  string `json:"name"`
	Value any    `json:"value"`
}

type productItem struct {
	Type       string     `json:"@type"`
	ID         string     `json:"@id"`
	SKU        string     `json:"sku"`
	Name       string     `json:"name"`
	GTIN       string     `json:"gtin,omitempty"`
	MPN        string     `json:"mpn,omitempty"`
	Image      string     `json:"image,omitempty"`
	Color      string     `json:"color,omitempty"`
	Size       string     `json:"size,omitempty"`
	Material   string     `json:"material,omitempty"`
	Pattern    string     `json:"pattern,omitempty"`
	Weight     *quantity  `json:"weight,omitempty"`
	Properties []property `json:"additionalProperty,omitempty"`
	Offers     []offer    `json:"offers,omitempty"`
}

type quantity struct {
	Type  string `json:"@type"`
	Value int32  `json:"value"`
	Unit  string `json:"unitCode"` // UN/CEFACT
}

type offer struct {
	Type          string         `json:"@type"`
	URL           string         `json:"url"`
	Price         string         `json:"price"`
	Currency      string         `json:"priceCurrency"`
	Availability  string         `json:"availability"`
	Condition     string         `json:"itemCondition"`
	Specification []specifyPrice `json:"priceSpecification,omitempty"`
}

type specifyPrice struct {
	Type      string `json:"@type"`
	PriceType string `json:"priceType,omitempty"`
	Price     string `json:"price"`
	Currency  string `json:"priceCurrency"`
}

// What a variant may vary by in schema.org's words; other options are
// properties of the variant.
var variesBy = map[string]string{
	"color": "color", "colour": "color", "size": "size", "material": "material", "pattern": "pattern",
}

// writeLinkedData writes a line with the product's ProductGroup: JSON-LD that a
// page can hold as it is. Offers are in all currencies unless one is chosen.
func writeLinkedData(w io.Writer, p product.Exported, s Setting) error {
	whole := item{p: &p.Document, s: s}
	page := s.Storefront + "/" + p.Slug
	g := productGroup{
		Context: "https://schema.org", Type: "ProductGroup", ID: page, GroupID: p.ID.String(), Name: plain(p.Name),
		Description: plain(p.Description), URL: page, Image: whole.images(), Category: strings.Join(whole.path(), " > "),
		Properties: properties(p.Attributes), Variants: make([]productItem, len(p.Variants)),
	}
	if p.Brand != nil {
		g.Brand = &named{"Brand", *p.Brand}
	}
	for _, option := range p.Options {
		if word := variesBy[strings.ToLower(option)]; word != "" {
			g.VariesBy = append(g.VariesBy, schemaOrg+word)
		}
	}
	for n, v := range p.Variants {
		g.Variants[n] = linkedItem(item{p: &p.Document, v: v, s: s, n: n})
	}
	// Escaped, so that a page can hold it within a script element.
	return json.NewEncoder(w).Encode(g)
}

func linkedItem(i item) productItem {
	l := productItem{
		Type: "Product", ID: i.s.Storefront + "/" + i.p.Slug + "#" + i.v.SKU, SKU: i.v.SKU, Name: i.title(), GTIN: i.gtin(), MPN: i.v.MPN,
		Image: i.image(0), Color: i.fact("color", "colour"), Size: i.fact("size"), Material: i.fact("material"), Pattern: i.fact("pattern"),
	}
	if i.v.WeightGrams != nil {
		l.Weight = &quantity{"QuantitativeValue", *i.v.WeightGrams, "GRM"}
	}
	others := map[string]any{}
	for option, value := range i.v.Options {
		if variesBy[strings.ToLower(option)] == "" {
			others[option] = value
		}
	}
	l.Properties = properties(others)
	for _, p := range i.v.AllPrices() {
		if i.s.Currency != "" && p.Price.Currency != i.s.Currency {
			continue
		}
		o := offer{
			Type: "Offer", URL: i.link(), Price: p.Price.Decimal(), Currency: p.Price.Currency,
			Availability: schemaOrg + availabilities[i.v.Availability], Condition: schemaOrg + conditions[i.condition()],
		}
		if p.CompareAt != nil && p.CompareAt.Amount > p.Price.Amount {
			o.Specification = []specifyPrice{specified("", p.Price), specified("StrikethroughPrice", *p.CompareAt)}
		}
		l.Offers = append(l.Offers, o)
	}
	return l
}

var availabilities = map[string]string{
	"in_stock": "InStock", "low_stock": "LimitedAvailability", "out_of_stock": "OutOfStock", "backorder": "BackOrder", "preorder": "PreOrder",
}

var conditions = map[string]string{"new": "NewCondition", "refurbished": "RefurbishedCondition", "used": "UsedCondition"}

func specified(kind string, m money.Money) specifyPrice {
	s := specifyPrice{Type: "UnitPriceSpecification", Price: m.Decimal(), Currency: m.Currency}
	if kind != "" {
		s.PriceType = schemaOrg + kind
	}
	return s
}

func properties(values map[string]any) []property {
	var list []property
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		if b, ok := value.(bool); ok {
			value = strconv.FormatBool(b)
		}
		list = append(list, property{"PropertyValue", name, value})
	}
	return list
}
