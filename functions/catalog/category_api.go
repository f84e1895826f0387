package main

import (
	"context"
	"errors"
	"net/http"
	"strconv"

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
	category.Category
	ProductCount int64           `json:"product_count" doc:"Products that are shown in it or below it, each counted once" example:"42"`
	Children     []*categoryNode `json:"children" nullable:"false"`
}

type listCategoriesInput struct {
	IfNoneMatch string `header:"If-None-Match" doc:"The ETag of the tree that is known"`
}

// CategoryTree is every category.
type CategoryTree struct {
	Items []*categoryNode `json:"items" nullable:"false" doc:"The top of the tree"`
}

type categoryTreeReply struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         *CategoryTree
}

func (c *catalog) listCategories(ctx context.Context, in *listCategoriesInput) (*categoryTreeReply, error) {
	all, err := category.All(ctx, c.DB)
	if err != nil {
		return nil, err
	}
	counts, err := listing.CountProducts(ctx, c.DB, category.Within(all))
	if err != nil {
		return nil, err
	}
	tree := CategoryTree{Items: treeOf(all, counts)}
	out := &categoryTreeReply{Status: http.StatusOK, ETag: web.ETag(int64(len(all)), tree), CacheControl: web.PublicCache, Body: &tree}
	if in.IfNoneMatch != "" && web.NotModified(in.IfNoneMatch, out.ETag) {
		out.Status, out.Body = http.StatusNotModified, nil
	}
	return out, nil
}

