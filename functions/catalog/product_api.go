package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/auth"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/idempotency"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/web"
)

type productReply struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Location     string `header:"Location"`
	Body         *product.Document
}

type getProductInput struct {
	Ref         string `path:"ref" maxLength:"200" doc:"Id or slug" example:"xerox-006r90321"`
	IfNoneMatch string `header:"If-None-Match"`
}

func (c *catalog) getProduct(ctx context.Context, in *getProductInput) (*productReply, error) {
	drafts := auth.CallerFrom(ctx).Has("catalog:read_drafts")
	d, err := product.Get(ctx, c.DB, in.Ref, drafts)
	var moved *product.Moved
	if errors.As(err, &moved) {
		return nil, web.Elsewhere("/v1/products/" + moved.Slug)
	}
	if err != nil {
		return nil, err
	}
	out := shown(d)
	out.CacheControl = web.PublicCache
	if drafts {
		out.CacheControl = web.PrivateCache
	}
	if in.IfNoneMatch != "" && web.NotModified(in.IfNoneMatch, out.ETag) {
		out.Status, out.Body = http.StatusNotModified, nil
	}
	return out, nil
}

func shown(d product.Document) *productReply {
	return &productReply{Status: http.StatusOK, ETag: d.Tag(), Body: &d}
}

// showProduct answers a visitor with the product's page; who may read drafts and
// what has no page goes the long way.
func (c *catalog) showProduct(ctx context.Context, w http.ResponseWriter, r *http.Request) bool {
	if mayReadDrafts(ctx) {
		return false
	}
	page, there, err := c.pages.Read(ctx, r.PathValue("ref"))
	if err != nil {
		web.WriteProblem(w, r, err)
		return true
	}
	if there {
		web.SendJSON(w, r, page.Tag(), web.PublicCache, page.JSON())
	}
	return there
}

type productLookupInput struct {
	Body struct {
		Refs []string `json:"refs" minItems:"1" maxItems:"250" nullable:"false" doc:"Each an id, a SKU or a slug, tried in this order"`
	}
}

type productLookupReply struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Items   []rendered[product.Document] `json:"items" nullable:"false" doc:"In the order asked"`
		Missing []string                     `json:"missing" nullable:"false" doc:"Refs that name nothing the caller may see"`
	}
}

func (c *catalog) lookUpProducts(ctx context.Context, in *productLookupInput) (*productLookupReply, error) {
	for i, ref := range in.Body.Refs {
		if len(ref) > 200 || strings.ContainsRune(ref, 0) {
			return nil, fault.InvalidInput(fault.At("/refs/"+itoa(i), "too_long", "an id, a SKU or a slug"))
		}
	}
	if mayReadDrafts(ctx) {
		return c.lookUpDrafts(ctx, in.Body.Refs)
	}
	found, missing, err := c.pages.Lookup(ctx, in.Body.Refs)
	if err != nil {
		return nil, err
	}
	out := &productLookupReply{CacheControl: "no-store"}
	out.Body.Items, out.Body.Missing = make([]rendered[product.Document], len(found)), missing
	for i, p := range found {
		out.Body.Items[i] = p.JSON()
	}
	return out, nil
}

func (c *catalog) lookUpDrafts(ctx context.Context, refs []string) (*productLookupReply, error) {
	found, missing, err := product.Lookup(ctx, c.DB, refs, true)
	if err != nil {
		return nil, err
	}
	out := &productLookupReply{CacheControl: web.PrivateCache}
	out.Body.Items, out.Body.Missing = make([]rendered[product.Document], len(found)), missing
	for i, d := range found {
		if out.Body.Items[i], err = json.Marshal(d); err != nil {
			return nil, err
		}
	}
	return out, nil
}

type createProductInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255"`
	RawBody        []byte `contentType:"application/json"`
}

func (c *catalog) createProduct(ctx context.Context, in *createProductInput) (*productReply, error) {
	d, err := c.readProduct(in.RawBody)
	if err != nil {
		return nil, err
	}
	made, err := once(ctx, c.DB, "create-product", in.IdempotencyKey, d, func(tx pgx.Tx) (product.Document, error) {
		out, err := product.Save(ctx, tx, product.Intent{Doc: d, Create: true})
		if err != nil {
			return d, err
		}
		return product.Get(ctx, tx, out.ID.String(), true)
	})
	if err != nil {
		return nil, err
	}
	c.wake()
	return created(made), nil
}

