package replay

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mallhive/product-service/knative/local/client"
)

const lookupSize = 250

// reader reads the books over HTTP, as any operator could.
type reader struct {
	service *client.Client
	workers int
}

// read takes down everything about these orders and SKUs.
func (r reader) read(ctx context.Context, orders []Order) (Books, error) {
	skus := skusOf(orders)
	var b Books
	var err error
	if b.Reservations, err = r.reservations(ctx, orders); err != nil {
		return b, err
	}
	if b.Levels, err = r.levels(ctx, skus); err != nil {
		return b, err
	}
	if b.Ledger, err = r.ledger(ctx, skus, b.Levels); err != nil {
		return b, err
	}
	b.Audit, err = r.audit(ctx)
	return b, err
}

// each calls do for every item, some at a time, and stops at the first error.
func each[T any](ctx context.Context, workers int, items []T, do func(context.Context, T) error) error {
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for _, item := range items {
		if inner.Err() != nil {
			break
		}
		group.Go(func() error { return do(inner, item) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

func (r reader) reservations(ctx context.Context, orders []Order) (map[string]Reservation, error) {
	var mu sync.Mutex
	found := make(map[string]Reservation, len(orders))
	err := each(ctx, r.workers, orders, func(ctx context.Context, o Order) error {
		var one Reservation
		err := r.service.Get(ctx, "/v1/reservations/"+url.PathEscape(o.OrderID), &one)
		if client.IsStatus(err, http.StatusNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		found[o.OrderID] = one
		return nil
	})
	return found, err
}

func (r reader) levels(ctx context.Context, skus []string) (map[string]Level, error) {
	var mu sync.Mutex
	found := make(map[string]Level, len(skus))
	batches := slices.Collect(slices.Chunk(skus, lookupSize))
	err := each(ctx, r.workers, batches, func(ctx context.Context, batch []string) error {
		var page struct {
			Items []Level `json:"items"`
		}
		body := map[string]any{"skus": batch}
		if err := r.service.Call(ctx, http.MethodPost, "/v1/stock:lookup", body, &page); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, level := range page.Items {
			found[level.SKU] = level
		}
		return nil
	})
	return found, err
}

// movement is a row of the ledger.
type movement struct {
	Kind          string `json:"kind"`
	OnHandDelta   int64  `json:"on_hand_delta"`
	ReservedDelta int64  `json:"reserved_delta"`
	OnHandAfter   int64  `json:"on_hand_after"`
	ReservedAfter int64  `json:"reserved_after"`
}

func (r reader) ledger(ctx context.Context, skus []string, levels map[string]Level) (map[string]Entries, error) {
	var mu sync.Mutex
	all := make(map[string]Entries, len(skus))
	err := each(ctx, r.workers, skus, func(ctx context.Context, sku string) error {
		if _, known := levels[sku]; !known {
			return nil
		}
		entries, err := r.entries(ctx, sku)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		all[sku] = entries
		return nil
	})
	return all, err
}

// entries adds up the whole ledger of a SKU, page after page.
func (r reader) entries(ctx context.Context, sku string) (Entries, error) {
	var sum Entries
	cursor := ""
	for {
		var page struct {
			Items      []movement `json:"items"`
			NextCursor *string    `json:"next_cursor"`
		}
		path := "/v1/stock/" + url.PathEscape(sku) + "/movements?limit=100" + cursor
		if err := r.service.Get(ctx, path, &page); err != nil {
			return sum, err
		}
		for _, m := range page.Items {
			sum.add(m)
		}
		if page.NextCursor == nil || *page.NextCursor == "" {
			return sum, nil
		}
		cursor = "&cursor=" + url.QueryEscape(*page.NextCursor)
	}
}

// add judges a movement by what it is: what orders do sells and holds, anything
// else supplies.
func (e *Entries) add(m movement) {
	e.Held += m.ReservedDelta
	e.Negative = e.Negative || m.OnHandAfter < 0 || m.ReservedAfter < 0
	switch m.Kind {
	case "reserve", "release", "expire":
	case "commit", "return":
		e.Sold -= m.OnHandDelta
	default:
		e.Supplied += m.OnHandDelta
	}
}

func (r reader) audit(ctx context.Context) (int, error) {
	var found struct {
		Items []any `json:"items"`
	}
	if err := r.service.Get(ctx, "/v1/stock:audit", &found); err != nil {
		return 0, fmt.Errorf("audit: %w", err)
	}
	return len(found.Items), nil
}
