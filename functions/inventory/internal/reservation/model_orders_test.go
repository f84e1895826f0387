package reservation_test

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
)

// place has orders decided together, and compares each answer with the books.
func (w *world) place(r *rapid.T, orders ...reservation.Order) {
	decisions, err := reservation.PlaceAll(context.Background(), w.db, rules, orders)
	require.NoError(r, err)
	wanted := map[string]int64{}
	for _, o := range orders {
		if w.orders[o.ID] == nil {
			for sku, n := range quantities(o.Lines) {
				wanted[sku] += n
			}
		}
	}
	w.learn(r, wanted, "")
	for i, o := range orders {
		w.placed(r, o, decisions[i].Answer, decisions[i].Err)
	}
}

func (w *world) placed(r *rapid.T, o reservation.Order, a reservation.Answer, err error) {
	known := w.orders[o.ID]
	step := reservation.Placed
	if known != nil && !maps.Equal(quantities(known.lines), quantities(o.Lines)) {
		step = reservation.PlacedOtherwise
	}
	outcome := w.outcome(step, o.ID)
	if outcome.Do == reservation.Conflict {
		refused(r, err, fault.Conflict, outcome.Reason)
		return
	}
	require.NoError(r, err)
	switch outcome.Do {
	case reservation.RejectLate:
		w.rejectLate(r, known, o, a, outcome.Reason)
	case reservation.RepeatLock:
		require.Equal(r, *known.placed, a.Reply)
		require.True(r, a.Repeated)
	case reservation.Lock:
		known = w.lock(o, a.Data.Lines)
		if known.running() {
			require.WithinDuration(r, time.Now().Add(rules.TTL), *a.Data.ExpiresAt, time.Minute)
			known.expires = a.Data.ExpiresAt.UTC()
		}
		w.replied(r, a, replyType(known.state), known.document(o.ID), o.Announce)
		known.placed = &a.Reply
		w.orders[o.ID] = known
	default:
		require.Fail(r, "the table gives what cannot be", "%v %v", step, outcome)
	}
}

func (w *world) rejectLate(r *rapid.T, known *order, o reservation.Order, a reservation.Answer, reason string) {
	if known.placed != nil {
		require.Equal(r, *known.placed, a.Reply)
		return
	}
	want := event.ReservationData{OrderID: o.ID, State: "rejected", Reason: reason}
	for _, l := range sums(o.Lines) {
		want.Lines = append(want.Lines, event.ReservationLineData{SKU: l.SKU, Requested: l.Quantity, Reason: reason})
	}
	w.replied(r, a, event.InventoryRejected, want, o.Announce)
	known.placed, known.told = &a.Reply, want.Lines
}

// lock decides an order that nobody knew, and was told so.
func (b *books) lock(asked reservation.Order, said []event.ReservationLineData) *order {
	o := &order{state: "locked", lines: sums(asked.Lines)}
	var all int64
	for i, l := range o.lines {
		told, take := b.judge(l)
		if i < len(said) && told.Reason != "insufficient_stock" && said[i].Available >= b.items[l.SKU].orderable(0) {
			// Where nobody is short, what late orders hold is not looked up.
			told.Available = min(told.Available, said[i].Available)
		}
		if told.Reason != "" {
			o.state = "partially_locked"
			if !asked.AllowPartial {
				take = 0
			}
		}
		if o.reason == "" {
			o.reason = told.Reason
		}
		told.Locked = take
		all += take
		o.told = append(o.told, told)
	}
	late := asked.ExpiresAt != nil && asked.ExpiresAt.Before(time.Now())
	if late || o.state == "partially_locked" && (!asked.AllowPartial || all == 0) {
		o.state = "rejected"
		if late {
			o.reason = "expired"
		}
		for i := range o.told {
			o.told[i].Locked = 0
		}
		return o
	}
	for _, l := range o.told {
		for at, n := range b.reserve(l.SKU, l.Locked) {
			o.part(l.SKU, at).unpaid = n
		}
	}
	return o
}

