package main

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/web"
)

type policyInput struct {
	SKU         string `path:"sku" pattern:"^[A-Za-z0-9._~-]{1,64}$"`
	IfMatch     string `header:"If-Match" doc:"ETag of the SKU's stock"`
	IfNoneMatch string `header:"If-None-Match" doc:"* when nobody knows the SKU yet"`
	Body        policyBody
}

// policyBody replaces all of a policy: what is absent is the default.
type policyBody struct {
	Track             *bool      `json:"track,omitempty" doc:"Whether stock is counted: of what is not, there is always enough. True when absent" example:"true"`
	WhenOutOfStock    string     `json:"when_out_of_stock,omitempty" enum:"deny,backorder,preorder" default:"deny" doc:"What becomes of orders when nothing is left"`
	BackorderLimit    *int64     `json:"backorder_limit,omitempty" nullable:"true" minimum:"0" maximum:"1000000000" doc:"How many may be locked beyond what there is; no limit when absent. Not with deny" example:"10"`
	AvailableOn       *time.Time `json:"available_on,omitempty" nullable:"true" doc:"When it comes. A preorder needs it, and ends then. Not with deny"`
	SafetyStock       int64      `json:"safety_stock,omitempty" minimum:"0" maximum:"1000000000" default:"0" doc:"How many are never sold"`
	LowStockThreshold *int64     `json:"low_stock_threshold,omitempty" minimum:"0" maximum:"1000000000" doc:"With this many available or fewer it runs low. 5 when absent" example:"5"`
	MaxPerOrder       *int64     `json:"max_per_order,omitempty" nullable:"true" minimum:"1" maximum:"1000000000" doc:"How many one order may have; no limit when absent" example:"10"`
	Incoming          int64      `json:"incoming,omitempty" minimum:"0" maximum:"1000000000" default:"0" doc:"How many are on their way: told, not sold"`
}

// defaultThreshold is the low-stock threshold of a SKU that nobody gave one.
const defaultThreshold = 5

func (b policyBody) of(sku string) stock.Policy {
	p := stock.Policy{
		SKU: sku, Track: true, WhenOutOfStock: b.WhenOutOfStock, BackorderLimit: b.BackorderLimit, AvailableOn: b.AvailableOn,
		SafetyStock: b.SafetyStock, LowStockThreshold: defaultThreshold, MaxPerOrder: b.MaxPerOrder, Incoming: b.Incoming,
	}
	if b.Track != nil {
		p.Track = *b.Track
	}
	if b.LowStockThreshold != nil {
		p.LowStockThreshold = *b.LowStockThreshold
	}
	return p
}

func policyOperation(security []map[string][]string) huma.Operation {
	op := creating(operation("set-stock-policy", http.MethodPut, "/v1/stock/{sku}", "Say how a SKU is sold", "stock", security, 409, 412, 428))
	op.Description = "Replaces all of the policy: what is absent gets its default. If-Match takes the ETag of the SKU's stock; of a SKU that nobody knows it makes the first. " +
		"What may be locked beyond the stock lies on the first location; a SKU that was never counted gets a level there (409 with code no_location when there is no location). " +
		"Lowered below what is held already, the limit leaves a shortfall, which is announced, and nothing more is locked."
	return op
}

func setPolicy(db postgres.DB, wake func()) func(context.Context, *policyInput) (*stockOutput, error) {
	return func(ctx context.Context, in *policyInput) (*stockOutput, error) {
		after, created, err := stock.SetPolicy(ctx, db, in.Body.of(in.SKU), web.Expect(in.IfMatch, in.IfNoneMatch))
		if err != nil {
			return nil, err
		}
		wake()
		status := http.StatusOK
		if created {
			status = http.StatusCreated
		}
		return stockOutputOf(after, status), nil
	}
}
