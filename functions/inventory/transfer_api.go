package main

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/auth"
	"github.com/mallhive/product-service/shared/idempotency"
	"github.com/mallhive/product-service/shared/postgres"
)

type transferInput struct {
	SKU            string `path:"sku" pattern:"^[A-Za-z0-9._~-]{1,64}$"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Required"`
	Body           transferBody
}

type transferBody struct {
	From      string `json:"from" pattern:"^[A-Za-z0-9._~-]{1,64}$" doc:"Code of the location that it leaves" example:"main"`
	To        string `json:"to" pattern:"^[A-Za-z0-9._~-]{1,64}$" doc:"Code of the location where it arrives" example:"shop"`
	Quantity  int64  `json:"quantity" minimum:"1" maximum:"1000000000"`
	Reason    string `json:"reason,omitempty" maxLength:"500"`
	Reference string `json:"reference,omitempty" maxLength:"200"`
}

func transferOperation(security []map[string][]string) huma.Operation {
	op := operation("transfer-stock", http.MethodPost, "/v1/stock/{sku}/transfers", "Take stock from one location to another", "stock", security, 404, 409, 428)
	op.Description = "Only what nobody has reserved at a location can leave it (else 409 with code insufficient_stock); where it arrives it fills a shortfall first. " +
		"The ledger has a movement for each of the two, with one request. There is no more and no less of the SKU than before, so nothing is announced." +
		whatComesIn
	return op
}

func transferStock(db postgres.DB, came func(context.Context, ...string)) func(context.Context, *transferInput) (*stockOutput, error) {
	return func(ctx context.Context, in *transferInput) (*stockOutput, error) {
		cause := stock.OfNobody(auth.CallerFrom(ctx).Subject, in.Body.Reason)
		cause.Reference = in.Body.Reference
		t := stock.Transfer{SKU: in.SKU, From: in.Body.From, To: in.Body.To, Quantity: in.Body.Quantity}
		return moveOnce(ctx, db, came, in.SKU, idempotency.Request{
			Caller: cause.Actor, Operation: "transfer-stock " + in.SKU, Key: in.IdempotencyKey, Body: in.Body,
		}, func(tx pgx.Tx) (stock.Stock, error) { return stock.MakeTransfer(ctx, tx, cause, t) })
	}
}
