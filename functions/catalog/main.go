// Command catalog serves products, categories, attributes, prices and search,
// and takes imports.
package main

import (
	"os"

	"github.com/mallhive/product-service/shared/money"
	"github.com/mallhive/product-service/shared/service"
)

type config struct {
	service.Config
	DefaultCurrency string `envconfig:"DEFAULT_CURRENCY" default:"USD" desc:"currency of listings that name none"`
}

// Check finds what cannot be used.
func (c *config) Check() error {
	if _, known := money.Exponent(c.DefaultCurrency); !known {
		return service.Wrong("DEFAULT_CURRENCY", "an ISO 4217 code such as USD")
	}
	return nil
}

func main() {
	os.Exit(service.Main("catalog", "products, categories, attributes, prices, search, import", new(config), routes))
}
