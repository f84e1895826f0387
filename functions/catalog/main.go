// Command catalog serves products, categories, attributes, prices and search,
// and takes imports.
package main

import (
	"net/url"
	"os"

	"github.com/mallhive/product-service/shared/money"
	"github.com/mallhive/product-service/shared/service"
)

type config struct {
	service.Config
	DefaultCurrency string `envconfig:"DEFAULT_CURRENCY" default:"USD" desc:"currency of listings that name none"`
	StorefrontURL   string `envconfig:"STOREFRONT_URL" default:"https://products.mallhive.com" desc:"where visitors see products; a product's page is its slug below it, in exports for Google and schema.org"`
}

// Check finds what cannot be used.
func (c *config) Check() error {
	if _, known := money.Exponent(c.DefaultCurrency); !known {
		return service.Wrong("DEFAULT_CURRENCY", "an ISO 4217 code such as USD")
	}
	if u, err := url.Parse(c.StorefrontURL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return service.Wrong("STOREFRONT_URL", "an absolute URL such as https://products.mallhive.com")
	}
	return nil
}

func main() {
	os.Exit(service.Main("catalog", "products, categories, attributes, prices, search, import", new(config), routes))
}
