package main

import (
	"context"
	"math"
	"net/url"
	"strconv"
	"time"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/web"
)

type movementDoc struct {
	ID            string    `json:"id" doc:"Rises with time"`
	Kind          string    `json:"kind" enum:"count,adjustment,transfer_out,transfer_in,reserve,commit,release,expire,return"`
	SKU           string    `json:"sku"`
	Location      string    `json:"location"`
	OnHandDelta   int64     `json:"on_hand_delta"`
	ReservedDelta int64     `json:"reserved_delta"`
	OnHandAfter   int64     `json:"on_hand_after"`
	ReservedAfter int64     `json:"reserved_after"`
	Reason        string    `json:"reason"`
	Reference     string    `json:"reference"`
	Actor         string    `json:"actor" doc:"Subject of the caller, or source of the event"`
	OrderID       *string   `json:"order_id"`
	At            time.Time `json:"at"`
}

type movementList struct {
	Items      []movementDoc `json:"items"`
	NextCursor *string       `json:"next_cursor"`
}

type movementListOutput struct {
	CacheControl string `header:"Cache-Control"`
	Link         string `header:"Link"`
	Body         movementList
}

type movementsOfSKUInput struct {
	SKU    string `path:"sku" maxLength:"64"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"24"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before"`
}

func movementsOfSKU(db postgres.DB) func(context.Context, *movementsOfSKUInput) (*movementListOutput, error) {
	return func(ctx context.Context, in *movementsOfSKUInput) (*movementListOutput, error) {
		path := "/v1/stock/" + url.PathEscape(in.SKU) + "/movements"
		list := func(before int64, limit int) ([]stock.Movement, error) {
			return stock.MovementsOf(ctx, db, in.SKU, before, limit)
		}
		out, err := movementPage(list, in.Limit, in.Cursor, path, url.Values{})
		if err == nil && len(out.Body.Items) == 0 && in.Cursor == "" {
			return nil, fault.Missing("no stock was ever counted of this sku")
		}
		return out, err
	}
}

type movementsOfOrderInput struct {
	OrderID string `query:"order_id" required:"true" pattern:"^[A-Za-z0-9._~-]{1,64}$"`
	Limit   int    `query:"limit" minimum:"1" maximum:"100" default:"24"`
	Cursor  string `query:"cursor" doc:"next_cursor of the page before"`
}

func movementsOfOrder(db postgres.DB) func(context.Context, *movementsOfOrderInput) (*movementListOutput, error) {
	return func(ctx context.Context, in *movementsOfOrderInput) (*movementListOutput, error) {
		list := func(before int64, limit int) ([]stock.Movement, error) {
			return stock.MovementsOfOrder(ctx, db, in.OrderID, before, limit)
		}
		return movementPage(list, in.Limit, in.Cursor, "/v1/movements", url.Values{"order_id": {in.OrderID}})
	}
}

func movementPage(list func(int64, int) ([]stock.Movement, error), limit int, cursor, path string, q url.Values) (*movementListOutput, error) {
	query := []any{path, q.Encode()}
	before := int64(math.MaxInt64)
	if cursor != "" {
		if err := web.DecodeCursor(cursor, query, &before); err != nil {
			return nil, err
		}
	}
	found, err := list(before, limit+1)
	if err != nil {
		return nil, err
	}
	page, next, err := pageOf(found, limit, query, func(m stock.Movement) any { return m.ID })
	out := &movementListOutput{CacheControl: private, Body: movementList{Items: []movementDoc{}, NextCursor: next}}
	for _, m := range page {
		out.Body.Items = append(out.Body.Items, movementDoc{
			ID: strconv.FormatInt(m.ID, 10), Kind: string(m.Kind), SKU: m.SKU, Location: m.Location,
			OnHandDelta: m.OnHandDelta, ReservedDelta: m.ReservedDelta, OnHandAfter: m.OnHandAfter, ReservedAfter: m.ReservedAfter,
			Reason: m.Reason, Reference: m.Reference, Actor: m.Actor, OrderID: m.OrderID, At: m.At.UTC(),
		})
	}
	q.Set("limit", strconv.Itoa(limit))
	out.Link = nextLink(path, q, next)
	return out, err
}

type differenceDoc struct {
	SKU            string `json:"sku"`
	Location       string `json:"location"`
	OnHand         int64  `json:"on_hand"`
	LedgerOnHand   int64  `json:"ledger_on_hand"`
	Reserved       int64  `json:"reserved"`
	LedgerReserved int64  `json:"ledger_reserved"`
	Held           int64  `json:"held" doc:"What reservations hold of it"`
}

type auditOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         auditDoc
}

type auditDoc struct {
	Items      []differenceDoc `json:"items" doc:"What differs, at most 1000; empty, always"`
	NextCursor *string         `json:"next_cursor" doc:"Always null"`
}

const maxDifferences = 1000

func auditStock(db postgres.DB) func(context.Context, *struct{}) (*auditOutput, error) {
	return func(ctx context.Context, _ *struct{}) (*auditOutput, error) {
		found, err := stock.Audit(ctx, db, maxDifferences)
		if err != nil {
			return nil, err
		}
		out := &auditOutput{CacheControl: private, Body: auditDoc{Items: make([]differenceDoc, len(found))}}
		for i, d := range found {
			out.Body.Items[i] = differenceDoc(d)
		}
		return out, nil
	}
}