// once runs a creation once for its Idempotency-Key, and without one.
func once[T any](ctx context.Context, db postgres.DB, operation, key string, body any, do func(tx pgx.Tx) (T, error)) (T, error) {
	reply, err := idempotency.Do(ctx, db, idempotency.Request{
		Caller: auth.CallerFrom(ctx).Subject, Operation: operation, Key: key, Body: body,
	}, func(tx pgx.Tx) (idempotency.Reply[T], error) {
		made, err := do(tx)
		return idempotency.Reply[T]{Status: http.StatusCreated, Body: made}, err
	})
	return reply.Body, err
}

func created(d product.Document) *productReply {
	out := shown(d)
	out.CacheControl = web.PrivateCache
	out.Status, out.Location = http.StatusCreated, "/v1/products/"+d.Slug
	return out
}

// readProduct reads and checks a document: all its faults at once.
func (c *catalog) readProduct(raw []byte) (product.Document, error) {
	d, faults, err := c.products.read(raw)
	if err != nil {
		return d, err
	}
	d.Normalise()
	return d, merged(faults, d.Check()).Err()
}

// wrote answers a write with the product as it is read back.
func (c *catalog) wrote(ctx context.Context, o product.Outcome) (*productReply, error) {
	if o.Result != "unchanged" {
		c.wake()
	}
	d, err := product.Get(ctx, c.DB, o.ID.String(), true)
	if err != nil {
		return nil, err
	}
	if o.Result == "created" {
		return created(d), nil
	}
	out := shown(d)
	out.CacheControl = web.PrivateCache
	return out, nil
}

type replaceProductInput struct {
	Ref         string `path:"ref" maxLength:"200" doc:"Id or slug"`
	IfMatch     string `header:"If-Match" doc:"The ETag of what is replaced"`
	IfNoneMatch string `header:"If-None-Match" doc:"* creates"`
	RawBody     []byte `contentType:"application/json"`
}

func (c *catalog) replaceProduct(ctx context.Context, in *replaceProductInput) (*productReply, error) {
	d, err := c.readProduct(in.RawBody)
	if err != nil {
		return nil, err
	}
	expect := web.Expect(in.IfMatch, in.IfNoneMatch)
	id, err := c.target(ctx, in.Ref)
	if fault.Is(err, fault.NotFound) && in.IfNoneMatch == "*" {
		return c.createNamed(ctx, in.Ref, d)
	}
	if err != nil {
		return nil, err
	}
	out, err := product.Save(ctx, c.DB, product.Intent{Doc: d, Target: &id, Allow: change(expect)})
	if err != nil {
		return nil, err
	}
	return c.wrote(ctx, out)
}

// createNamed makes the product that a PUT names by the slug it shall have.
func (c *catalog) createNamed(ctx context.Context, slug string, d product.Document) (*productReply, error) {
	if uuid.Validate(slug) == nil {
		return nil, fault.Missing("there is no product with this id; ids are given by us")
	}
	if d.Slug == "" {
		d.Slug = slug
	}
	if d.Slug != slug {
		return nil, fault.InvalidInput(fault.At("/slug", "contradicts", "not the slug in the address"))
	}
	if err := d.Check().Err(); err != nil {
		return nil, err
	}
	out, err := product.Save(ctx, c.DB, product.Intent{Doc: d, Create: true})
	if err != nil {
		return nil, err
	}
	return c.wrote(ctx, out)
}

// target is the product a write names, whatever visitors may see of it.
func (c *catalog) target(ctx context.Context, ref string) (uuid.UUID, error) {
	d, err := c.current(ctx, ref)
	if err != nil {
		return uuid.Nil, err
	}
	return *d.ID, nil
}

func (c *catalog) current(ctx context.Context, ref string) (product.Document, error) {
	d, err := product.Get(ctx, c.DB, ref, true)
	var moved *product.Moved
	if errors.As(err, &moved) {
		return d, fault.Missing("the product is now at /v1/products/%s", moved.Slug)
	}
	return d, err
}

type deleteProductInput struct {
	Ref     string `path:"ref" maxLength:"200" doc:"Id or slug"`
	IfMatch string `header:"If-Match" doc:"The ETag of what is deleted"`
}

func (c *catalog) deleteProduct(ctx context.Context, in *deleteProductInput) (*struct{}, error) {
	id, err := c.target(ctx, in.Ref)
	if err != nil {
		return nil, err
	}
	if err := product.Delete(ctx, c.DB, id, change(web.Expect(in.IfMatch, ""))); err != nil {
		return nil, err
	}
	c.wake()
	return nil, nil
}
