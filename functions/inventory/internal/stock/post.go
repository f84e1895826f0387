package stock

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
)

// Changes and not new values: should a level ever be written without its lock,
// nothing is lost and the CHECK still judges the sum.
const updateLevels = `
	update inventory.levels l
	set on_hand = l.on_hand + c.on_hand,
		reserved = l.reserved + c.reserved,
		backorder_allowance = l.backorder_allowance + c.allowance,
		shortfall = l.shortfall + c.shortfall,
		version = l.version + case when c.on_hand = 0 then 0 else 1 end,
		updated_at = now()
	from unnest(
		@skus::text[],
		@locations::text[],
		@on_hand::bigint[],
		@reserved::bigint[],
		@allowance::bigint[],
		@shortfall::bigint[]
	) as c (sku, location, on_hand, reserved, allowance, shortfall)
	where l.sku = c.sku
		and l.location = c.location
		and l.sku = any(@skus)`

// Queue adds to the batch what writes the levels and their movements. The
// caller sends it, with what else belongs to the change, and then calls
// Announce.
func (b *Book) Queue(batch *pgx.Batch) {
	var skus, locations []string
	var onHand, reserved, allowance, shortfall []int64
	for _, p := range b.pages {
		for _, e := range p.levels {
			if e.touched {
				skus, locations = append(skus, e.SKU), append(locations, e.Location)
				onHand, reserved = append(onHand, e.onHand), append(reserved, e.reserved)
				allowance, shortfall = append(allowance, e.allowance), append(shortfall, e.shortfall)
			}
		}
	}
	if len(skus) == 0 {
		return
	}
	batch.Queue(updateLevels, postgres.Named{
		"skus": skus, "locations": locations, "on_hand": onHand, "reserved": reserved, "allowance": allowance, "shortfall": shortfall,
	}).Exec(func(tag pgconn.CommandTag) error {
		if int(tag.RowsAffected()) != len(skus) {
			return fmt.Errorf("update levels: %d of %d written", tag.RowsAffected(), len(skus))
		}
		return nil
	})
	if len(b.moves) > 0 {
		queueMovements(batch, b.moves)
	}
}

// Post writes the book by itself.
func (b *Book) Post(ctx context.Context, tx postgres.DB) error {
	batch := &pgx.Batch{}
	b.Queue(batch)
	if batch.Len() > 0 {
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("post %d movements: %w", len(b.moves), err)
		}
	}
	_, err := b.Announce(ctx, tx)
	return err
}

// Announce puts an event into the outbox for every SKU that crossed its
// threshold between opening and now, however many movements it took, or whose
// shortfall rose. It says whether there was any.
func (b *Book) Announce(ctx context.Context, tx postgres.DB) (bool, error) {
	var events []event.Event
	for sku, p := range b.pages {
		typ := p.news()
		if typ == "" || p.fresh {
			continue
		}
		data := event.StockData{SKU: sku, Available: p.available(), LowStockThreshold: p.LowStockThreshold, Shortfall: p.shortfall()}
		for _, e := range p.levels {
			data.OnHand += e.OnHand
			data.Reserved += e.Reserved
		}
		e, err := event.New(typ, event.FromInventory, sku, data)
		if err != nil {
			return false, err
		}
		events = append(events, e)
	}
	return len(events) > 0, outbox.Append(ctx, tx, events...)
}

// news is the event that tells what became of the SKU; "" is none. A location
// may lack what is promised there while others have plenty.
func (p *page) news() string {
	now := p.supply(p.available())
	typ := crossing(p.before, now)
	switch {
	case typ != "" || !p.Track || p.shortfall() <= p.lacked:
		return typ
	case now == depleted:
		return event.StockDepleted
	default:
		return event.StockLow
	}
}

// crossing is the event of going from one supply to another; "" is none.
func crossing(from, to supply) string {
	switch {
	case from == to:
		return ""
	case to == depleted:
		return event.StockDepleted
	case to == plenty || from == depleted:
		return event.StockReplenished
	default:
		return event.StockLow
	}
}
