package reservation_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

var rules = reservation.Rules{TTL: 15 * time.Minute, MaxTTL: 24 * time.Hour}

// given opens locations with stock: location, sku, on hand.
func given(t testing.TB, db postgres.DB, levels ...stock.Counting) {
	t.Helper()
	ctx := context.Background()
	for i, l := range levels {
		_, err := stock.CreateLocation(ctx, db, stock.Location{Code: l.Location, Name: l.Location, Priority: int32(i)})
		require.True(t, err == nil || fault.Is(err, fault.Precondition), err)
	}
	require.NoError(t, count(db, levels...))
}

func count(db postgres.DB, levels ...stock.Counting) error {
	ctx := context.Background()
	tx, err := db.Begin(ctx)
	if err != nil {
		return err
	}
	if _, err := stock.CountAll(ctx, tx, stock.OfNobody("test", "count"), levels); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// shelf is what a model knows of a SKU, over both of its locations.
type shelf struct{ onHand, reserved int64 }

// world is the model: what every order and every SKU must be like.
type world struct {
	db      *postgres.Pool
	shelves map[string]*shelf
	orders  map[string]*modelOrder
	n       int
	run     int
}

func (w *world) name(of string) string { return fmt.Sprintf("%06d-%s", w.run, of) }

type modelOrder struct {
	state          string
	late           bool // its time is over and nobody has recorded it
	lines          map[string]int64
	placed         event.Event
	cancelledFirst bool
}

func (w *world) free(sku string) int64 {
	s := w.shelves[sku]
	n := s.onHand - s.reserved
	for _, o := range w.orders {
		if o.late {
			n += o.lines[sku]
		}
	}
	return n
}

func (w *world) fits(lines map[string]int64) bool {
	for sku, q := range lines {
		if w.free(sku) < q {
			return false
		}
	}
	return true
}

func (w *world) unreserve(o *modelOrder) {
	for sku, q := range o.lines {
		w.shelves[sku].reserved -= q
	}
}

func (w *world) place(r *rapid.T, id string, lines map[string]int64) {
	a, err := reservation.Place(context.Background(), w.db, rules, orderOf(id, lines))
	o := w.orders[id]
	switch {
	case o == nil:
		require.NoError(r, err)
		o = &modelOrder{state: "rejected", lines: lines, placed: a.Reply}
		if w.fits(lines) {
			o.state = "locked"
			for sku, q := range lines {
				w.shelves[sku].reserved += q
			}
		}
		require.Equal(r, o.state, a.Data.State)
		w.orders[id] = o
	case o.cancelledFirst:
		require.NoError(r, err)
		require.Equal(r, "order_cancelled", a.Data.Reason)
	case fmt.Sprint(o.lines) != fmt.Sprint(lines):
		require.True(r, fault.Is(err, fault.Conflict), err)
	default:
		require.NoError(r, err)
		require.Equal(r, o.placed, a.Reply)
	}
}

func (w *world) pay(r *rapid.T, id string) {
	w.n++
	a, err := reservation.Apply(context.Background(), w.db, reservation.Message{Step: reservation.Paid, OrderID: id, Source: "/test", ID: fmt.Sprint(w.n)})
	o := w.orders[id]
	if o == nil {
		require.True(r, fault.Is(err, fault.Unavailable), err)
		return
	}
	require.NoError(r, err)
	sold := o.state == "committed"
	switch {
	case o.state == "locked" && !o.late:
		w.unreserve(o)
		sold = true
	case o.state == "expired" || o.late:
		w.recordExpiry(o)
		if sold = w.fits(o.lines); !sold {
			require.Equal(r, "expired", a.Data.Reason)
		}
	}
	require.Equal(r, sold, !a.Refused(), "%s %v", o.state, a.Data)
	if sold && o.state != "committed" {
		for sku, q := range o.lines {
			w.shelves[sku].onHand -= q
		}
		o.state = "committed"
	}
}

func (w *world) recordExpiry(o *modelOrder) {
	if o.late {
		w.unreserve(o)
		o.late, o.state = false, "expired"
	}
}

func (w *world) cancel(r *rapid.T, id string) {
	w.n++
	a, err := reservation.Apply(context.Background(), w.db, reservation.Message{Step: reservation.Cancelled, OrderID: id, Source: "/test", ID: fmt.Sprint(w.n)})
	require.NoError(r, err)
	require.Equal(r, "released", a.Data.State)
	o := w.orders[id]
	if o == nil {
		w.orders[id] = &modelOrder{state: "released", cancelledFirst: true}
		return
	}
	w.recordExpiry(o)
	for sku, q := range o.lines {
		switch o.state {
		case "locked":
			w.shelves[sku].reserved -= q
		case "committed":
			w.shelves[sku].onHand += q
		}
	}
	o.state = "released"
}

// check compares the database with the model.
func (w *world) check(r *rapid.T) {
	ctx := context.Background()
	found, err := stock.Read(ctx, w.db, slices.Collect(maps.Keys(w.shelves)))
	require.NoError(r, err)
	for sku, s := range w.shelves {
		require.Equal(r, s.onHand, found[sku].OnHand(), sku)
		require.Equal(r, w.free(sku), found[sku].Available(), sku)
	}
	all, err := reservation.List(ctx, w.db, reservation.Filter{}, w.name(""), len(w.orders))
	require.NoError(r, err)
	require.Len(r, all, len(w.orders))
	for _, got := range all {
		o := w.orders[got.OrderID]
		want := o.state
		if o.late {
			want = "expired"
		}
		require.Equal(r, want, got.State, got.OrderID)
	}
	differences, err := stock.Audit(ctx, w.db, 10)
	require.NoError(r, err)
	require.Empty(r, differences)
}

// age makes a reservation one whose time is over.
func age(t require.TestingT, owner postgres.DB, order string) {
	for _, table := range []string{"reservations", "reservation_lines"} {
		_, err := owner.Exec(context.Background(), `update inventory.`+table+`
			set expires_at = now() - interval '1 second'
			where order_id = $1 and expires_at is not null`, order)
		require.NoError(t, err)
	}
}

func orderOf(id string, lines map[string]int64) reservation.Order {
	o := reservation.Order{ID: id, Actor: "test"}
	for sku, q := range lines {
		o.Lines = append(o.Lines, event.OrderLine{SKU: sku, Quantity: q})
	}
	return o
}

func TestAnySequenceOfMessagesKeepsTheBooks(t *testing.T) {
	t.Parallel()
	base := testdb.New(t)
	db, owner := base.Pool(t, "inventory"), base.Owner(t)
	ctx := context.Background()
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		// Each run has SKUs and orders of its own, and leaves them to the audit.
		run++
		w := &world{db: db, run: run, orders: map[string]*modelOrder{}}
		w.shelves = map[string]*shelf{w.name("A"): {onHand: 10}, w.name("B"): {onHand: 5}, w.name("C"): {onHand: 1}}
		given(t, db, stock.Counting{SKU: w.name("A"), Location: "near", OnHand: 4}, stock.Counting{SKU: w.name("A"), Location: "far", OnHand: 6})
		require.NoError(t, count(db,
			stock.Counting{SKU: w.name("B"), Location: "near", OnHand: 5}, stock.Counting{SKU: w.name("C"), Location: "far", OnHand: 1}))
		id := rapid.Custom(func(r *rapid.T) string {
			return w.name(rapid.SampledFrom([]string{"o1", "o2", "o3", "o4", "o5"}).Draw(r, "order"))
		})
		sku := rapid.Custom(func(r *rapid.T) string { return w.name(rapid.SampledFrom([]string{"A", "B", "C"}).Draw(r, "sku")) })
		r.Repeat(map[string]func(*rapid.T){
			"place": func(r *rapid.T) {
				lines := rapid.MapOfN(sku, rapid.Int64Range(1, 5), 1, 3).Draw(r, "lines")
				w.place(r, id.Draw(r, "order"), lines)
			},
			"place again": func(r *rapid.T) {
				o := id.Draw(r, "order")
				if m := w.orders[o]; m != nil && !m.cancelledFirst {
					w.place(r, o, m.lines)
				}
			},
			"pay":    func(r *rapid.T) { w.pay(r, id.Draw(r, "order")) },
			"cancel": func(r *rapid.T) { w.cancel(r, id.Draw(r, "order")) },
			"grow old": func(r *rapid.T) {
				o := id.Draw(r, "order")
				if m := w.orders[o]; m != nil && m.state == "locked" {
					age(r, owner, o)
					m.late = true
				}
			},
			"tick": func(r *rapid.T) {
				_, err := reservation.ExpireDue(ctx, db, 100)
				require.NoError(r, err)
				for _, o := range w.orders {
					w.recordExpiry(o)
				}
			},
			"": w.check,
		})
	})
}
