package main

import (
	"context"
	"encoding/json"

	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/web"
)

type patchProductInput struct {
	Ref     string `path:"ref" maxLength:"200" doc:"Id or slug"`
	IfMatch string `header:"If-Match" doc:"The ETag of what is changed"`
	RawBody []byte `contentType:"application/json"`
}

func (c *catalog) patchProduct(ctx context.Context, in *patchProductInput) (*productReply, error) {
	current, err := c.current(ctx, in.Ref)
	if err != nil {
		return nil, err
	}
	if err := web.IfMatch(in.IfMatch, current.Version); err != nil {
		return nil, err
	}
	after, err := patched(current.WithoutPrices(), in.RawBody) // what a sale makes of them is not to stay
	if err != nil {
		return nil, err
	}
	d, err := c.readProduct(after)
	if err != nil {
		return nil, err
	}
	// The version that was read, so that nothing written meanwhile is lost.
	out, err := product.Save(ctx, c.DB, product.Intent{Doc: d, Target: current.ID, Allow: func(v *int64) error {
		return web.IfMatch(web.ETag(current.Version, nil), *v)
	}})
	if err != nil {
		return nil, err
	}
	return c.wrote(ctx, out)
}

// patched applies a JSON Merge Patch (RFC 7396) to a document.
func patched(document any, patch []byte) ([]byte, error) {
	var change any
	if err := json.Unmarshal(patch, &change); err != nil {
		return nil, fault.New(fault.Malformed, "malformed", "a merge patch is one JSON object")
	}
	if _, isObject := change.(map[string]any); !isObject {
		return nil, fault.New(fault.Malformed, "malformed", "a merge patch is one JSON object")
	}
	before, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	var target any
	if err := json.Unmarshal(before, &target); err != nil {
		return nil, err
	}
	return json.Marshal(merge(target, change))
}

func merge(target, patch any) any {
	changes, isObject := patch.(map[string]any)
	if !isObject {
		return patch
	}
	merged, isObject := target.(map[string]any)
	if !isObject {
		merged = map[string]any{}
	}
	for name, value := range changes {
		if value == nil {
			delete(merged, name)
			continue
		}
		merged[name] = merge(merged[name], value)
	}
	return merged
}
