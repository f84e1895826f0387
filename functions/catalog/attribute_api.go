package main

import (
	"context"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/attribute"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/web"
)

type attributeReply struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Location     string `header:"Location"`
	Body         *attribute.Attribute
}

type listAttributesInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"24"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before"`
}

type attributeList struct {
	CacheControl string `header:"Cache-Control"`
	Link         string `header:"Link"`
	Body         struct {
		Items      []attribute.Attribute `json:"items" nullable:"false"`
		NextCursor *string               `json:"next_cursor"`
	}
}

func (c *catalog) listAttributes(ctx context.Context, in *listAttributesInput) (*attributeList, error) {
	var after string
	if in.Cursor != "" {
		if err := web.DecodeCursor(in.Cursor, "attributes", &after); err != nil {
			return nil, err
		}
		after = strings.ReplaceAll(after, "\x00", "")
	}
	list, err := attribute.List(ctx, c.DB, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := &attributeList{CacheControl: web.PublicCache}
	if len(list) > in.Limit {
		list = list[:in.Limit]
		next, err := web.EncodeCursor("attributes", list[in.Limit-1].Code)
		if err != nil {
			return nil, err
		}
		out.Body.NextCursor = &next
		out.Link = web.NextLink("/v1/attributes", map[string][]string{"limit": {itoa(in.Limit)}}, next)
	}
	out.Body.Items = list
	return out, nil
}

type getAttributeInput struct {
	Code        string `path:"code" maxLength:"100"`
	IfNoneMatch string `header:"If-None-Match"`
}

func (c *catalog) getAttribute(ctx context.Context, in *getAttributeInput) (*attributeReply, error) {
	out, err := c.attribute(ctx, in.Code)
	if err != nil {
		return nil, err
	}
	out.CacheControl = web.PublicCache
	if in.IfNoneMatch != "" && web.NotModified(in.IfNoneMatch, out.ETag) {
		out.Status, out.Body = http.StatusNotModified, nil
	}
	return out, nil
}

func (c *catalog) attribute(ctx context.Context, code string) (*attributeReply, error) {
	a, err := attribute.Get(ctx, c.DB, code)
	if err != nil {
		return nil, err
	}
	return attributeShown(a), nil
}

func attributeShown(a attribute.Attribute) *attributeReply {
	return &attributeReply{Status: http.StatusOK, ETag: web.ETag(a.Version, a), CacheControl: web.PrivateCache, Body: &a}
}

func attributeCreated(a attribute.Attribute) *attributeReply {
	out := attributeShown(a)
	out.Status, out.Location = http.StatusCreated, "/v1/attributes/"+a.Code
	return out
}

type createAttributeInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255"`
	RawBody        []byte `contentType:"application/json"`
}

func (c *catalog) createAttribute(ctx context.Context, in *createAttributeInput) (*attributeReply, error) {
	a, err := c.readAttribute(in.RawBody)
	if err != nil {
		return nil, err
	}
	made, err := once(ctx, c.DB, "create-attribute", in.IdempotencyKey, a, func(tx pgx.Tx) (attribute.Attribute, error) {
		if _, err := saveAttribute(ctx, tx, a, create("attribute")); err != nil {
			return attribute.Attribute{}, err
		}
		return attribute.Get(ctx, tx, a.Code)
	})
	if err != nil {
		return nil, duplicateAttribute(err)
	}
	return attributeCreated(made), nil
}

type replaceAttributeInput struct {
	Code        string `path:"code" maxLength:"100"`
	IfMatch     string `header:"If-Match" doc:"The ETag of what is replaced"`
	IfNoneMatch string `header:"If-None-Match" doc:"* creates"`
	RawBody     []byte `contentType:"application/json"`
}

func (c *catalog) replaceAttribute(ctx context.Context, in *replaceAttributeInput) (*attributeReply, error) {
	a, err := c.readAttribute(in.RawBody)
	if err != nil {
		return nil, err
	}
	return c.saveNamed(ctx, in.Code, a, put(in.IfMatch, in.IfNoneMatch))
}

// saveNamed writes the attribute that an address names.
func (c *catalog) saveNamed(ctx context.Context, code string, a attribute.Attribute, allow func(*int64) error) (*attributeReply, error) {
	if a.Code != code {
		return nil, fault.InvalidInput(fault.At("/code", "contradicts", "not the code in the address; a code is for ever"))
	}
	var result string
	var stored attribute.Attribute
	err := postgres.InTx(ctx, c.DB, func(tx pgx.Tx) error {
		var err error
		if result, err = saveAttribute(ctx, tx, a, allow); err != nil {
			return err
		}
		stored, err = attribute.Get(ctx, tx, a.Code)
		return err
	})
	if err != nil {
		return nil, duplicateAttribute(err)
	}
	if result == "created" {
		return attributeCreated(stored), nil
	}
	return attributeShown(stored), nil
}

func (c *catalog) readAttribute(raw []byte) (attribute.Attribute, error) {
	a, faults, err := c.attributes.read(raw)
	if err != nil {
		return a, err
	}
	return a, merged(faults, a.Check()).Err()
}

func saveAttribute(ctx context.Context, tx pgx.Tx, a attribute.Attribute, allow func(*int64) error) (string, error) {
	outcomes, err := attribute.SaveAll(ctx, tx, []attribute.Attribute{a},
		func(_ int, current *int64) error { return allow(current) }, attributesInUse)
	if err != nil {
		return "", err
	}
	return outcomes[0].Result, outcomes[0].Fault
}

// duplicateAttribute explains that somebody else created it meanwhile.
func duplicateAttribute(err error) error {
	if postgres.IsUnique(err) {
		return fault.Clash("duplicate", "there is such an attribute already")
	}
	return err
}

func attributesInUse(ctx context.Context, tx pgx.Tx, codes []string) (map[string]bool, error) {
	return product.AttributesInUse(ctx, tx, codes)
}

type patchAttributeInput struct {
	Code    string `path:"code" maxLength:"100" example:"screen_size"`
	IfMatch string `header:"If-Match" doc:"The ETag of what is changed"`
	RawBody []byte `contentType:"application/json"`
}

func (c *catalog) patchAttribute(ctx context.Context, in *patchAttributeInput) (*attributeReply, error) {
	current, err := attribute.Get(ctx, c.DB, in.Code)
	if err != nil {
		return nil, err
	}
	if err := web.IfMatch(in.IfMatch, current.Version); err != nil {
		return nil, err
	}
	after, err := patched(current, in.RawBody)
	if err != nil {
		return nil, err
	}
	a, err := c.readAttribute(after)
	if err != nil {
		return nil, err
	}
	// The version that was read, so that nothing written meanwhile is lost.
	return c.saveNamed(ctx, in.Code, a, put(web.ETag(current.Version, nil), ""))
}

type deleteAttributeInput struct {
	Code    string `path:"code" maxLength:"100"`
	IfMatch string `header:"If-Match" doc:"The ETag of what is deleted"`
}

func (c *catalog) deleteAttribute(ctx context.Context, in *deleteAttributeInput) (*struct{}, error) {
	return nil, postgres.InTx(ctx, c.DB, func(tx pgx.Tx) error {
		return attribute.Delete(ctx, tx, in.Code, change(web.Expect(in.IfMatch, "")), attributesInUse)
	})
}