// judge says how much of a line can be had, and why not all of it.
func (b *books) judge(l event.OrderLine) (event.ReservationLineData, int64) {
	free := b.orderable(l.SKU)
	told := event.ReservationLineData{
		SKU: l.SKU, Requested: l.Quantity, Available: min(free, max(l.Quantity, stock.MaxOnHand)),
	}
	take := min(l.Quantity, free)
	it := b.items[l.SKU]
	switch {
	case it == nil:
		told.Reason = "unknown_sku"
	case it.policy.MaxPerOrder != nil && l.Quantity > *it.policy.MaxPerOrder:
		told.Reason = "over_limit"
		take = min(take, *it.policy.MaxPerOrder)
	case free < l.Quantity:
		told.Reason = "insufficient_stock"
	}
	return told, take
}

// learn asks which late orders were recorded as expired by a lock that wants so
// much: its own, and those without which there is not enough or not all of it
// lies there.
func (w *world) learn(r *rapid.T, wanted map[string]int64, own string) {
	late := slices.DeleteFunc(slices.Sorted(maps.Keys(w.orders)), func(id string) bool { return !w.orders[id].late })
	if len(late) == 0 {
		return
	}
	var recorded []string
	require.NoError(r, w.owner.QueryRow(context.Background(), readRecorded, late).Scan(&recorded))
	for _, id := range recorded {
		needed := id == own
		for sku, n := range wanted {
			needed = needed || n > w.items[sku].inStock() && w.orders[id].sum(sku, (*part).held) > 0
		}
		require.True(r, needed, "%s was expired by a lock that does not need it", id)
	}
	for _, id := range recorded {
		w.expire(w.orders[id])
		w.announce(event.InventoryExpired, id)
	}
}

const readRecorded = `
	select coalesce(array_agg(order_id), '{}')
	from inventory.reservations
	where order_id = any($1) and state not in ('locked', 'partially_locked')`

// extend lets an order hold for so long from now.
func (w *world) extend(r *rapid.T, id string, hold time.Duration) {
	ctx := context.Background()
	data, err := reservation.Extend(ctx, w.db, rules, id, hold)
	o := w.orders[id]
	switch {
	case o == nil:
		refused(r, err, fault.NotFound, "not_found")
		return
	case !o.running() || o.late:
		refused(r, err, fault.Conflict, "not_locked")
		return
	}
	require.NoError(r, err)
	var now, placed time.Time
	require.NoError(r, w.owner.QueryRow(ctx, `select updated_at, created_at from inventory.reservations where order_id = $1`, id).Scan(&now, &placed))
	if hold == 0 {
		hold = rules.TTL
	}
	until := now.Add(hold)
	if last := placed.Add(rules.MaxTTL); until.After(last) {
		until = last
	}
	if until.After(o.expires) {
		o.expires = until.UTC()
	}
	require.Equal(r, o.document(id), utc(data))
}

// tick records every expiry that nobody has recorded.
func (w *world) tick(r *rapid.T) {
	n, err := reservation.ExpireDue(context.Background(), w.db, 100)
	require.NoError(r, err)
	for id, o := range w.orders {
		if o.late {
			n--
			w.expire(o)
			w.announce(event.InventoryExpired, id)
		}
	}
	require.Zero(r, n)
}

// fulfil hands over what is owed, who paid first before the others.
func (w *world) fulfil(r *rapid.T) {
	if len(w.byPayment()) == 0 {
		r.Skip("nobody is owed anything")
	}
	n, err := reservation.Fulfil(context.Background(), w.db, 100)
	require.NoError(r, err)
	for _, id := range w.byPayment() {
		var served int64
		for _, p := range w.orders[id].parts {
			served += w.serve(p)
		}
		if served > 0 {
			n--
			w.announce(event.InventoryCommitted, id)
		}
	}
	require.Zero(r, n, "others were served")
}
