package reservation

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/postgres"
)

// record is a reservation under its lock, with what it took.
type record struct {
	OrderID     string
	State       State
	Tombstone   bool
	Fingerprint []byte
	ExpiresAt   *time.Time
	Placed      *string
	Settled     *string
	CreatedAt   time.Time
	Overdue     bool      // its time is over and nobody has recorded it
	Now         time.Time // of the transaction, by the database's clock

	lines []*line
}

// line is what an order took of one level.
type line struct {
	OrderID  string
	SKU      string
	Location string
	Held     int64
	Owed     int64 // of what is held: paid for, and not there yet
	Released int64 // held once, and cancelled
	Sold     int64
	Returned int64
}

// kept is what was sold and has not come back.
func (l *line) kept() int64 { return l.Sold - l.Returned }

func (l *line) owed() int64   { return l.Owed }
func (l *line) unpaid() int64 { return l.Held - l.Owed }

const lockRecords = `
	select
		order_id,
		state,
		tombstone,
		fingerprint,
		expires_at,
		placed,
		settled,
		created_at,
		state in ('locked', 'partially_locked') and expires_at <= now() as overdue,
		now() as now
	from inventory.reservations
	where order_id = any(@ids)
	order by order_id
	for update`

const readLines = `
	select order_id, sku, location, held, owed, released, sold, returned
	from inventory.reservation_lines
	where order_id = any(@ids)
	order by order_id, sku, location`

// lockAndRead locks reservations in the one order that all writers keep, and
// reads what they took. Stock is always locked after reservations.
func lockAndRead(ctx context.Context, tx postgres.DB, ids []string) (map[string]*record, error) {
	found := make(map[string]*record, len(ids))
	args := postgres.Named{"ids": ids}
	batch := &pgx.Batch{}
	batch.Queue(lockRecords, args).Query(func(rows pgx.Rows) error {
		records, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[record])
		for _, r := range records {
			found[r.OrderID] = r
		}
		return err
	})
	batch.Queue(readLines, args).Query(func(rows pgx.Rows) error {
		lines, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[line])
		for _, l := range lines {
			if r := found[l.OrderID]; r != nil {
				r.take(l)
			}
		}
		return err
	})
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("lock %d reservations: %w", len(ids), err)
	}
	return found, nil
}

// take adds a line as it was read. Of an order that runs out no more all that
// is held is owed. The release before knows nothing of it.
func (r *record) take(l *line) {
	if !r.State.Holding() || l.Owed > l.Held {
		l.Owed = l.Held
	}
	r.lines = append(r.lines, l)
}

// A join alone would have a plan that was made for few rows read the whole index
// when there are many; so elsewhere too.
const updateRecords = `
	update inventory.reservations r
	set state = c.state, expires_at = c.expires_at, settled = c.settled::json, updated_at = now()
	from unnest(@ids::text[], @states::text[], @expiries::timestamptz[], @settled::text[]) as c (order_id, state, expires_at, settled)
	where r.order_id = c.order_id
		and r.order_id = any(@ids)`

// The row of the reservation is locked, so these are all its lines' values.
const upsertLines = `
	insert into inventory.reservation_lines (order_id, sku, location, held, owed, released, sold, returned, expires_at)
	select *
	from unnest(
		@ids::text[], @skus::text[], @locations::text[], @held::bigint[], @owed::bigint[], @released::bigint[],
		@sold::bigint[], @returned::bigint[], @expiries::timestamptz[])
	on conflict (order_id, sku, location) do update
	set held = excluded.held, owed = excluded.owed, released = excluded.released,
		sold = excluded.sold, returned = excluded.returned, expires_at = excluded.expires_at`

// queueRecords adds to the batch what writes changed reservations.
func queueRecords(batch *pgx.Batch, records []*record) {
	var ids, states []string
	var expiries []*time.Time
	var settled []*string
	var lines []*line
	var lineExpiries []*time.Time
	for _, r := range records {
		if !r.State.Holding() {
			r.ExpiresAt = nil
		}
		ids, states = append(ids, r.OrderID), append(states, string(r.State))
		expiries, settled = append(expiries, r.ExpiresAt), append(settled, r.Settled)
		for _, l := range r.lines {
			lines, lineExpiries = append(lines, l), append(lineExpiries, r.ExpiresAt)
		}
	}
	if len(ids) == 0 {
		return
	}
	batch.Queue(updateRecords, postgres.Named{"ids": ids, "states": states, "expiries": expiries, "settled": settled})
	if len(lines) > 0 {
		batch.Queue(upsertLines, lineArgs(lines, lineExpiries))
	}
}

func lineArgs(lines []*line, expiries []*time.Time) postgres.Named {
	n := len(lines)
	ids, skus, locations := make([]string, n), make([]string, n), make([]string, n)
	held, owed, released := make([]int64, n), make([]int64, n), make([]int64, n)
	sold, returned := make([]int64, n), make([]int64, n)
	for i, l := range lines {
		ids[i], skus[i], locations[i] = l.OrderID, l.SKU, l.Location
		held[i], owed[i], released[i], sold[i], returned[i] = l.Held, l.Owed, l.Released, l.Sold, l.Returned
	}
	return postgres.Named{
		"ids": ids, "skus": skus, "locations": locations, "held": held, "owed": owed, "released": released,
		"sold": sold, "returned": returned, "expiries": expiries,
	}
}

// document is the reservation as its replies and readers see it now: the lines
// of the lock, with what has become of them since.
func (r *record) document() (event.ReservationData, error) {
	d := event.ReservationData{OrderID: r.OrderID, State: string(r.State), ExpiresAt: r.ExpiresAt, Lines: []event.ReservationLineData{}}
	if !r.State.Holding() {
		d.ExpiresAt = nil
	}
	if r.Placed != nil {
		placed, err := repeat(r.OrderID, *r.Placed)
		if err != nil {
			return d, err
		}
		d.Lines = placed.Data.Lines
		if r.State == Rejected {
			d.Reason = placed.Data.Reason
		}
	}
	at := make(map[string]int, len(d.Lines))
	for i, l := range d.Lines {
		at[l.SKU] = i
	}
	for _, l := range r.lines {
		if i, ok := at[l.SKU]; ok {
			d.Lines[i].Committed += l.Sold
			d.Lines[i].Returned += l.Returned
		}
	}
	return d, nil
}

// requested is what the order asked for, as far as its lock gave it and nobody
// has cancelled it since.
func (r *record) requested() ([]event.OrderLine, error) {
	d, err := r.document()
	released := map[string]int64{}
	for _, l := range r.lines {
		released[l.SKU] += l.Released
	}
	lines := make([]event.OrderLine, 0, len(d.Lines))
	for _, l := range d.Lines {
		if n := l.Locked - released[l.SKU]; n > 0 {
			lines = append(lines, event.OrderLine{SKU: l.SKU, Quantity: n})
		}
	}
	return lines, err
}
