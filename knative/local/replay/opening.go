package replay

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mallhive/product-service/knative/local/importer"
)

// open finds out which pass this is, counts the opening stock in on the first,
// and takes the books down as they are before anything is sent.
func (r *replay) open(ctx context.Context) error {
	known, err := r.reader.reservations(ctx, r.orders)
	if err != nil {
		return err
	}
	switch len(known) {
	case 0:
		r.say("first pass: opening stock of %d for each SKU at main", r.options.Stock)
		if err := r.countIn(ctx); err != nil {
			return err
		}
	case len(r.orders):
		r.say("a later pass: every order has its outcome, the stock stays as it is")
	default:
		r.say("continuing: %d of %d orders have their outcome, the stock stays as it is", len(known), len(r.orders))
	}
	if r.before, err = r.reader.read(ctx, r.orders); err != nil {
		return err
	}
	r.others = foreign(r.before)
	if len(r.others) > 0 {
		r.say("%d SKUs are also held or were bought by other orders; that is kept apart", len(r.others))
	}
	if len(known) == 0 {
		return r.checkOpening()
	}
	r.replies, err = r.answers.ofOrders(ctx, r.options.Concurrency, r.orders)
	return err
}

// countIn sets the stock through the import that operators use, from a file of
// its own. What other orders have reserved is counted on top, so that it does
// not become a shortfall.
func (r *replay) countIn(ctx context.Context) error {
	present, err := r.reader.levels(ctx, r.skus)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "replay-stock-")
	if err != nil {
		return fmt.Errorf("opening stock: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := writeStock(filepath.Join(dir, "stock.ndjson"), r.skus, r.options.Stock, present); err != nil {
		return fmt.Errorf("opening stock: %w", err)
	}
	return importer.Run(ctx, importer.Options{
		Dir: dir, FrontURL: r.options.FrontURL, Token: r.options.Token, Out: r.out,
	})
}

func writeStock(path string, skus []string, opening int64, present map[string]Level) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	rows := bufio.NewWriter(file)
	encoder := json.NewEncoder(rows)
	for _, sku := range skus {
		row := map[string]any{"sku": sku, "location": "main", "on_hand": opening + present[sku].Reserved}
		if err := encoder.Encode(row); err != nil {
			_ = file.Close()
			return err
		}
	}
	if err := rows.Flush(); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}

// checkOpening makes sure that the stock was taken before orders depend on it.
func (r *replay) checkOpening() error {
	for _, sku := range r.skus {
		if level, ok := r.before.Levels[sku]; !ok || level.OnHand < r.options.Stock {
			return fmt.Errorf("opening stock: %s has %d on hand, not %d", sku, level.OnHand, r.options.Stock)
		}
	}
	return nil
}
