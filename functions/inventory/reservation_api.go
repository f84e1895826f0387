package main

import (
	"context"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/shared/auth"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/idempotency"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/web"
)

type orderLineBody struct {
	SKU      string `json:"sku" pattern:"^[A-Za-z0-9._~-]{1,64}$" example:"ICE-3920564"`
	Quantity int64  `json:"quantity" minimum:"1" maximum:"1000000000"`
}

func linesOf(body []orderLineBody) []event.OrderLine {
	lines := make([]event.OrderLine, len(body))
	for i, l := range body {
		lines[i] = event.OrderLine(l)
	}
	return lines
}

type placeInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Not needed: a repeat is told by its order_id. With a key the order is decided alone, not together with others that come at the same time, so that many at once take longer and none is turned away"`
	Body           placeBody
}

type placeBody struct {
	OrderID      string          `json:"order_id" pattern:"^[A-Za-z0-9._~-]{1,64}$"`
	Lines        []orderLineBody `json:"lines" minItems:"1" doc:"Lines of one SKU are summed"`
	ExpiresIn    int64           `json:"expires_in,omitempty" minimum:"1" doc:"Seconds that the lock holds; the service's usual time when absent" example:"900"`
	AllowPartial bool            `json:"allow_partial,omitempty" doc:"Lock what there is instead of all or nothing"`
}

// placed is what one use of an Idempotency-Key remembers.
type placed struct {
	Data     event.ReservationData `json:"data"`
	Refused  bool                  `json:"refused"`
	Repeated bool                  `json:"repeated"`
	Appended bool                  `json:"-"`
}

func placedOf(a reservation.Answer) placed {
	return placed{Data: a.Data, Refused: a.Refused(), Repeated: a.Repeated, Appended: a.Appended}
}

func placeReservation(db postgres.DB, queue *reservation.Queue, rules reservation.Rules, wake func()) func(context.Context, *placeInput) (*reservationOutput, error) {
	return func(ctx context.Context, in *placeInput) (*reservationOutput, error) {
		web.AboutOrder(ctx, in.Body.OrderID)
		hold, err := holdOf(in.Body.ExpiresIn, rules)
		if err != nil {
			return nil, err
		}
		caller := auth.CallerFrom(ctx).Subject
		order := reservation.Order{
			ID: in.Body.OrderID, Lines: linesOf(in.Body.Lines), ExpiresIn: hold,
			AllowPartial: in.Body.AllowPartial, Actor: caller, Announce: true, Traceparent: outbox.Traceparent(ctx),
		}
		result, err := placeOnce(ctx, db, queue, rules, order, idempotency.Request{
			Caller: caller, Operation: "place-reservation", Key: in.IdempotencyKey, Body: in.Body,
		})
		if err != nil {
			return nil, err
		}
		if result.Appended {
			wake()
		}
		status := http.StatusCreated
		if result.Repeated {
			status = http.StatusOK
		}
		return replyTo(status, result)
	}
}

// placeOnce lets an order without a key be decided together with others.
func placeOnce(
	ctx context.Context, db postgres.DB, queue *reservation.Queue, rules reservation.Rules,
	order reservation.Order, r idempotency.Request,
) (placed, error) {
	if r.Key == "" {
		a, err := queue.Place(ctx, order)
		return placedOf(a), err
	}
	reply, err := idempotency.Do(ctx, db, r, func(tx pgx.Tx) (idempotency.Reply[placed], error) {
		a, err := reservation.Place(ctx, tx, rules, order)
		return idempotency.Reply[placed]{Status: http.StatusCreated, Body: placedOf(a)}, err
	})
	return reply.Body, err
}

// replyTo answers with the reservation, or refuses with it: a 409 has the same
// lines as a 201.
func replyTo(status int, p placed) (*reservationOutput, error) {
	doc := reservationDocOf(p.Data)
	if p.Refused {
		f := fault.Clash(p.Data.Reason, "%s", refusal(p.Data.Reason))
		f.Extra = doc
		return nil, f
	}
	out := &reservationOutput{Status: status, CacheControl: private, Body: doc}
	if status == http.StatusCreated {
		out.Location = "/v1/reservations/" + p.Data.OrderID
	}
	return out, nil
}

func refusal(reason string) string {
	switch reason {
	case "not_locked":
		return "the order holds no stock"
	case "expired":
		return "the lock ran out, and what it held is no longer all there"
	case "order_cancelled":
		return "the order was cancelled before it was placed"
	default:
		return "not all of the order can be locked; its lines say why"
	}
}

