package reservation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
)

// What the database has, in one statement and one snapshot.
const readAll = `
	select
		(select coalesce(array_agg(format('%s at %s: %s on hand, %s reserved, %s allowed, %s lacking',
			sku, location, on_hand, reserved, backorder_allowance, shortfall)), '{}') from inventory.levels) as levels,
		(select coalesce(array_agg(format('%s: %s at "%s": %s held, %s owed, %s cancelled, %s sold, %s returned',
			order_id, sku, location, held, owed, released, sold, returned)), '{}') from inventory.reservation_lines) as parts,
		(select coalesce(array_agg(sku || ' ' || availability), '{}') from inventory.sellability) as words,
		(select coalesce(array_agg(type || ' ' || subject), '{}') from events.outbox where position > @told) as told,
		(select coalesce(max(position), @told) from events.outbox) as position,
		(select coalesce(json_object_agg(sku || ' ' || location, shortfall), '{}') from inventory.levels) as shortfalls,
		(select coalesce(json_object_agg(what, reply), '{}') from (
			select order_id as what, placed::text as reply from inventory.reservations where placed is not null
			union all
			select order_id || ' ' || id, reply::text from inventory.messages) m) as replies,
		(select coalesce(array_agg(sku || ' ' || location), '{}') from inventory.levels
			where reserved > on_hand + backorder_allowance + shortfall
				or least(reserved, on_hand, backorder_allowance, shortfall) < 0) as oversold,
		(select coalesce(array_agg(order_id), '{}') from inventory.reservations r
			where tombstone and (state <> 'released' or exists (
				select from inventory.reservation_lines l where l.order_id = r.order_id))) as risen`

type all struct {
	Levels, Parts, Words, Told []string
	Position                   int64
	Shortfalls                 map[string]int64
	Replies                    map[string]string
	Oversold, Risen            []string
}

// check compares all that there is with the books.
func (w *world) check(r *rapid.T) {
	var got all
	err := w.owner.QueryRow(context.Background(), readAll, pgx.NamedArgs{"told": w.position}).Scan(
		&got.Levels, &got.Parts, &got.Words, &got.Told, &got.Position, &got.Shortfalls, &got.Replies, &got.Oversold, &got.Risen)
	require.NoError(r, err)
	require.Empty(r, got.Oversold, "P1")
	require.Empty(r, got.Risen, "P3: an order that was cancelled first has risen")
	for level, n := range got.Shortfalls {
		require.True(r, n <= w.shortfalls[level] || w.mayLack, "P1: what raised the shortfall of %s?", level)
	}
	w.checkReplies(r, got.Replies)
	w.checkStock(r, got)
	w.checkOrders(r, got)
	w.checkNews(r, got)
	differences, err := stock.Audit(context.Background(), w.db, 10)
	require.NoError(r, err)
	require.Empty(r, differences)
	w.shortfalls, w.position, w.mayLack = got.Shortfalls, got.Position, false
}

// checkReplies is P2: nothing that was answered ever changes.
func (w *world) checkReplies(r *rapid.T, got map[string]string) {
	n := len(w.remembered)
	for _, o := range w.orders {
		if o.placed != nil {
			n++
		}
	}
	require.Len(r, got, n, "P2: something that was answered is not remembered")
	for what, text := range got {
		if before, seen := w.replies[what]; seen {
			require.Equal(r, before, text, "P2: the reply to %s has changed", what)
			continue
		}
		want := w.remembered[what]
		if o := w.orders[what]; o != nil {
			want = *o.placed
		}
		var kept struct {
			ID, Type string
			Time     time.Time
			Sequence int64
			Data     json.RawMessage
		}
		require.NoError(r, json.Unmarshal([]byte(text), &kept))
		require.JSONEq(r, string(want.Data), string(kept.Data))
		require.Equal(r, []any{want.ID, want.Type, want.Time, want.Sequence}, []any{kept.ID, kept.Type, kept.Time, kept.Sequence})
		w.replies[what] = text
	}
}

func (w *world) checkStock(r *rapid.T, got all) {
	var levels, words []string
	skus := []string{}
	for sku, it := range w.items {
		for at, s := range it.shelf {
			levels = append(levels, fmt.Sprintf("%s at %s: %d on hand, %d reserved, %d allowed, %d lacking",
				sku, at, s.onHand, s.reserved, s.allowance, s.shortfall()))
		}
		words = append(words, sku+" "+w.availability(sku))
		skus = append(skus, sku)
	}
	same(r, levels, got.Levels)
	same(r, words, got.Words)
	found, err := stock.Read(context.Background(), w.db, skus)
	require.NoError(r, err)
	require.Len(r, found, len(w.items))
	for sku, it := range w.items {
		s := found[sku]
		require.Equal(r,
			[]int64{it.sum(func(s *shelf) int64 { return s.onHand }), it.sum(func(s *shelf) int64 { return s.reserved }),
				it.shortfall(), w.overdue(sku), w.available(sku), w.orderable(sku)},
			[]int64{s.OnHand(), s.Reserved(), s.Shortfall(), s.Overdue, s.Available(), s.Orderable()},
			"%s: on hand, reserved, shortfall, overdue, available, orderable", sku)
	}
}

func (w *world) checkOrders(r *rapid.T, got all) {
	var parts []string
	for id, o := range w.orders {
		for _, p := range o.parts {
			parts = append(parts, fmt.Sprintf("%s: %s at %q: %d held, %d owed, %d cancelled, %d sold, %d returned",
				id, p.sku, p.location, p.held(), p.owed, p.undone, p.sold, p.returned))
		}
	}
	same(r, parts, got.Parts)
	found, err := reservation.List(context.Background(), w.db, reservation.Filter{}, "", 100)
	require.NoError(r, err)
	require.Len(r, found, len(w.orders))
	for _, f := range found {
		require.Equal(r, w.orders[f.OrderID].document(f.OrderID), utc(f.ReservationData))
	}
}

// checkNews compares what went into the outbox: what the step told of orders,
// and each SKU that crossed its threshold or lacks more than before.
func (w *world) checkNews(r *rapid.T, got all) {
	news := w.news
	now := map[string]supply{}
	for sku, it := range w.items {
		now[sku] = it.supply()
		before, known := w.supplies[sku]
		if typ := now[sku].news(before, it.policy.Track); known && typ != "" {
			news = append(news, typ+" "+sku)
		}
	}
	same(r, news, got.Told)
	w.supplies, w.news = now, nil
}

type supply struct {
	much    int // 0 nothing, 1 little, 2 plenty
	lacking int64
}

func (it *item) supply() supply {
	s := supply{2, it.shortfall()}
	switch n := it.promised(); {
	case !it.policy.Track || n > it.policy.LowStockThreshold:
	case n > 0:
		s.much = 1
	default:
		s.much = 0
	}
	return s
}

func (s supply) news(before supply, tracked bool) string {
	switch {
	case s.much == before.much && (s.lacking <= before.lacking || !tracked):
		return ""
	case s.much == 0:
		return event.StockDepleted
	case s.much > before.much:
		return event.StockReplenished
	default:
		return event.StockLow
	}
}

func same(r *rapid.T, want, got []string) {
	slices.Sort(want)
	slices.Sort(got)
	require.Equal(r, append([]string{}, want...), append([]string{}, got...))
}

func utc(d event.ReservationData) event.ReservationData {
	if d.ExpiresAt != nil {
		at := d.ExpiresAt.In(time.UTC)
		d.ExpiresAt = &at
	}
	return d
}
