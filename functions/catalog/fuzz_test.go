package main

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/functions/catalog/internal/listing"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/fault"
)

// FuzzProductRow holds what is accepted as a product to what can be written as
// one again: the export, the event and the answer are made of it.
func FuzzProductRow(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `{}`, pan, `{"name":"x"}`, `{"name":"x","publish_at":"9999-12-31T23:59:59-23:59"}`, `{"name":"x","attributes":{"\u0000":1}}`,
		`{"name":"x","variants":[{"sku":"A","price":{"amount":9223372036854775807,"currency":"USD"}}]}`, `{"name":"x","media":[{"kind":"image","url":"%zz"}]}`,
		`{"sku":"A","kind":"sale","price":{"amount":1,"currency":"JPY"},"starts_at":"9999-12-31T23:59:59-23:59","ends_at":"0000-01-01T00:00:00Z"}`,
	} {
		f.Add([]byte(seed))
	}
	c := &catalog{products: newReader[product.Document](), categories: newReader[category.Category](), priceRows: newReader[priceRow]()}
	f.Fuzz(func(t *testing.T, line []byte) {
		d, err := c.readProduct(line)
		if err != nil {
			require.True(t, fault.Is(err, fault.Malformed) || fault.Is(err, fault.Invalid), "%v", err)
			require.NotPanics(t, func() { _ = d.Key() })
		} else {
			again, err := json.Marshal(d)
			require.NoError(t, err)
			_, err = c.readProduct(again)
			require.NoError(t, err, "%s", again)
		}
		if _, _, err := c.priceKind().Read(line); err != nil {
			require.True(t, fault.Is(err, fault.Malformed) || fault.Is(err, fault.Invalid), "%v", err)
		}
		if _, err := c.readCategory(line); err != nil {
			require.True(t, fault.Is(err, fault.Malformed) || fault.Is(err, fault.Invalid), "%v", err)
		}
	})
}

func FuzzFilters(f *testing.F) {
	for _, seed := range []string{"", "attr.a=1", "attr.a.min=1&attr.a.max=NaN", "attr.=", "attr.a.b.c=1", "attr.a.min=1e999", "dry_run=true&results=failed", "dry_run=x", "%00=1", "attr.a.min"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		var q listing.Query
		faults := 0
		attributeFilters(&q, values, func(string, string, string) { faults++ })
		for _, r := range q.Ranges {
			for _, bound := range []*float64{r.Min, r.Max} {
				if bound != nil {
					_, err := json.Marshal(*bound)
					require.NoError(t, err, "a bound is a number")
				}
			}
		}
	})
}
