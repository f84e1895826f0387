// Package product is what a product is: its document, its rules, and each
// operation on it in a file of its own. It owns catalog.products,
// catalog.old_slugs and catalog.variants.
package product

import (
	"time"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/functions/catalog/internal/price"
	"github.com/mallhive/product-service/shared/money"
)

// The states a writer can put a product in.
const (
	Draft    = "draft"
	Active   = "active"
	Archived = "archived"
)

// Document is a product as it is written, imported and read back. What is
// marked readOnly is ours: it may stand in what is sent and is ignored there.
type Document struct {
	ID          *uuid.UUID     `json:"id,omitempty" readOnly:"true" example:"0198c5a2-7c1e-7d4a-9f43-2b1f0a6d5e11"`
	ExternalID  *string        `json:"external_id" required:"false" maxLength:"200" doc:"Id in the system it comes from; imports are keyed by it" example:"icecat:3920564"`
	Slug        string         `json:"slug" required:"false" maxLength:"200" doc:"Name in addresses; derived from the name when missing" example:"xerox-006r90321"`
	Name        string         `json:"name" minLength:"1" maxLength:"500" example:"Xerox 006R90321 toner cartridge"`
	Description string         `json:"description" required:"false" maxLength:"65536" doc:"Text; HTML in it is data, escape it when you show it"`
	Brand       *string        `json:"brand" required:"false" maxLength:"200" example:"Xerox"`
	Status      string         `json:"status" required:"false" enum:"draft,active,archived" default:"draft"`
	PublishAt   *time.Time     `json:"publish_at" required:"false" doc:"Not shown before"`
	UnpublishAt *time.Time     `json:"unpublish_at" required:"false" doc:"No longer shown from then on"`
	PublishedAt *time.Time     `json:"published_at" required:"false" doc:"When it was first shown; ours unless given"`
	Featured    bool           `json:"featured" required:"false"`
	Categories  []string       `json:"categories" required:"false" maxItems:"50" doc:"Slugs" example:"[\"toner\"]"`
	Attributes  map[string]any `json:"attributes" required:"false" doc:"By attribute code: a text or a list of texts, a number, a boolean"`
	Media       []Media        `json:"media" required:"false" maxItems:"100"`
	Options     []string       `json:"options" required:"false" maxItems:"5" doc:"What its variants differ by" example:"[\"size\",\"colour\"]"`
	Variants    []Variant      `json:"variants" required:"false" maxItems:"500"`

	Version     int64            `json:"version,omitempty" readOnly:"true"`
	CreatedAt   *time.Time       `json:"created_at,omitempty" readOnly:"true"`
	UpdatedAt   *time.Time       `json:"updated_at,omitempty" readOnly:"true"`
	Breadcrumbs []category.Crumb `json:"breadcrumbs,omitempty" readOnly:"true" doc:"The way to its first category"`
	Price       *money.Money     `json:"price,omitempty" readOnly:"true" doc:"In lists: the lowest price of a matching variant"`
	CompareAt   *money.Money     `json:"compare_at,omitempty" readOnly:"true" doc:"In lists: what that price is compared with"`
}

// Media is a picture or film of a product.
type Media struct {
	Kind string `json:"kind" required:"false" enum:"image,video,model,document" default:"image"`
	URL  string `json:"url" maxLength:"2000" doc:"http or https" example:"https://images.example.com/xerox-006r90321.jpg"`
	Alt  string `json:"alt,omitempty" maxLength:"500"`
}

// Variant is what is sold.
type Variant struct {
	ID           *uuid.UUID        `json:"id,omitempty" readOnly:"true"`
	SKU          string            `json:"sku" pattern:"^[A-Za-z0-9._~-]{1,64}$" doc:"Unique, and its product's for ever" example:"ICE-3920564"`
	MPN          string            `json:"mpn,omitempty" maxLength:"500" doc:"The maker's part number" example:"006R90321"`
	GTINs        []string          `json:"gtins" required:"false" maxItems:"500" doc:"GTIN-8, -12, -13 or -14; leading zeros may be missing" example:"[\"0095205603217\"]"`
	Options      map[string]string `json:"options" required:"false" doc:"A value for each of the product's options"`
	Price        *money.Money      `json:"price,omitempty" doc:"Short for prices with one currency. Read: what it costs now, which a sale may decide; written: its base price"`
	CompareAt    *money.Money      `json:"compare_at,omitempty" doc:"The price before; goes with price"`
	Prices       []price.Price     `json:"prices,omitempty" nullable:"false" maxItems:"200" doc:"One for each currency. Read: what it costs now; written: base prices, and currencies that are not named keep theirs"`
	WeightGrams  *int32            `json:"weight_grams,omitempty" minimum:"0"`
	Availability string            `json:"availability,omitempty" readOnly:"true" enum:"in_stock,low_stock,out_of_stock,backorder,preorder"`
}

// AllPrices is the variant's prices whichever way they were written.
func (v Variant) AllPrices() []price.Price {
	if v.Price == nil {
		return v.Prices
	}
	return append([]price.Price{{Price: *v.Price, CompareAt: v.CompareAt}}, v.Prices...)
}

// Normalise fills what may be left out, so that documents that mean the same
// are the same.
func (d *Document) Normalise() {
	if d.Status == "" {
		d.Status = Draft
	}
	if d.Brand != nil && *d.Brand == "" {
		d.Brand = nil
	}
	if d.ExternalID != nil && *d.ExternalID == "" {
		d.ExternalID = nil
	}
	d.Categories, d.Options = filled(d.Categories), filled(d.Options)
	d.Media, d.Variants = filled(d.Media), filled(d.Variants)
	if d.Attributes == nil {
		d.Attributes = map[string]any{}
	}
	for code, value := range d.Attributes {
		if value == nil {
			delete(d.Attributes, code)
		}
	}
	for i := range d.Media {
		if d.Media[i].Kind == "" {
			d.Media[i].Kind = "image"
		}
	}
	for i := range d.Variants {
		v := &d.Variants[i]
		v.GTINs = filled(v.GTINs)
		if v.Options == nil {
			v.Options = map[string]string{}
		}
	}
	for _, t := range []**time.Time{&d.PublishAt, &d.UnpublishAt, &d.PublishedAt} {
		if *t != nil {
			// PostgreSQL keeps microseconds.
			utc := (*t).UTC().Truncate(time.Microsecond)
			*t = &utc
		}
	}
}

func filled[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Key is what an import finds the product by.
func (d Document) Key() string {
	switch {
	case d.ExternalID != nil:
		return *d.ExternalID
	case d.Slug != "":
		return d.Slug
	case len(d.Variants) > 0:
		return d.Variants[0].SKU
	}
	return ""
}

// Names are what no two documents of one write may share.
func (d Document) Names() []string {
	var names []string
	if d.ExternalID != nil {
		names = append(names, "external_id:"+*d.ExternalID)
	}
	if d.Slug != "" {
		names = append(names, "slug:"+d.Slug)
	}
	for _, v := range d.Variants {
		names = append(names, "sku:"+v.SKU)
	}
	return names
}

// Guesses are the slugs that it may be given because it has none.
func (d Document) Guesses() []string {
	if d.Slug != "" {
		return nil
	}
	var names []string
	for _, s := range slugCandidates(d) {
		names = append(names, "slug:"+s)
	}
	return names
}

// Item is a product as a list shows it.
type Item struct {
	Document
	Price *money.Money `json:"price" doc:"The lowest price of a matching variant; null without one in the currency"`
}
