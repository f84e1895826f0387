package reservation

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
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

// PlaceAll decides orders in their order, in one transaction, each all or
// nothing on its own. No two may have the same id; all have been checked.
func PlaceAll(ctx context.Context, db postgres.DB, rules Rules, orders []Order) ([]Decision, error) {
	return placeAll(ctx, db, rules, orders, func() {}, nil)
}

// placeAll is PlaceAll. It calls decided when those that came later may ask for
// stock: what these get is settled and their stock is held until the commit.
// It asks early whether others wait for that stock.
func placeAll(ctx context.Context, db postgres.DB, rules Rules, orders []Order, decided func(), early func() bool) ([]Decision, error) {
	var decisions []Decision
	err := rounds(func(short needed) error {
		r := &round{rules: rules, orders: orders, short: short}
		err := postgres.InBatches(ctx, db, postgres.Batches{
			First: r.open,
			Then:  func(tx pgx.Tx) (*pgx.Batch, error) { return r.decide(ctx, tx, decided) },
			Early: early,
		})
		decisions = r.decisions
		return err
	})
	return decisions, err
}

type placing struct {
	Order
	lines   []event.OrderLine
	print   []byte
	expires time.Time
	state   State
	reason  string
	told    []event.ReservationLineData
	parts   []*line
}

// round is one attempt to decide orders.
type round struct {
	rules     Rules
	orders    []Order
	short     needed
	decisions []Decision

	fresh     map[string]*placing // by id, those that nobody knew
	book      *stock.Book
	now       time.Time // by the database's clock
	sequences []int64   // one for each reply
}

// open begins with what is wanted, unless reservations past their expiry must
// be locked before any stock is.
func (r *round) open(batch *pgx.Batch) {
	r.decisions = make([]Decision, len(r.orders))
	r.fresh = make(map[string]*placing, len(r.orders))
	for _, o := range r.orders {
		lines := summed(o.Lines)
		r.fresh[o.ID] = &placing{Order: o, lines: lines, print: fingerprint(lines)}
	}
	if len(r.short) == 0 {
		r.queue(batch, skusOf(r.fresh, nil))
	}
}

// It reads after the levels are locked: two that decide the same order want the
// same stock, so the second sees here what the first has committed. Where they
// do not, the primary key refuses the second.
const readPresent = `
	select
		now(),
		array(
			select order_id
			from inventory.reservations
			where order_id = any(@ids)
		),
		` + outbox.Numbers

func (r *round) queue(batch *pgx.Batch, skus []string) {
	ids := make([]string, len(r.orders))
	for i, o := range r.orders {
		ids[i] = o.ID
	}
	r.book = stock.QueueOpen(batch, skus)
	batch.Queue(readPresent, postgres.Named{"ids": ids, "numbers": len(ids)}).QueryRow(func(row pgx.Row) error {
		var present []string
		if err := row.Scan(&r.now, &present, &r.sequences); err != nil {
			return err
		}
		for _, id := range present {
			delete(r.fresh, id)
		}
		for _, p := range r.fresh {
			p.expires = r.expiry(p.Order)
		}
		return nil
	})
}

func (r *round) expiry(o Order) time.Time {
	at, latest := r.now.Add(r.rules.TTL), r.now.Add(r.rules.MaxTTL)
	switch {
	case o.ExpiresAt != nil:
		at = o.ExpiresAt.Truncate(time.Microsecond)
	case o.ExpiresIn > 0:
		at = r.now.Add(o.ExpiresIn)
	}
	if at.After(latest) {
		return latest
	}
	return at
}

// decide returns what writes the decisions.
func (r *round) decide(ctx context.Context, tx pgx.Tx, decided func()) (*pgx.Batch, error) {
	expired, err := r.expireLate(ctx, tx)
	if err != nil {
		return nil, err
	}
	if err := answerKnown(ctx, tx, r.orders, r.fresh, r.decisions); err != nil {
		return nil, err
	}
	if len(r.fresh) == 0 && len(expired) == 0 {
		return nil, nil
	}
	if short := shortOf(r.book, r.fresh); len(short) > 0 {
		if err := r.book.ReadOverdue(ctx, tx, short); err != nil {
			return nil, err
		}
	}
	lacking := needed{}
	for _, o := range r.orders {
		if p := r.fresh[o.ID]; p != nil {
			p.decide(r.book, r.now, lacking)
		}
	}
	if len(lacking) > 0 {
		return nil, lacking
	}
	decided()
	return r.finish(ctx, expired)
}

// expireLate records the expiry of reservations whose stock is needed; it is
// here that such a round locks its stock.
func (r *round) expireLate(ctx context.Context, tx pgx.Tx) ([]event.Event, error) {
	if len(r.short) == 0 {
		return nil, nil
	}
	late, err := overdueFor(ctx, tx, r.short)
	if err != nil {
		return nil, err
	}
	batch := &pgx.Batch{}
	r.queue(batch, skusOf(r.fresh, late))
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("lock the stock of %d orders: %w", len(r.orders), err)
	}
	return expireInto(ctx, tx, r.book, late)
}
