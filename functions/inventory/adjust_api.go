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
	"github.com/mallhive/product-service/shared/web"
)

type adjustInput struct {
	SKU            string `path:"sku" pattern:"^[A-Za-z0-9._~-]{1,64}$"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Required"`
	Body           adjustBody
}

type adjustBody struct {
	Location  string `json:"location" pattern:"^[A-Za-z0-9._~-]{1,64}$"`
	Delta     int64  `json:"delta" minimum:"-1000000000" maximum:"1000000000" doc:"How many came, or, below 0, went; not 0" example:"-2"`
	Reason    string `json:"reason" minLength:"1" maxLength:"500"`
	Reference string `json:"reference,omitempty" maxLength:"200"`
}

// moved is what one use of an Idempotency-Key remembers of a SKU's stock.
type moved struct {
	Doc  stockDoc `json:"doc"`
	ETag string   `json:"etag"`
}

func adjustOperation(security []map[string][]string) huma.Operation {
	op := operation("adjust-stock", http.MethodPost, "/v1/stock/{sku}/adjustments", "Add to what a location has, or take from it", "stock", security, 404, 409, 428)
	op.Description = "For what came or went: goods received, damaged, found. What was counted is a count (PUT /v1/stock/{sku}/locations/{code}). " +
		"The ledger keeps reason, reference and caller. Less than is reserved at the location is taken as it is, as a shortfall, and announced; " +
		"less than nothing is a 409 with code insufficient_stock. What comes makes SKU and level known; from a SKU that nobody knows nothing goes (404)." +
		whatComesIn
	return op
}

func adjustStock(db postgres.DB, came func(context.Context, ...string)) func(context.Context, *adjustInput) (*stockOutput, error) {
	return func(ctx context.Context, in *adjustInput) (*stockOutput, error) {
		cause := stock.OfNobody(auth.CallerFrom(ctx).Subject, in.Body.Reason)
		cause.Reference = in.Body.Reference
		a := stock.Adjustment{SKU: in.SKU, Location: in.Body.Location, Delta: in.Body.Delta}
		return moveOnce(ctx, db, came, in.SKU, idempotency.Request{
			Caller: cause.Actor, Operation: "adjust-stock " + in.SKU, Key: in.IdempotencyKey, Body: in.Body,
		}, func(tx pgx.Tx) (stock.Stock, error) { return stock.Adjust(ctx, tx, cause, a) })
	}
}

// moveOnce makes a change of stock once for its key.
func moveOnce(
	ctx context.Context, db postgres.DB, came func(context.Context, ...string), sku string,
	r idempotency.Request, change func(pgx.Tx) (stock.Stock, error),
) (*stockOutput, error) {
	if r.Key == "" {
		return nil, &web.Problem{
			Status: http.StatusPreconditionRequired, Code: "idempotency_key_required",
			Detail: "this needs an Idempotency-Key, so that a repeat is told from another change",
		}
	}
	reply, err := idempotency.Do(ctx, db, r, func(tx pgx.Tx) (idempotency.Reply[moved], error) {
		after, err := change(tx)
		out := stockOutputOf(after, http.StatusOK)
		return idempotency.Reply[moved]{Status: out.Status, Body: moved{out.Body, out.ETag}}, err
	})
	if err != nil {
		return nil, err
	}
	came(ctx, sku) // also for a repeat: the first may have died before it
	return &stockOutput{Status: http.StatusOK, ETag: reply.Body.ETag, CacheControl: private, Body: reply.Body.Doc}, nil
}
