package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/importer"
	"github.com/mallhive/product-service/functions/catalog/internal/price"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/fault"
)

// priceRow is a row of an import of prices.
type priceRow struct {
	SKU  string `json:"sku" pattern:"^[A-Za-z0-9._~-]{1,64}$" example:"ICE-3920564"`
	Kind string `json:"kind,omitempty" enum:"base,sale" default:"base" doc:"A base price holds until the next one; a sale goes before it while it holds"`
	price.Price
	StartsAt *time.Time `json:"starts_at,omitempty" doc:"When it begins: a time to come, or left out for now" example:"2026-11-27T00:00:00Z"`
	EndsAt   *time.Time `json:"ends_at,omitempty" doc:"Of a sale: it holds until before then" example:"2026-12-01T00:00:00Z"`
}

func (r *priceRow) check(faults *fault.List) {
	if !product.ValidSKU(r.SKU) {
		faults.Add("/sku", "pattern", "1 to 64 of A-Z, a-z, 0-9 and . _ ~ -")
	}
	sale := salePrice{Price: r.Price, StartsAt: r.StartsAt, EndsAt: r.EndsAt}
	sale.check(faults)
	r.StartsAt, r.EndsAt = sale.StartsAt, sale.EndsAt
	switch {
	case r.Kind == "":
		r.Kind = price.Base
	case r.Kind != price.Base && r.Kind != price.Sale:
		faults.Add("/kind", "not_allowed", "base or sale")
	}
	if r.Kind == price.Base && r.EndsAt != nil {
		faults.Add("/ends_at", "not_allowed", "a base price holds until the next one")
	}
}

func (c *catalog) priceKind() importer.Kind[priceRow] {
	return importer.Kind[priceRow]{
		Read: func(line []byte) (priceRow, string, error) {
			r, form, err := c.priceRows.read(line)
			if err != nil {
				return r, "", err
			}
			var rules fault.List
			r.check(&rules)
			return r, r.SKU, merged(form, rules).Err()
		},
		Names: func(r priceRow) []string {
			start := "now"
			if r.StartsAt != nil {
				start = r.StartsAt.String()
			}
			return []string{r.SKU + " " + r.Price.Price.Currency + " " + r.Kind + " " + start}
		},
		// Rows of one variant go by their order, in one set or in several.
		Independent: true,
		Guesses:     func(r priceRow) []string { return []string{r.SKU} },
		SaveAll: func(ctx context.Context, tx pgx.Tx, rows []priceRow) ([]importer.Outcome, error) {
			intents := make([]product.PriceIntent, len(rows))
			for i, r := range rows {
				intents[i] = product.PriceIntent{
					SKU: r.SKU, Kind: r.Kind, Price: r.Price, StartsAt: r.StartsAt, EndsAt: r.EndsAt, Again: true, Allow: anyVersion,
				}
			}
			saved, err := product.Reprice(ctx, tx, intents)
			outcomes := make([]importer.Outcome, len(saved))
			for i, s := range saved {
				outcomes[i] = importer.Outcome{Result: s.Result, Fault: s.Fault}
				if fault.Is(s.Fault, fault.NotFound) || fault.Is(s.Fault, fault.Gone) {
					outcomes[i].Fault = fault.InvalidInput(fault.At("/sku", "unknown_sku", "%s", fault.As(s.Fault).Detail))
				}
			}
			return outcomes, err
		},
	}
}
