package main

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/price"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/web"
)

const saleDoc = "While it holds, a sale goes before the base price of its currency and is compared with it, unless it names compare_at itself. " +
	"Sales of a variant in one currency never overlap: 409, sale_overlap."

const withdrawDoc = "What has not begun is cancelled: it never holds, and the price before holds on. A sale that runs ends now. " +
	"What is over, was cancelled, or is a base price that has begun is a 409."

// salePrice is a sale to begin, or to schedule.
type salePrice struct {
	price.Price
	StartsAt *time.Time `json:"starts_at,omitempty" doc:"When it begins: a time to come, or left out for now" example:"2026-11-27T00:00:00Z"`
	EndsAt   *time.Time `json:"ends_at,omitempty" doc:"It holds until before then; left out, until it is ended" example:"2026-12-01T00:00:00Z"`
}

func (p *salePrice) check(faults *fault.List) {
	p.Check(faults, "")
	p.StartsAt, p.EndsAt = moment(faults, "/starts_at", p.StartsAt), moment(faults, "/ends_at", p.EndsAt)
	if p.StartsAt != nil && p.EndsAt != nil && !p.EndsAt.After(*p.StartsAt) {
		faults.Add("/ends_at", "out_of_range", "after the start")
	}
}

type createSaleInput struct {
	SKU            string `path:"sku" maxLength:"64" example:"ICE-3920564"`
	IfMatch        string `header:"If-Match" doc:"The ETag of the variant or its product; not required"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255"`
	RawBody        []byte `contentType:"application/json"`
}

type saleReply struct {
	Status       int
	ETag         string `header:"ETag" doc:"Of the variant, for the next change of it"`
	CacheControl string `header:"Cache-Control"`
	Location     string `header:"Location"`
	Body         *price.Record
}

// begun is what an Idempotency-Key keeps of a sale.
type begun struct {
	Sale    price.Record `json:"sale"`
	Version int64        `json:"version"`
}

func (c *catalog) createSale(ctx context.Context, in *createSaleInput) (*saleReply, error) {
	p, faults, err := c.sales.read(in.RawBody)
	if err != nil {
		return nil, err
	}
	var rules fault.List
	p.check(&rules)
	if err := merged(faults, rules).Err(); err != nil {
		return nil, err
	}
	body := struct {
		SKU  string    `json:"sku"`
		Sale salePrice `json:"sale"`
	}{in.SKU, p}
	made, err := once(ctx, c.DB, "create-sale", in.IdempotencyKey, body, func(tx pgx.Tx) (begun, error) {
		out, err := c.reprice(ctx, tx, product.PriceIntent{
			SKU: in.SKU, Kind: price.Sale, Price: p.Price, StartsAt: p.StartsAt, EndsAt: p.EndsAt, Allow: ifMatched(in.IfMatch),
		})
		return begun{Sale: out.Sale.Record(), Version: out.Version}, err
	})
	if err != nil {
		return nil, err
	}
	c.wake()
	return &saleReply{
		Status: http.StatusCreated, ETag: web.ETag(made.Version, made.Sale), CacheControl: web.PrivateCache,
		Location: "/v1/variants/" + in.SKU + "/sales/" + made.Sale.ID.String(), Body: &made.Sale,
	}, nil
}

// ifMatched lets what adds to a thing pass without naming its version, too.
func ifMatched(ifMatch string) func(*int64) error {
	if ifMatch == "" {
		return anyVersion
	}
	return change(web.Expect(ifMatch, ""))
}

type withdrawInput struct {
	SKU     string    `path:"sku" maxLength:"64" example:"ICE-3920564"`
	ID      uuid.UUID `path:"id" example:"0198c5a2-7c1e-7d4a-9f43-2b1f0a6d5e11"`
	IfMatch string    `header:"If-Match" doc:"The ETag of the variant or its product"`
}

func (c *catalog) deleteSale(ctx context.Context, in *withdrawInput) (*struct{}, error) {
	return c.withdraw(ctx, price.Sale, in)
}

func (c *catalog) deletePrice(ctx context.Context, in *withdrawInput) (*struct{}, error) {
	return c.withdraw(ctx, price.Base, in)
}

func (c *catalog) withdraw(ctx context.Context, kind string, in *withdrawInput) (*struct{}, error) {
	_, err := c.reprice(ctx, c.DB, product.PriceIntent{
		SKU: in.SKU, Kind: kind, Withdraw: &in.ID, Allow: change(web.Expect(in.IfMatch, "")),
	})
	if err == nil {
		c.wake()
	}
	return nil, err
}
