package stock

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

// Kind of a movement.
type Kind string

// The kinds.
const (
	Count          Kind = "count"
	AdjustmentKind Kind = "adjustment"
	TransferOut    Kind = "transfer_out"
	TransferIn     Kind = "transfer_in"
	Reserve        Kind = "reserve"
	Commit         Kind = "commit"
	Release        Kind = "release"
	Expire         Kind = "expire"
	Return         Kind = "return"
)

// Cause is why something moves. A Request moves a level at most once for each
// kind: the database refuses a second time.
type Cause struct {
	Request   string
	Reason    string
	Reference string
	Actor     string
}

// OfOrder is the cause of a step of an order. Everything an order did is found
// by its id, because no id contains a colon.
func OfOrder(orderID, step, actor string) Cause {
	return Cause{Request: orderID + ":" + step, Actor: actor}
}

// OfNobody is a cause that belongs to no order and happens once.
func OfNobody(actor, reason string) Cause {
	return Cause{Request: ":" + uuid.Must(uuid.NewV7()).String(), Actor: actor, Reason: reason}
}

func (c Cause) orderID() *string {
	if order, _, _ := strings.Cut(c.Request, ":"); order != "" {
		return &order
	}
	return nil
}

// Movement is one row of the ledger.
type Movement struct {
	ID            int64
	Request       string
	Kind          Kind
	SKU           string
	Location      string
	OnHandDelta   int64
	ReservedDelta int64
	OnHandAfter   int64
	ReservedAfter int64
	Reason        string
	Reference     string
	Actor         string
	OrderID       *string
	At            time.Time
}

const insertMovements = `
	insert into inventory.movements (
		request, kind, sku, location, on_hand_delta, reserved_delta,
		on_hand_after, reserved_after, reason, reference, actor, order_id)
	select *
	from unnest(
		@requests::text[], @kinds::text[], @skus::text[], @locations::text[], @on_hand_deltas::bigint[], @reserved_deltas::bigint[],
		@on_hand_afters::bigint[], @reserved_afters::bigint[], @reasons::text[], @references::text[], @actors::text[], @order_ids::text[])`

// Locks are most of what moves, and all there is to say of most of them is what
// an order took where.
const insertReserved = `
	insert into inventory.movements (
		request, kind, sku, location, on_hand_delta, reserved_delta,
		on_hand_after, reserved_after, actor, order_id)
	select request, 'reserve', sku, location, 0, quantity, on_hand, reserved, actor, split_part(request, ':', 1)
	from unnest(
		@requests::text[], @skus::text[], @locations::text[], @quantities::bigint[],
		@on_hand_afters::bigint[], @reserved_afters::bigint[], @actors::text[]
	) as m (request, sku, location, quantity, on_hand, reserved, actor)`

func queueMovements(batch *pgx.Batch, moves []Movement) {
	if slices.ContainsFunc(moves, func(m Movement) bool { return m.Kind != Reserve || m.Reason != "" || m.Reference != "" }) {
		queueAnyMovements(batch, moves)
		return
	}
	n := len(moves)
	requests, skus, locations, actors := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	quantities, onHand, reserved := make([]int64, n), make([]int64, n), make([]int64, n)
	for i, m := range moves {
		requests[i], skus[i], locations[i], actors[i] = m.Request, m.SKU, m.Location, m.Actor
		quantities[i], onHand[i], reserved[i] = m.ReservedDelta, m.OnHandAfter, m.ReservedAfter
	}
	batch.Queue(insertReserved, postgres.Named{
		"requests": requests, "skus": skus, "locations": locations, "quantities": quantities,
		"on_hand_afters": onHand, "reserved_afters": reserved, "actors": actors,
	})
}

func queueAnyMovements(batch *pgx.Batch, moves []Movement) {
	n := len(moves)
	requests, kinds, skus, locations := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	onHand, reserved, onHandAfter, reservedAfter := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	reasons, references, actors, orders := make([]string, n), make([]string, n), make([]string, n), make([]*string, n)
	for i, m := range moves {
		requests[i], kinds[i], skus[i], locations[i] = m.Request, string(m.Kind), m.SKU, m.Location
		onHand[i], reserved[i], onHandAfter[i], reservedAfter[i] = m.OnHandDelta, m.ReservedDelta, m.OnHandAfter, m.ReservedAfter
		reasons[i], references[i], actors[i], orders[i] = m.Reason, m.Reference, m.Actor, m.OrderID
	}
	batch.Queue(insertMovements, postgres.Named{
		"requests": requests, "kinds": kinds, "skus": skus, "locations": locations,
		"on_hand_deltas": onHand, "reserved_deltas": reserved, "on_hand_afters": onHandAfter, "reserved_afters": reservedAfter,
		"reasons": reasons, "references": references, "actors": actors, "order_ids": orders,
	})
}

const movementsOfSKU = `
	select
		id, request, kind, sku, location, on_hand_delta, reserved_delta,
		on_hand_after, reserved_after, reason, reference, actor, order_id, at
	from inventory.movements
	where sku = @sku
		and id < @before
	order by id desc
	limit @limit`

// MovementsOf lists what moved of a SKU, newest first, from before an id.
func MovementsOf(ctx context.Context, db postgres.DB, sku string, before int64, limit int) ([]Movement, error) {
	if !ValidID(sku) {
		return nil, nil
	}
	return movements(ctx, db, movementsOfSKU, pgx.NamedArgs{"sku": sku, "before": before, "limit": limit})
}

const movementsOfOrder = `
	select
		id, request, kind, sku, location, on_hand_delta, reserved_delta,
		on_hand_after, reserved_after, reason, reference, actor, order_id, at
	from inventory.movements
	where request >= @order_id || ':'
		and request < @order_id || ';'
		and id < @before
	order by id desc
	limit @limit`

// MovementsOfOrder lists what an order moved, newest first, from before an id.
func MovementsOfOrder(ctx context.Context, db postgres.DB, orderID string, before int64, limit int) ([]Movement, error) {
	return movements(ctx, db, movementsOfOrder, pgx.NamedArgs{"order_id": orderID, "before": before, "limit": limit})
}

func movements(ctx context.Context, db postgres.DB, sql string, args pgx.NamedArgs) ([]Movement, error) {
	rows, err := db.Query(ctx, sql, args)
	if err != nil {
		return nil, fmt.Errorf("list movements: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[Movement])
	if err != nil {
		return nil, fmt.Errorf("list movements: %w", err)
	}
	return found, nil
}
