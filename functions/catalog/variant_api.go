package main

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/web"
)

// variantView is one variant with what a cart shows of its product.
type variantView struct {
	product.Variant
	ProductID uuid.UUID      `json:"product_id" doc:"The product it is a variant of" example:"0198c5a2-7c1e-7d4a-9f43-2b1f0a6d5e11"`
	Slug      string         `json:"slug" doc:"The product's slug" example:"xerox-006r90321"`
	Name      string         `json:"name" doc:"The product's name" example:"Xerox 006R90321 toner cartridge"`
	Brand     *string        `json:"brand" example:"Xerox"`
	Image     *product.Media `json:"image,omitempty" doc:"The product's first image"`
}

type variantReply struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Location     string `header:"Location"`
	Body         *variantView
}

type getVariantInput struct {
	SKU         string `path:"sku" maxLength:"64" example:"ICE-3920564"`
	IfNoneMatch string `header:"If-None-Match"`
}

func (c *catalog) getVariant(ctx context.Context, in *getVariantInput) (*variantReply, error) {
	drafts := mayReadDrafts(ctx)
	out, err := variantOf(ctx, c.DB, in.SKU, drafts)
	if err != nil {
		return nil, err
	}
	out.CacheControl = web.PublicCache
	if drafts {
		out.CacheControl = web.PrivateCache
	}
	if in.IfNoneMatch != "" && web.NotModified(in.IfNoneMatch, out.ETag) {
		out.Status, out.Body = http.StatusNotModified, nil
	}
	return out, nil
}

func variantOf(ctx context.Context, db postgres.DB, sku string, drafts bool) (*variantReply, error) {
	if !product.ValidSKU(sku) {
		return nil, fault.Missing("there is no such variant")
	}
	id, variant, err := product.Owner(ctx, db, sku)
	if err != nil {
		return nil, err
	}
	d, err := product.Get(ctx, db, id.String(), drafts)
	if err != nil {
		return nil, err
	}
	for _, v := range d.Variants {
		if *v.ID != variant {
			continue
		}
		view := variantView{Variant: v, ProductID: id, Slug: d.Slug, Name: d.Name, Brand: d.Brand}
		if len(d.Media) > 0 {
			view.Image = &d.Media[0]
		}
		// A variant changes with its product: its ETag is of the product's version.
		return &variantReply{Status: http.StatusOK, ETag: web.ETag(d.Version, view), Body: &view}, nil
	}
	return nil, fault.Missing("there is no such variant")
}

// ownVariant is a variant as its writer reads it back.
func (c *catalog) ownVariant(ctx context.Context, sku string) (*variantReply, error) {
	out, err := variantOf(ctx, c.DB, sku, true)
	if err == nil {
		out.CacheControl = web.PrivateCache
	}
	return out, err
}
