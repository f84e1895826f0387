package main

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/functions/catalog/internal/listing"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/web"
)

// categoryNode is a category in the tree.
type categoryNode struct {
	category.Stored
	ProductCount int64           `json:"product_count" doc:"Products that are shown in it or below it, each counted once"`
	Children     []*categoryNode `json:"children" nullable:"false"`
}

type categoryTree struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Items []*categoryNode `json:"items" nullable:"false" doc:"The top of the tree"`
	}
}

func (c *catalog) listCategories(ctx context.Context, _ *struct{}) (*categoryTree, error) {
	all, err := category.All(ctx, c.DB)
	if err != nil {
		return nil, err
	}
	counts, err := listing.CountProducts(ctx, c.DB, category.Within(all))
	if err != nil {
		return nil, err
	}
	out := &categoryTree{CacheControl: web.PublicCache}
	out.Body.Items = treeOf(all, counts)
	return out, nil
}

func treeOf(all []category.Stored, counts map[uuid.UUID]int64) []*categoryNode {
	nodes := make(map[string]*categoryNode, len(all))
	for _, s := range all {
		nodes[s.Slug] = &categoryNode{Stored: s, ProductCount: counts[s.ID], Children: []*categoryNode{}}
	}
	top := []*categoryNode{}
	for _, s := range all {
		if s.Parent == nil {
			top = append(top, nodes[s.Slug])
			continue
		}
		above := nodes[*s.Parent]
		above.Children = append(above.Children, nodes[s.Slug])
	}
	return top
}

type categoryReply struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Location     string `header:"Location"`
	Body         *categoryView
}

// categoryView is one category with its way from the top.
type categoryView struct {
	category.Stored
	Breadcrumbs []category.Crumb `json:"breadcrumbs" nullable:"false"`
}

type getCategoryInput struct {
	Slug        string `path:"slug" maxLength:"200"`
	IfNoneMatch string `header:"If-None-Match"`
}

func (c *catalog) getCategory(ctx context.Context, in *getCategoryInput) (*categoryReply, error) {
	out, err := c.category(ctx, in.Slug)
	if err != nil {
		return nil, err
	}
	out.CacheControl = web.PublicCache
	if in.IfNoneMatch != "" && web.NotModified(in.IfNoneMatch, out.ETag) {
		out.Status, out.Body = http.StatusNotModified, nil
	}
	return out, nil
}

func (c *catalog) category(ctx context.Context, slug string) (*categoryReply, error) {
	view, err := readCategoryView(ctx, c.DB, slug)
	if err != nil {
		return nil, err
	}
	return view.reply(), nil
}

func readCategoryView(ctx context.Context, db postgres.DB, slug string) (categoryView, error) {
	s, err := category.Get(ctx, db, slug)
	if err != nil {
		return categoryView{}, err
	}
	crumbs, err := category.Breadcrumbs(ctx, db, slug)
	return categoryView{Stored: s, Breadcrumbs: crumbs}, err
}

func (v categoryView) reply() *categoryReply {
	return &categoryReply{Status: http.StatusOK, ETag: web.ETag(v.Version, v), CacheControl: web.PrivateCache, Body: &v}
}

func (v categoryView) created() *categoryReply {
	out := v.reply()
	out.Status, out.Location = http.StatusCreated, "/v1/categories/"+v.Slug
	return out
}

type filtersReply struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Items []category.Filter `json:"items" nullable:"false" doc:"Its own, then its ancestors'"`
	}
}

func (c *catalog) listFilters(ctx context.Context, in *struct {
	Slug string `path:"slug" maxLength:"200"`
},
) (*filtersReply, error) {
	if _, err := category.Get(ctx, c.DB, in.Slug); err != nil {
		return nil, err
	}
	out := &filtersReply{CacheControl: web.PublicCache}
	var err error
	out.Body.Items, err = category.Filters(ctx, c.DB, in.Slug)
	return out, err
}

type createCategoryInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255"`
	RawBody        []byte `contentType:"application/json"`
}

func (c *catalog) createCategory(ctx context.Context, in *createCategoryInput) (*categoryReply, error) {
	body, err := c.readCategory(in.RawBody)
	if err != nil {
		return nil, err
	}
	made, err := once(ctx, c.DB, "create-category", in.IdempotencyKey, body, func(tx pgx.Tx) (categoryView, error) {
		if _, err := category.Save(ctx, tx, body.Slug, body, create("category")); err != nil {
			return categoryView{}, err
		}
		return readCategoryView(ctx, tx, body.Slug)
	})
	if err != nil {
		return nil, err
	}
	c.wake()
	return made.created(), nil
}

type replaceCategoryInput struct {
	Slug        string `path:"slug" maxLength:"200"`
	IfMatch     string `header:"If-Match" doc:"The ETag of what is replaced"`
	IfNoneMatch string `header:"If-None-Match" doc:"* creates"`
	RawBody     []byte `contentType:"application/json"`
}

func (c *catalog) replaceCategory(ctx context.Context, in *replaceCategoryInput) (*categoryReply, error) {
	body, faults, err := c.categories.read(in.RawBody)
	if err != nil {
		return nil, err
	}
	if body.Slug == "" {
		body.Slug = in.Slug // a replacement that names no slug keeps it
	}
	body = body.Normalise()
	if err := merged(faults, body.Check()).Err(); err != nil {
		return nil, err
	}
	if in.IfNoneMatch == "*" && body.Slug != in.Slug {
		return nil, fault.InvalidInput(fault.At("/slug", "contradicts", "not the slug in the address"))
	}
	return c.saveCategory(ctx, in.Slug, body, put(in.IfMatch, in.IfNoneMatch))
}

func (c *catalog) readCategory(raw []byte) (category.Category, error) {
	body, faults, err := c.categories.read(raw)
	if err != nil {
		return body, err
	}
	body = body.Normalise()
	return body, merged(faults, body.Check()).Err()
}

func (c *catalog) saveCategory(ctx context.Context, ref string, body category.Category, allow func(*int64) error) (*categoryReply, error) {
	var result string
	err := postgres.InTx(ctx, c.DB, func(tx pgx.Tx) error {
		var err error
		result, err = category.Save(ctx, tx, ref, body, allow)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.wake()
	view, err := readCategoryView(ctx, c.DB, body.Slug)
	if err != nil {
		return nil, err
	}
	if result == "created" {
		return view.created(), nil
	}
	return view.reply(), nil
}

type deleteCategoryInput struct {
	Slug       string `path:"slug" maxLength:"200"`
	ReassignTo string `query:"reassign_to" maxLength:"200" doc:"The category that takes over its categories and products"`
	IfMatch    string `header:"If-Match" doc:"The ETag of what is deleted"`
}

func (c *catalog) deleteCategory(ctx context.Context, in *deleteCategoryInput) (*struct{}, error) {
	err := postgres.InTx(ctx, c.DB, func(tx pgx.Tx) error {
		return category.Delete(ctx, tx, in.Slug, in.ReassignTo, change(web.Expect(in.IfMatch, "")), product.Refresh)
	})
	if err == nil {
		c.wake()
	}
	return nil, err
}
