package reservation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// maxRounds bounds how often a decision begins anew because it needs stock
// that is held by reservations past their expiry.
const maxRounds = 5

func inRounds(ctx context.Context, db postgres.DB, do func(pgx.Tx, needed) error) error {
	return rounds(func(short needed) error {
		return postgres.InTx(ctx, db, func(tx pgx.Tx) error { return do(tx, short) })
	})
}

func rounds(try func(short needed) error) error {
	short := needed{}
	for range maxRounds {
		err := try(short)
		var more needed
		switch {
		case errors.As(err, &more):
			for sku, quantity := range more {
				short[sku] += quantity
			}
		case postgres.IsUnique(err, "reservations_pkey"):
			// Somebody else has decided one of the orders meanwhile: now it is known.
		default:
			return err
		}
	}
	return fault.Passing(short, time.Second, "too many reservations change at once")
}

// needed is stock that must be taken from reservations past their expiry, by
// SKU, before a decision can be made. As an error it begins the decision anew,
// because those reservations are locked before any stock is.
type needed map[string]int64

func (n needed) Error() string {
	return fmt.Sprintf("%d skus are held by overdue reservations", len(n))
}

// shortOf are the SKUs of which less lies there than all want.
func shortOf(book *stock.Book, fresh map[string]*placing) []string {
	wanted := map[string]int64{}
	for _, p := range fresh {
		for _, l := range p.lines {
			wanted[l.SKU] += l.Quantity
		}
	}
	var short []string
	for sku, quantity := range wanted {
		if quantity > book.InStock(sku) {
			short = append(short, sku)
		}
	}
	return short
}

func skusOf(fresh map[string]*placing, late map[string]*record) []string {
	seen := map[string]bool{}
	var skus []string
	add := func(sku string) {
		if !seen[sku] {
			seen[sku] = true
			skus = append(skus, sku)
		}
	}
	for _, p := range fresh {
		for _, l := range p.lines {
			add(l.SKU)
		}
	}
	for _, r := range late {
		for _, l := range r.lines {
			add(l.SKU)
		}
	}
	return skus
}