func holdOf(seconds int64, rules reservation.Rules) (time.Duration, error) {
	if most := int64(rules.MaxTTL / time.Second); seconds > most {
		return 0, fault.InvalidInput(fault.At("/expires_in", "out_of_range", "a lock holds at most %d seconds", most))
	}
	return time.Duration(seconds) * time.Second, nil
}

type stepInput struct {
	OrderID        string `path:"order_id" pattern:"^[A-Za-z0-9._~-]{1,64}$"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Required with lines"`
	Body           *stepBody
}

type stepBody struct {
	Lines  []orderLineBody `json:"lines,omitempty" doc:"A part of the order; all of it when absent"`
	Reason string          `json:"reason,omitempty" maxLength:"500"`
}

func stepReservation(db postgres.DB, step reservation.Step, wake func()) func(context.Context, *stepInput) (*reservationOutput, error) {
	return func(ctx context.Context, in *stepInput) (*reservationOutput, error) {
		m := reservation.Message{Step: step, OrderID: in.OrderID}
		if in.Body != nil {
			m.Lines, m.Reason = linesOf(in.Body.Lines), in.Body.Reason
		}
		return applyOnce(ctx, db, m, in.IdempotencyKey, wake)
	}
}

type returnInput struct {
	OrderID        string `path:"order_id" pattern:"^[A-Za-z0-9._~-]{1,64}$"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Required"`
	Body           struct {
		Lines   []orderLineBody `json:"lines" minItems:"1" doc:"What came back"`
		Restock bool            `json:"restock" doc:"Whether it can be sold again"`
		Reason  string          `json:"reason,omitempty" maxLength:"500"`
	}
}

func returnReservation(db postgres.DB, wake func()) func(context.Context, *returnInput) (*reservationOutput, error) {
	return func(ctx context.Context, in *returnInput) (*reservationOutput, error) {
		return applyOnce(ctx, db, reservation.Message{
			Step: reservation.Returned, OrderID: in.OrderID, Lines: linesOf(in.Body.Lines), Restock: in.Body.Restock, Reason: in.Body.Reason,
		}, in.IdempotencyKey, wake)
	}
}

func applyOnce(ctx context.Context, db postgres.DB, m reservation.Message, key string, wake func()) (*reservationOutput, error) {
	if len(m.Lines) > 0 && key == "" {
		return nil, &web.Problem{
			Status: http.StatusPreconditionRequired, Code: "idempotency_key_required",
			Detail: "a step on a part of an order needs an Idempotency-Key, so that a repeat is told from another step",
		}
	}
	m.Actor, m.Announce = auth.CallerFrom(ctx).Subject, true
	r := idempotency.Request{
		Caller: m.Actor, Operation: m.Step.String() + " " + m.OrderID, Key: key,
		Body: []any{m.Lines, m.Restock, m.Reason},
	}
	reply, err := idempotency.Do(ctx, db, r, func(tx pgx.Tx) (idempotency.Reply[placed], error) {
		a, err := reservation.Apply(ctx, tx, m)
		return idempotency.Reply[placed]{Status: http.StatusOK, Body: placedOf(a)}, err
	})
	if err != nil {
		return nil, err
	}
	if reply.Body.Appended {
		wake()
	}
	return replyTo(http.StatusOK, reply.Body)
}

type extendInput struct {
	OrderID        string `path:"order_id" pattern:"^[A-Za-z0-9._~-]{1,64}$"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"The same key again gets the same answer"`
	Body           *struct {
		ExpiresIn int64 `json:"expires_in,omitempty" minimum:"1" doc:"Seconds from now; the service's usual time when absent. A lock is never shortened, and holds no longer in all than the service allows"`
	}
}

func extendReservation(db postgres.DB, rules reservation.Rules) func(context.Context, *extendInput) (*reservationOutput, error) {
	return func(ctx context.Context, in *extendInput) (*reservationOutput, error) {
		var seconds int64
		if in.Body != nil {
			seconds = in.Body.ExpiresIn
		}
		hold, err := holdOf(seconds, rules)
		if err != nil {
			return nil, err
		}
		r := idempotency.Request{
			Caller: auth.CallerFrom(ctx).Subject, Operation: "extend " + in.OrderID, Key: in.IdempotencyKey, Body: seconds,
		}
		reply, err := idempotency.Do(ctx, db, r, func(tx pgx.Tx) (idempotency.Reply[placed], error) {
			data, err := reservation.Extend(ctx, tx, rules, in.OrderID, hold)
			return idempotency.Reply[placed]{Status: http.StatusOK, Body: placed{Data: data}}, err
		})
		if err != nil {
			return nil, err
		}
		return replyTo(http.StatusOK, reply.Body)
	}
}
