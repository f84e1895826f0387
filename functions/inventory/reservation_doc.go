package main

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/postgres"
)

func placeOperation(security []map[string][]string) huma.Operation {
	op := operation("place-reservation", "POST", "/v1/reservations", "Lock stock for an order", "reservations", security, http.StatusConflict)
	op.DefaultStatus = http.StatusCreated
	op.Responses = map[string]*huma.Response{"200": {Description: "It was placed before: the first answer again"}}
	op.Description = "All lines or none, unless allow_partial. 201 when it is locked; the same order again is answered as the first time (200, or 409 when it was rejected). " +
		"The same order with other lines is a 409 with code other_lines."
	return withOutcomes(op, reservation.Placed, reservation.PlacedOtherwise)
}

// withOutcomes describes an operation by its rows of the table of outcomes.
func withOutcomes(op huma.Operation, steps ...reservation.Step) huma.Operation {
	op.Description = strings.TrimLeft(op.Description+"\n\n", "\n") + "What it does depends on where the order stands:\n\n" +
		reservation.Table(steps...) + "\n" + outcomeWords
	return op
}

const outcomeWords = "Rejected and refused are a 409 with that code. An order is expired from the moment its time is over, recorded or not. " +
	"With lines it is done to a part of the order, never to more of it than there is for this step (422)."

type reservationDoc struct {
	OrderID   string            `json:"order_id"`
	State     string            `json:"state" enum:"locked,partially_locked,committed,released,expired,rejected"`
	Reason    string            `json:"reason,omitempty" doc:"Why it was rejected"`
	ExpiresAt *time.Time        `json:"expires_at" doc:"Until when it is locked; null when it is not"`
	Lines     []reservationLine `json:"lines"`
	CreatedAt *time.Time        `json:"created_at,omitempty"`
	UpdatedAt *time.Time        `json:"updated_at,omitempty"`
}

type reservationLine struct {
	SKU       string `json:"sku"`
	Requested int64  `json:"requested"`
	Locked    int64  `json:"locked" doc:"What the lock took"`
	Committed int64  `json:"committed" doc:"Of it, what was sold. What is paid for and not there yet is sold when it comes in"`
	Returned  int64  `json:"returned" doc:"Of that, what came back"`
	Available int64  `json:"available" doc:"What there was when the order was decided"`
	Reason    string `json:"reason,omitempty" enum:"unknown_sku,over_limit,insufficient_stock,order_cancelled" doc:"Why not all of it was locked"`
}

func reservationDocOf(d event.ReservationData) reservationDoc {
	doc := reservationDoc{
		OrderID: d.OrderID, State: d.State, Reason: d.Reason, ExpiresAt: d.ExpiresAt, Lines: make([]reservationLine, len(d.Lines)),
	}
	for i, l := range d.Lines {
		doc.Lines[i] = reservationLine{
			SKU: l.SKU, Requested: l.Requested, Locked: l.Locked, Committed: l.Committed,
			Returned: l.Returned, Available: l.Available, Reason: l.Reason,
		}
	}
	return doc
}

func readDocOf(r reservation.Reservation) reservationDoc {
	doc := reservationDocOf(r.ReservationData)
	created, updated := r.CreatedAt.UTC(), r.UpdatedAt.UTC()
	doc.CreatedAt, doc.UpdatedAt = &created, &updated
	return doc
}

type reservationOutput struct {
	Status       int
	CacheControl string `header:"Cache-Control"`
	Location     string `header:"Location"`
	Body         reservationDoc
}

type reservationInput struct {
	OrderID string `path:"order_id" maxLength:"64"`
}

func getReservation(db postgres.DB) func(context.Context, *reservationInput) (*reservationOutput, error) {
	return func(ctx context.Context, in *reservationInput) (*reservationOutput, error) {
		r, err := reservation.Get(ctx, db, in.OrderID)
		if err != nil {
			return nil, err
		}
		return &reservationOutput{Status: 200, CacheControl: private, Body: readDocOf(r)}, nil
	}
}

type reservationListInput struct {
	State  string `query:"state" enum:"locked,partially_locked,committed,released,expired,rejected"`
	SKU    string `query:"sku" maxLength:"64" doc:"Only orders that took something of it"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"24"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before"`
}

type reservationList struct {
	Items      []reservationDoc `json:"items" doc:"By order id"`
	NextCursor *string          `json:"next_cursor"`
}

type reservationListOutput struct {
	CacheControl string `header:"Cache-Control"`
	Link         string `header:"Link"`
	Body         reservationList
}

func listReservations(db postgres.DB) func(context.Context, *reservationListInput) (*reservationListOutput, error) {
	return func(ctx context.Context, in *reservationListInput) (*reservationListOutput, error) {
		query := []any{"reservations", in.State, in.SKU}
		after, err := afterID(in.Cursor, query)
		if err != nil {
			return nil, err
		}
		found, err := reservation.List(ctx, db, reservation.Filter{State: reservation.State(in.State), SKU: in.SKU}, after, in.Limit+1)
		if err != nil {
			return nil, err
		}
		page, next, err := pageOf(found, in.Limit, query, func(r reservation.Reservation) any { return r.OrderID })
		out := &reservationListOutput{CacheControl: private, Body: reservationList{Items: []reservationDoc{}, NextCursor: next}}
		for _, r := range page {
			out.Body.Items = append(out.Body.Items, readDocOf(r))
		}
		q := url.Values{"limit": {strconv.Itoa(in.Limit)}}
		for name, value := range map[string]string{"state": in.State, "sku": in.SKU} {
			if value != "" {
				q.Set(name, value)
			}
		}
		out.Link = nextLink("/v1/reservations", q, next)
		return out, err
	}
}
