package reservation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// Reservation is a reservation as it stands when it is read: one past its
// expiry is expired, recorded or not.
type Reservation struct {
	event.ReservationData
	CreatedAt time.Time
	UpdatedAt time.Time
}

type readRow struct {
	OrderID   string
	State     State
	ExpiresAt *time.Time
	Placed    *string
	Overdue   bool
	CreatedAt time.Time
	UpdatedAt time.Time
	Lines     []byte
	Flushed   *string // not told
}

const readOne = `
	select` + reservationColumns + `
	from inventory.reservations r
	where r.order_id = @order_id`

// A decision gives its locks back before the disk has it, so a read waits for
// the disk too, by what it writes itself: nothing that it tells of is gone after
// a crash. What was decided so long ago has long been written, or has failed.
const reservationColumns = `
		r.order_id,
		r.state,
		r.expires_at,
		r.placed,
		r.state in ('locked', 'partially_locked') and r.expires_at <= now() as overdue,
		r.created_at,
		r.updated_at,
		(
			select coalesce(json_agg(json_build_object('SKU', l.sku, 'Held', l.held, 'Owed', l.owed, 'Sold', l.sold, 'Returned', l.returned)), '[]')
			from inventory.reservation_lines l
			where l.order_id = r.order_id
		) as lines,
		case when r.updated_at > now() - interval '10 seconds' then pg_logical_emit_message(true, 'flush', '')::text end as flushed`

// Get reads one reservation.
func Get(ctx context.Context, db postgres.DB, orderID string) (Reservation, error) {
	if !stock.ValidID(orderID) {
		return Reservation{}, fault.Missing("no reservation has this order id")
	}
	found, err := read(ctx, db, readOne, pgx.NamedArgs{"order_id": orderID})
	if err != nil {
		return Reservation{}, err
	}
	if len(found) == 0 {
		return Reservation{}, fault.Missing("no reservation has this order id")
	}
	return found[0], nil
}

const readPage = `
	select` + reservationColumns + `
	from inventory.reservations r
	where r.order_id > @after
	order by r.order_id
	limit @limit`

// Which orders took of a SKU is all read, since it is not kept by order; of the
// orders themselves no more than the page takes, or its state lets pass.
const readPageOfSKU = `
	select` + reservationColumns + `
	from (
		select distinct t.order_id
		from inventory.takers t
		where t.sku = @sku and t.order_id > @after
		order by t.order_id
	) t
	cross join lateral (
		select *
		from inventory.reservations r
		where r.order_id = t.order_id
			and (@state = '' or @state = ` + stateNow + `)
		limit 1
	) r
	order by t.order_id
	limit @limit`

// What is overdue is expired, but for what was paid of it before.
const stateNow = `case
			when r.state not in ('locked', 'partially_locked') or r.expires_at > now() then r.state
			when exists (
				select
				from inventory.reservation_lines l
				where l.order_id = r.order_id
					and (l.sold > 0 or l.owed > 0)
			) then 'committed'
			else 'expired'
		end`

// Each branch has an index: what runs is little, and what has ended otherwise
// than nearly all do is found by its state.
const readPageOfState = `
	with running as materialized (
		select r.order_id, ` + stateNow + ` as state
		from inventory.reservations r
		where r.state in ('locked', 'partially_locked')
			and @state in ('locked', 'partially_locked', 'committed', 'expired')
	)
	select` + reservationColumns + `
	from (
		select order_id
		from running
		where state = @state and order_id > @after
		union all
		(
			select order_id
			from inventory.reservations
			where state in ('released', 'expired', 'rejected') and state = @state and order_id > @after
			order by order_id
			limit @limit
		)
		union all
		(
			select order_id
			from inventory.reservations
			where state = 'committed' and @state = 'committed' and order_id > @after
			order by order_id
			limit @limit
		)
		order by order_id
		limit @limit
	) f
	join inventory.reservations r on r.order_id = f.order_id
	order by r.order_id`

// Filter of List; empty members do not filter. SKU finds the orders that took
// something of it.
type Filter struct {
	State State
	SKU   string
}

// List is a page of reservations by order id, from after one.
func List(ctx context.Context, db postgres.DB, f Filter, after string, limit int) ([]Reservation, error) {
	if f.SKU != "" && !stock.ValidID(f.SKU) {
		return nil, nil
	}
	sql := readPage
	switch {
	case f.SKU != "":
		sql = readPageOfSKU
	case f.State != "":
		sql = readPageOfState
	}
	return read(ctx, db, sql, pgx.NamedArgs{"after": after, "state": string(f.State), "sku": f.SKU, "limit": limit})
}

func read(ctx context.Context, db postgres.DB, sql string, args pgx.NamedArgs) ([]Reservation, error) {
	rows, err := db.Query(ctx, sql, args)
	if err != nil {
		return nil, fmt.Errorf("read reservations: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[readRow])
	if err != nil {
		return nil, fmt.Errorf("read reservations: %w", err)
	}
	all := make([]Reservation, len(found))
	for i, row := range found {
		if all[i], err = row.reservation(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (row readRow) reservation() (Reservation, error) {
	r := record{OrderID: row.OrderID, State: row.State, ExpiresAt: row.ExpiresAt, Placed: row.Placed}
	if err := json.Unmarshal(row.Lines, &r.lines); err != nil {
		return Reservation{}, errors.Join(errors.New("lines of a reservation"), err)
	}
	if row.Overdue {
		r.State = r.whenOver()
	}
	data, err := r.document()
	return Reservation{ReservationData: data, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt}, err
}
