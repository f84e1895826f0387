package reservation_test

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// believing is a writer that has, or has not, seen the latest version.
type believing struct{ err error }

func (b believing) Create() error      { return b.err }
func (b believing) Change(int64) error { return b.err }

// open finds a shelf, and makes the SKU and the shelf known where they are not.
func (b *books) open(sku, location string) *shelf {
	it := b.items[sku]
	if it == nil {
		it = &item{policy: stock.Policy{SKU: sku, Track: true, WhenOutOfStock: stock.Deny, LowStockThreshold: 5}, shelf: map[string]*shelf{}}
		b.items[sku] = it
	}
	if it.shelf[location] == nil {
		it.shelf[location] = &shelf{}
	}
	return it.shelf[location]
}

// look finds a shelf without making anything known.
func (b *books) look(sku, location string) shelf {
	if it := b.items[sku]; it != nil && it.shelf[location] != nil {
		return *it.shelf[location]
	}
	return shelf{}
}

func (w *world) count(r *rapid.T, c stock.Counting, stale bool) {
	expect := believing{}
	if stale {
		expect.err = fault.Stale("changed meanwhile")
	}
	_, created, err := stock.Put(context.Background(), w.db, stock.OfNobody("test", "count"), c, expect)
	if stale {
		refused(r, err, fault.Precondition, "version_mismatch")
		return
	}
	require.NoError(r, err)
	require.Equal(r, w.items[c.SKU] == nil || w.items[c.SKU].shelf[c.Location] == nil, created)
	w.open(c.SKU, c.Location).onHand = c.OnHand
	w.mayLack = true
}

func (w *world) adjust(r *rapid.T, a stock.Adjustment) {
	err := postgres.InTx(context.Background(), w.db, func(tx pgx.Tx) error {
		_, err := stock.Adjust(context.Background(), tx, stock.OfNobody("test", "adjust"), a)
		return err
	})
	switch {
	case w.items[a.SKU] == nil && a.Delta < 0:
		refused(r, err, fault.NotFound, "not_found")
	case w.look(a.SKU, a.Location).onHand+a.Delta < 0:
		refused(r, err, fault.Conflict, "insufficient_stock")
	default:
		require.NoError(r, err)
		w.open(a.SKU, a.Location).onHand += a.Delta
		w.mayLack = a.Delta < 0
	}
}

func (w *world) transfer(r *rapid.T, t stock.Transfer) {
	err := postgres.InTx(context.Background(), w.db, func(tx pgx.Tx) error {
		_, err := stock.MakeTransfer(context.Background(), tx, stock.OfNobody("test", "transfer"), t)
		return err
	})
	from := w.look(t.SKU, t.From)
	switch {
	case t.From == t.To:
		refused(r, err, fault.Invalid, "invalid")
	case w.items[t.SKU] == nil:
		refused(r, err, fault.NotFound, "not_found")
	case from.onHand-from.reserved < t.Quantity:
		refused(r, err, fault.Conflict, "insufficient_stock")
	default:
		require.NoError(r, err)
		w.open(t.SKU, t.From).onHand -= t.Quantity
		w.open(t.SKU, t.To).onHand += t.Quantity
	}
}

// setPolicy replaces a policy. What is held beyond the stock keeps its allowance
// as far as the limit goes; the rest of the limit lies on the first shelf.
func (w *world) setPolicy(r *rapid.T, p stock.Policy) {
	_, created, err := stock.SetPolicy(context.Background(), w.db, p, believing{})
	if p.WhenOutOfStock == stock.Deny && p.BackorderLimit != nil || p.WhenOutOfStock == stock.Preorder && p.AvailableOn == nil {
		refused(r, err, fault.Invalid, "invalid")
		return
	}
	require.NoError(r, err)
	require.Equal(r, w.items[p.SKU] == nil, created)
	limit := int64(0)
	switch {
	case p.BackorderLimit != nil:
		limit = *p.BackorderLimit
	case p.WhenOutOfStock != stock.Deny:
		limit = stock.MaxOnHand
	}
	if w.items[p.SKU] == nil {
		w.items[p.SKU] = &item{shelf: map[string]*shelf{}}
	}
	it := w.items[p.SKU]
	w.mayLack = limit < it.sum(func(s *shelf) int64 { return s.allowance })
	it.policy = p
	if limit > 0 && len(it.shelf) == 0 {
		w.open(p.SKU, w.places[0])
	}
	var first *shelf
	for _, at := range w.places {
		s := it.shelf[at]
		if s == nil {
			continue
		}
		if first == nil {
			first = s
		}
		s.allowance = min(max(s.reserved-s.onHand, 0), limit)
		limit -= s.allowance
	}
	if first != nil {
		first.allowance += limit
	}
}

// prefer changes the priority of a location.
func (w *world) prefer(r *rapid.T, code string, priority int32) {
	ctx := context.Background()
	l, err := stock.LocationOf(ctx, w.db, code)
	require.NoError(r, err)
	l.Priority = priority
	_, err = stock.ReplaceLocation(ctx, w.db, l)
	require.NoError(r, err)
	w.priorities[code] = priority
	slices.SortFunc(w.places, func(a, b string) int {
		return cmp.Or(cmp.Compare(w.priorities[a], w.priorities[b]), strings.Compare(a, b))
	})
}

// arrive lets a preorder's date pass.
func (w *world) arrive(r *rapid.T, sku string) {
	it := w.items[sku]
	if it == nil || it.policy.AvailableOn == nil {
		r.Skip("it is no preorder")
	}
	past := it.policy.AvailableOn.AddDate(-100, 0, 0)
	_, err := w.owner.Exec(context.Background(), `update inventory.stock set available_on = $2 where sku = $1`, sku, past)
	require.NoError(r, err)
	it.policy.AvailableOn = &past
}
