package reservation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
)

// Decision is an answer, or the fault of one order among many.
type Decision struct {
	Answer Answer
	Err    error
}

// Place locks what the order asks for, all of it or, where the order allows it,
// what there is. The same order again gets the same reply; with other lines it
// is a fault of kind Conflict. A rejection is an answer, not an error.
func Place(ctx context.Context, db postgres.DB, rules Rules, o Order) (Answer, error) {
	if err := o.Check(); err != nil {
		return Answer{}, err
	}
	decisions, err := PlaceAll(ctx, db, rules, []Order{o})
	if err != nil {
		return Answer{}, fmt.Errorf("lock order %s: %w", o.ID, err)
	}
	return decisions[0].Answer, decisions[0].Err
}

// maxRounds bounds how often a decision begins anew because it needs stock
// that is held by reservations past their expiry.
const maxRounds = 5

// PlaceAll decides orders in their order, in one transaction, each all or
// nothing on its own. No two may have the same id; all have been checked.
func PlaceAll(ctx context.Context, db postgres.DB, rules Rules, orders []Order) ([]Decision, error) {
	var decisions []Decision
	err := inRounds(ctx, db, func(tx pgx.Tx, short needed) (err error) {
		decisions, err = placeAll(ctx, tx, rules, orders, short)
		return err
	})
	return decisions, err
}

func inRounds(ctx context.Context, db postgres.DB, do func(pgx.Tx, needed) error) error {
	short := needed{}
	for range maxRounds {
		err := postgres.InTx(ctx, db, func(tx pgx.Tx) error { return do(tx, short) })
		var more needed
		if !errors.As(err, &more) {
			return err
		}
		for sku, quantity := range more {
			short[sku] += quantity
		}
	}
	return fault.Passing(short, time.Second, "too many reservations expire at once")
}

// needed is stock that must be taken from reservations past their expiry, by
// SKU, before a decision can be made. As an error it begins the decision anew,
// because those reservations are locked before any stock is.
type needed map[string]int64

func (n needed) Error() string {
	return fmt.Sprintf("%d skus are held by overdue reservations", len(n))
}

type placing struct {
	Order
	lines   []event.OrderLine
	expires time.Time
	state   State
	reason  string
	told    []event.ReservationLineData
	parts   []*line
}

func placeAll(ctx context.Context, tx pgx.Tx, rules Rules, orders []Order, short needed) ([]Decision, error) {
	decisions := make([]Decision, len(orders))
	opening, err := begin(ctx, tx, rules, orders)
	if err != nil {
		return nil, err
	}
	if err := answerKnown(ctx, tx, orders, opening.fresh, decisions); err != nil {
		return nil, err
	}
	if len(opening.fresh) == 0 {
		return decisions, nil
	}
	late, err := overdueFor(ctx, tx, short)
	if err != nil {
		return nil, err
	}
	book, err := stock.Open(ctx, tx, skusOf(opening.fresh, late))
	if err != nil {
		return nil, err
	}
	expired, err := expireInto(ctx, tx, book, late)
	if err != nil {
		return nil, err
	}
	if short := shortOf(book, opening.fresh); len(short) > 0 {
		if err := book.ReadOverdue(ctx, tx, short); err != nil {
			return nil, err
		}
	}
	lacking := needed{}
	for _, o := range orders {
		if p := opening.fresh[o.ID]; p != nil {
			p.decide(book, opening.now, lacking)
		}
	}
	if len(lacking) > 0 {
		return nil, lacking
	}
	return decisions, finish(ctx, tx, book, orders, opening, decisions, expired)
}

// An order that is there already is left alone. When another transaction is
// about to insert it, this one waits for it here, before it holds any stock.
const insertReservations = `
	insert into inventory.reservations (order_id, state, fingerprint, expires_at)
	select
		order_id,
		'locked',
		fingerprint,
		least(coalesce(expires_at, now() + ttl * interval '1 second'), now() + @max_ttl * interval '1 second')
	from unnest(@ids::text[], @fingerprints::bytea[], @expiries::timestamptz[], @ttls::float8[])
		as n (order_id, fingerprint, expires_at, ttl)
	order by order_id
	on conflict do nothing
	returning order_id, expires_at, now()`

// opening is what a decision begins with: the orders that nobody knew, by id,
// the time by the database's clock, and a sequence for each reply.
type opening struct {
	fresh     map[string]*placing
	now       time.Time
	sequences []int64
}

func begin(ctx context.Context, tx pgx.Tx, rules Rules, orders []Order) (opening, error) {
	n := len(orders)
	ids, prints := make([]string, n), make([][]byte, n)
	expiries, ttls := make([]*time.Time, n), make([]float64, n)
	all := make(map[string]*placing, n)
	for i, o := range orders {
		p := &placing{Order: o, lines: summed(o.Lines)}
		all[o.ID] = p
		ids[i], prints[i], expiries[i], ttls[i] = o.ID, fingerprint(p.lines), o.ExpiresAt, rules.TTL.Seconds()
		if o.ExpiresIn > 0 {
			ttls[i] = o.ExpiresIn.Seconds()
		}
	}
	o := opening{fresh: make(map[string]*placing, n)}
	batch := &pgx.Batch{}
	batch.Queue(insertReservations, pgx.NamedArgs{
		"ids": ids, "fingerprints": prints, "expiries": expiries, "ttls": ttls, "max_ttl": rules.MaxTTL.Seconds(),
	}).Query(func(rows pgx.Rows) error {
		var id string
		var expires time.Time
		_, err := pgx.ForEachRow(rows, []any{&id, &expires, &o.now}, func() error {
			o.fresh[id] = all[id]
			o.fresh[id].expires = expires
			return nil
		})
		return err
	})
	outbox.QueueSequences(batch, n, &o.sequences)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return opening{}, fmt.Errorf("insert %d reservations: %w", n, err)
	}
	return o, nil
}

// shortOf are the SKUs of which there is not enough for all.
func shortOf(book *stock.Book, fresh map[string]*placing) []string {
	wanted := map[string]int64{}
	for _, p := range fresh {
		for _, l := range p.lines {
			wanted[l.SKU] += l.Quantity
		}
	}
	var short []string
	for sku, quantity := range wanted {
		if quantity > book.Free(sku) {
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
