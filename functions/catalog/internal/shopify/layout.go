// Package shopify reads and writes products in the layout of Shopify's product
// CSV: a line for each variant and each further image, the product's own values
// on its first line. What the layout holds comes back as it went out.
//
//	Handle            slug
//	Title             name
//	Body (HTML)       description, as it is
//	Vendor            brand
//	Tags, Type        categories: slugs, or names that make them
//	Published, Status status
//	OptionN Name/Value options; "Title", "Default Title" stands for none
//	Variant …         SKU, weight, price and compare-at price in one currency, first GTIN
//	Image …           media of kind image
package shopify

import "strings"

// Columns that are read; others are left unread.
const (
	handle    = "handle"
	title     = "title"
	body      = "body (html)"
	vendor    = "vendor"
	kind      = "type"
	tags      = "tags"
	published = "published"
	sku       = "variant sku"
	grams     = "variant grams"
	price     = "variant price"
	compareAt = "variant compare at price"
	barcode   = "variant barcode"
	image     = "image src"
	imagePos  = "image position"
	imageAlt  = "image alt text"
	status    = "status"
)

// maxOptions is how many options have columns: Shopify's three, and two that
// its own files never have.
const maxOptions = 5

const (
	noOption      = "Title"
	noOptionValue = "Default Title"
)

func optionName(n int) string  { return "option" + string(rune('0'+n)) + " name" }
func optionValue(n int) string { return "option" + string(rune('0'+n)) + " value" }

// header is what is written. Options beyond Shopify's come last.
var header = [...]string{
	"Handle", "Title", "Body (HTML)", "Vendor", "Type", "Tags", "Published",
	"Option1 Name", "Option1 Value", "Option2 Name", "Option2 Value", "Option3 Name", "Option3 Value",
	"Variant SKU", "Variant Grams", "Variant Inventory Tracker", "Variant Inventory Policy", "Variant Fulfillment Service",
	"Variant Price", "Variant Compare At Price", "Variant Requires Shipping", "Variant Taxable", "Variant Barcode",
	"Image Src", "Image Position", "Image Alt Text", "Gift Card", "Status",
	"Option4 Name", "Option4 Value", "Option5 Name", "Option5 Value",
}

// columns is the header as columns are looked up.
var columns = strings.Split(strings.ToLower(strings.Join(header[:], ",")), ",")

// Header is the first line.
func Header() string { return strings.Join(header[:], ",") + "\n" }

// A cell that begins like a formula acts when a spreadsheet opens the file.
// Texts of people get an apostrophe in front, which reading takes away.
func guarded(s string) string {
	if formula(s) {
		return "'" + s
	}
	return s
}

func unguarded(s string) string {
	if strings.HasPrefix(s, "'") && formula(s[1:]) {
		return s[1:]
	}
	return s
}

func formula(s string) bool {
	rest := strings.TrimLeft(s, "'")
	if rest == "" {
		return false
	}
	switch rest[0] {
	case '=', '@', '\t', '\r':
		return true
	case '+', '-': // a list or a sentence goes on with a space
		return len(rest) > 1 && rest[1] != ' ' && rest[1] != '\n'
	}
	return false
}
