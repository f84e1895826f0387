package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/web"
)

const variantDoc = "The variant has a value for each of its product's options, and no other variant has the same. " +
	"Its SKU is its own for ever, also once it is removed. It is written under the lock and the version of its product."

const removalDoc = "Its SKU stays its product's for ever and may return to it, with its prices. The last variant may go, too."

// variantBody is a variant as it is written. What is its product's may stand
// there, as it is read, and is ignored.
type variantBody struct {
	product.Variant
	ProductID *uuid.UUID     `json:"product_id,omitempty" readOnly:"true"`
	Slug      *string        `json:"slug,omitempty" readOnly:"true"`
	Name      *string        `json:"name,omitempty" readOnly:"true"`
	Brand     *string        `json:"brand,omitempty" readOnly:"true" nullable:"true"`
	Image     *product.Media `json:"image,omitempty" readOnly:"true"`
}

type createVariantInput struct {
	Ref            string `path:"ref" maxLength:"200" doc:"Id or slug of the product"`
	IfMatch        string `header:"If-Match" doc:"The ETag of the product; not required"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255"`
	RawBody        []byte `contentType:"application/json"`
}

func (c *catalog) createVariant(ctx context.Context, in *createVariantInput) (*variantReply, error) {
	v, form, err := c.variants.read(in.RawBody)
	if err != nil {
		return nil, err
	}
	id, err := c.target(ctx, in.Ref)
	if err != nil {
		return nil, err
	}
	edit := product.Edit{Product: id, Allow: ifMatched(in.IfMatch), Judge: judge(&form), Change: func(d *product.Document) (int, error) {
		if slices.ContainsFunc(d.Variants, func(o product.Variant) bool { return o.SKU == v.SKU }) {
			clash := fault.Clash("duplicate", "the product has this variant already")
			clash.Fields = []fault.Field{fault.At("/sku", "duplicate", "the product has this variant already")}
			return 0, clash
		}
		d.Variants = append(d.Variants, v.Variant)
		return len(d.Variants) - 1, nil
	}}
	body := struct {
		Product uuid.UUID       `json:"product"`
		Variant product.Variant `json:"variant"`
	}{id, v.Variant}
	key := in.IdempotencyKey
	if bytes.Contains(in.RawBody, []byte(`\u0000`)) {
		key = "" // it is refused, with a reason that the database could not keep
	}
	made, err := once(ctx, c.DB, "create-variant", key, body, func(tx pgx.Tx) (variantReply, error) {
		if _, err := product.EditVariants(ctx, tx, edit); err != nil {
			return variantReply{}, err
		}
		out, err := variantOf(ctx, tx, v.SKU, true)
		if err != nil {
			return variantReply{}, err
		}
		return *out, nil
	})
	if err != nil {
		return nil, err
	}
	c.wake()
	made.Status, made.CacheControl, made.Location = http.StatusCreated, web.PrivateCache, "/v1/variants/"+v.SKU
	return &made, nil
}

// judge tells what is wrong with a variant's form together with its rules.
func judge(form *fault.List) func(fault.List) error {
	return func(rules fault.List) error { return merged(*form, rules).Err() }
}

type replaceVariantInput struct {
	SKU     string `path:"sku" maxLength:"64" example:"ICE-3920564"`
	IfMatch string `header:"If-Match" doc:"The ETag of the variant or its product"`
	RawBody []byte `contentType:"application/json"`
}

func (c *catalog) replaceVariant(ctx context.Context, in *replaceVariantInput) (*variantReply, error) {
	return c.editVariant(ctx, in, func(product.Variant) ([]byte, error) { return in.RawBody, nil })
}

func (c *catalog) patchVariant(ctx context.Context, in *replaceVariantInput) (*variantReply, error) {
	var change map[string]any
	if err := json.Unmarshal(in.RawBody, &change); err != nil || change == nil {
		return nil, fault.New(fault.Malformed, "malformed", "a merge patch is one JSON object")
	}
	return c.editVariant(ctx, in, func(v product.Variant) ([]byte, error) {
		return patched(toPatch(v, change), in.RawBody)
	})
}

// toPatch is the variant as a patch means it: its one price may be changed in
// part, and else only the prices stand there that the patch names.
func toPatch(v product.Variant, change map[string]any) product.Variant {
	_, price := change["price"]
	_, compareAt := change["compare_at"]
	if _, prices := change["prices"]; prices || !price && !compareAt {
		v.Price, v.CompareAt = nil, nil
	}
	if one, named := change["price"].(map[string]any); named && v.Price != nil {
		if currency, named := one["currency"]; named && currency != v.Price.Currency {
			v.CompareAt = nil
		}
	}
	v.Prices = nil
	return v
}

// editVariant puts what write makes of a variant in its place.
func (c *catalog) editVariant(ctx context.Context, in *replaceVariantInput, write func(product.Variant) ([]byte, error)) (*variantReply, error) {
	id, _, err := product.Owner(ctx, c.DB, in.SKU)
	if err != nil {
		return nil, err
	}
	var form fault.List
	out, err := product.EditVariants(ctx, c.DB, product.Edit{
		Product: id, Allow: change(web.Expect(in.IfMatch, "")), Judge: judge(&form),
		Change: func(d *product.Document) (int, error) {
			at, err := placeOf(d, in.SKU)
			if err != nil {
				return at, err
			}
			after, err := write(d.Variants[at])
			if err != nil {
				return at, err
			}
			var v variantBody
			if v, form, err = c.variants.read(after); err != nil {
				return at, err
			}
			if v.SKU != "" && v.SKU != in.SKU {
				form.Add("/sku", "contradicts", "not the SKU in the address, which is for ever")
			}
			v.SKU = in.SKU
			d.Variants[at] = v.Variant
			return at, nil
		},
	})
	if err != nil {
		return nil, err
	}
	if out.Result != "unchanged" {
		c.wake()
	}
	return c.ownVariant(ctx, in.SKU)
}

// placeOf is where the variant stands in its product.
func placeOf(d *product.Document, sku string) (int, error) {
	at := slices.IndexFunc(d.Variants, func(v product.Variant) bool { return v.SKU == sku })
	if at < 0 {
		return at, fault.Missing("there is no such variant")
	}
	return at, nil
}

type deleteVariantInput struct {
	SKU     string `path:"sku" maxLength:"64" example:"ICE-3920564"`
	IfMatch string `header:"If-Match" doc:"The ETag of the variant or its product"`
}

func (c *catalog) deleteVariant(ctx context.Context, in *deleteVariantInput) (*struct{}, error) {
	id, _, err := product.Owner(ctx, c.DB, in.SKU)
	if err != nil {
		return nil, err
	}
	_, err = product.EditVariants(ctx, c.DB, product.Edit{
		Product: id, Allow: change(web.Expect(in.IfMatch, "")), Judge: func(fault.List) error { return nil },
		Change: func(d *product.Document) (int, error) {
			at, err := placeOf(d, in.SKU)
			if err == nil {
				d.Variants = slices.Delete(d.Variants, at, at+1)
			}
			return -1, err
		},
	})
	if err == nil {
		c.wake()
	}
	return nil, err
}