func treeOf(all []category.Category, counts map[uuid.UUID]int64) []*categoryNode {
	nodes := make(map[string]*categoryNode, len(all))
	for _, s := range all {
		nodes[s.Slug] = &categoryNode{Category: s, ProductCount: counts[s.ID], Children: []*categoryNode{}}
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
	Body         *category.Category
}

type getCategoryInput struct {
	Slug        string `path:"slug" maxLength:"200" example:"toner"`
	IfNoneMatch string `header:"If-None-Match"`
}

func (c *catalog) getCategory(ctx context.Context, in *getCategoryInput) (*categoryReply, error) {
	shown, err := readCategoryView(ctx, c.DB, in.Slug)
	var moved *category.Moved
	if errors.As(err, &moved) {
		return nil, web.Elsewhere("/v1/categories/" + moved.Slug)
	}
	if err != nil {
		return nil, err
	}
	out := categoryShown(shown)
	out.CacheControl = web.PublicCache
	if in.IfNoneMatch != "" && web.NotModified(in.IfNoneMatch, out.ETag) {
		out.Status, out.Body = http.StatusNotModified, nil
	}
	return out, nil
}

// readCategoryView is one category with its way from the top.
func readCategoryView(ctx context.Context, db postgres.DB, slug string) (category.Category, error) {
	s, err := category.Get(ctx, db, slug)
	if err != nil {
		return s, err
	}
	s.Breadcrumbs, err = category.Breadcrumbs(ctx, db, slug)
	return s, err
}

func categoryShown(c category.Category) *categoryReply {
	return &categoryReply{Status: http.StatusOK, ETag: web.ETag(c.Version, c), CacheControl: web.PrivateCache, Body: &c}
}

func categoryCreated(c category.Category) *categoryReply {
	out := categoryShown(c)
	out.Status, out.Location = http.StatusCreated, "/v1/categories/"+c.Slug
	return out
}

// CategoryFilters is what a category's listing page offers to filter by.
type CategoryFilters struct {
	Items []category.Filter `json:"items" nullable:"false" doc:"Its own, then its ancestors'"`
}

type filtersReply struct {
	CacheControl string `header:"Cache-Control"`
	Body         CategoryFilters
}

func (c *catalog) listFilters(ctx context.Context, in *struct {
	Slug string `path:"slug" maxLength:"200"`
},
) (*filtersReply, error) {
	if _, err := category.Get(ctx, c.DB, in.Slug); err != nil {
		return nil, elsewhere(err)
	}
	out := &filtersReply{CacheControl: web.PublicCache}
	var err error
	out.Body.Items, err = category.Filters(ctx, c.DB, in.Slug)
	return out, err
}

// elsewhere says where a category is that another slug leads to.
func elsewhere(err error) error {
	var moved *category.Moved
	if errors.As(err, &moved) {
		return fault.Missing("the category is now at /v1/categories/%s", moved.Slug)
	}
	return err
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
	made, err := once(ctx, c.DB, "create-category", in.IdempotencyKey, body, func(tx pgx.Tx) (category.Category, error) {
		if _, err := category.Save(ctx, tx, body.Slug, body, create("category")); err != nil {
			return body, err
		}
		return readCategoryView(ctx, tx, body.Slug)
	})
	if err != nil {
		return nil, err
	}
	c.wake()
	return categoryCreated(made), nil
}

type replaceCategoryInput struct {
	Slug        string `path:"slug" maxLength:"200" example:"toner"`
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
	var result string
	shown, err := c.writeCategory(ctx, func(tx pgx.Tx) (string, error) {
		result, err = category.Save(ctx, tx, in.Slug, body, put(in.IfMatch, in.IfNoneMatch))
		return body.Slug, err
	})
	if err == nil && result == "created" {
		return categoryCreated(*shown.Body), nil
	}
	return shown, err
}

func (c *catalog) readCategory(raw []byte) (category.Category, error) {
	body, faults, err := c.categories.read(raw)
	if err != nil {
		return body, err
	}
	body = body.Normalise()
	return body, merged(faults, body.Check()).Err()
}

// writeCategory answers a write with the category as it leaves it; the write
// returns the slug that it then has.
func (c *catalog) writeCategory(ctx context.Context, write func(tx pgx.Tx) (string, error)) (*categoryReply, error) {
	var after category.Category
	err := postgres.InTx(ctx, c.DB, func(tx pgx.Tx) error {
		slug, err := write(tx)
		if err != nil {
			return err
		}
		after, err = readCategoryView(ctx, tx, slug)
		return err
	})
	if err != nil {
		return nil, elsewhere(err)
	}
	c.wake()
	return categoryShown(after), nil
}

type patchCategoryInput struct {
	Slug    string `path:"slug" maxLength:"200" example:"toner"`
	IfMatch string `header:"If-Match" doc:"The ETag of what is changed"`
	RawBody []byte `contentType:"application/json"`
}

func (c *catalog) patchCategory(ctx context.Context, in *patchCategoryInput) (*categoryReply, error) {
	return c.writeCategory(ctx, func(tx pgx.Tx) (string, error) {
		return category.Revise(ctx, tx, in.Slug, change(web.Expect(in.IfMatch, "")), func(old category.Category) (category.Category, error) {
			after, err := patched(old, in.RawBody)
			if err != nil {
				return old, err
			}
			return c.readCategory(after)
		})
	})
}

// CategoryMove is where a category goes.
type CategoryMove struct {
	Parent   *string `json:"parent" doc:"Slug of the category it shall stand below; null for the top" example:"office"`
	Position *int    `json:"position,omitempty" minimum:"0" maximum:"1000000" doc:"How many of its new siblings come before it; those behind make room. Without it its position number stays" example:"0"`
}

type moveCategoryInput struct {
	Slug    string `path:"slug" maxLength:"200" example:"toner"`
	IfMatch string `header:"If-Match" doc:"The category's ETag"`
	Body    CategoryMove
}

func (c *catalog) moveCategory(ctx context.Context, in *moveCategoryInput) (*categoryReply, error) {
	return c.writeCategory(ctx, func(tx pgx.Tx) (string, error) {
		return category.Move(ctx, tx, in.Slug, in.Body.Parent, in.Body.Position, change(web.Expect(in.IfMatch, "")))
	})
}

// CategoryFilterCodes is a category's own filters.
type CategoryFilterCodes struct {
	Filters []string `json:"filters" nullable:"false" maxItems:"50" doc:"Attribute codes, brand, price, in the order its page shows them" example:"[\"brand\",\"price\",\"colour\"]"`
}

type setFiltersInput struct {
	Slug    string `path:"slug" maxLength:"200" example:"toner"`
	IfMatch string `header:"If-Match" doc:"The category's ETag"`
	Body    CategoryFilterCodes
}

func (c *catalog) setCategoryFilters(ctx context.Context, in *setFiltersInput) (*categoryReply, error) {
	return c.writeCategory(ctx, func(tx pgx.Tx) (string, error) {
		return category.SetFilters(ctx, tx, in.Slug, in.Body.Filters, change(web.Expect(in.IfMatch, "")))
	})
}

// CategoryProducts is a category's products that are placed by hand.
type CategoryProducts struct {
	Products []string `json:"products" nullable:"false" maxItems:"1000" doc:"Ids, SKUs or slugs of products that name this category itself, in the order its page shows them; all others come after these" example:"[\"xerox-006r90321\"]"`
}

type arrangeProductsInput struct {
	Slug    string `path:"slug" maxLength:"200" example:"toner"`
	IfMatch string `header:"If-Match" doc:"The category's ETag"`
	Body    CategoryProducts
}

func (c *catalog) arrangeProducts(ctx context.Context, in *arrangeProductsInput) (*categoryReply, error) {
	return c.writeCategory(ctx, func(tx pgx.Tx) (string, error) {
		products, err := placed(ctx, tx, in.Body.Products)
		if err != nil {
			return "", err
		}
		members := category.Members{Lock: product.Lock, Refresh: product.Relist}
		return in.Slug, category.Arrange(ctx, tx, in.Slug, products, change(web.Expect(in.IfMatch, "")), members)
	})
}

// placed resolves refs of different products.
func placed(ctx context.Context, tx pgx.Tx, refs []string) ([]uuid.UUID, error) {
	found, err := product.Resolve(ctx, tx, refs)
	if err != nil {
		return nil, err
	}
	var faults fault.List
	products, seen := make([]uuid.UUID, 0, len(refs)), map[uuid.UUID]bool{}
	for i, id := range found {
		at := "/products/" + strconv.Itoa(i)
		switch {
		case id == nil:
			faults.Add(at, "unknown_product", "there is no such product")
		case seen[*id]:
			faults.Add(at, "duplicate", "the product stands here already")
		default:
			products, seen[*id] = append(products, *id), true
		}
	}
	return products, faults.Err()
}

type deleteCategoryInput struct {
	Slug       string `path:"slug" maxLength:"200" example:"toner"`
	ReassignTo string `query:"reassign_to" maxLength:"200" doc:"Slug of the category that takes over its categories, products and addresses" example:"printing"`
	IfMatch    string `header:"If-Match" doc:"The ETag of what is deleted"`
}

func (c *catalog) deleteCategory(ctx context.Context, in *deleteCategoryInput) (*struct{}, error) {
	members := category.Members{Lock: product.Lock, Refresh: product.Refresh}
	err := category.Delete(ctx, c.DB, in.Slug, in.ReassignTo, change(web.Expect(in.IfMatch, "")), members)
	c.wake() // also what was moved before it failed
	return nil, elsewhere(err)
}
