package main

import (
	"context"
	"net/http"

	"github.com/mallhive/product-service/functions/inventory/internal/availability"
	"github.com/mallhive/product-service/shared/web"
)

// quickAvailability answers carts as they usually are: huma reads and checks a
// body for every case, which costs more than the answer. Whatever is unusual or
// wrong is left to huma, so there is nothing here that tells a fault.
func quickAvailability(checker *availability.Checker, defaultCurrency string) func(context.Context, http.ResponseWriter, *http.Request) bool {
	return func(ctx context.Context, w http.ResponseWriter, r *http.Request) bool {
		body, whole := web.SmallBody(w, r)
		if !whole {
			return false
		}
		cart, usual := readCart(body)
		if !usual {
			return false
		}
		if cart.currency == "" {
			cart.currency = defaultCurrency
		}
		if !cart.holdsMoneyOf(cart.currency) {
			return false
		}
		report, err := checker.Check(ctx, cart.currency, cart.wishes)
		if err != nil {
			web.WriteProblem(w, r, err)
			return true
		}
		web.SendOnce(w, appendAvailability(make([]byte, 0, 256*(1+len(report.Lines))), availabilityDocOf(report)))
		return true
	}
}
