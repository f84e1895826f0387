package main

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/functions/catalog/internal/attribute"
	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/functions/catalog/internal/feed"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/web"
)

const changesDoc = "All that changes in the catalog, in the order of commits, for those who keep a copy of it: a search index, an ERP, a cache. " +
	"Begin with after=0, keep what was read together with next, and ask again with after=next, for ever: nothing is skipped, however many write at once. " +
	"Each subject stands in the feed once, at its latest change, so that reading all of it costs what the catalog is large and not how often it changed; what was deleted stays, as a tombstone. " +
	"A product's first prices come with the product; price tells of those that are set later. A sale that was set beforehand begins and ends without a row. " +
	"include=document adds what the subject is now, which is at least as new as the row."

type listChangesInput struct {
	After   int64    `query:"after" minimum:"0" doc:"next of the page before; 0 from the beginning" example:"1042"`
	Kind    []string `query:"kind,explode" maxItems:"4" enum:"product,category,attribute,price" doc:"Repeated: any of them; all when missing"`
	Include string   `query:"include" enum:"document" doc:"document adds what each subject is now"`
	Limit   int      `query:"limit" minimum:"1" maximum:"250" default:"100"`
}

type changeItem struct {
	Position  int64      `json:"position" doc:"Rises with each change; has gaps" example:"1042"`
	Kind      string     `json:"kind" enum:"product,category,attribute,price"`
	ID        *uuid.UUID `json:"id,omitempty" doc:"Of a product or category"`
	Slug      *string    `json:"slug,omitempty" doc:"Of a product or category, at this change"`
	Code      string     `json:"code,omitempty" doc:"Of an attribute"`
	SKU       string     `json:"sku,omitempty" doc:"Of the variant whose price changed"`
	Version   *int64     `json:"version,omitempty" doc:"Of all but prices"`
	Deleted   bool       `json:"deleted"`
	ChangedAt time.Time  `json:"changed_at"`

	Product      *product.Document    `json:"product,omitempty" doc:"With include=document; of a price the variant's product"`
	Category     *category.Category   `json:"category,omitempty" doc:"With include=document"`
	AttributeNow *attribute.Attribute `json:"attribute,omitempty" doc:"With include=document"`
}

type changeList struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Items []changeItem `json:"items" nullable:"false"`
		Next  int64        `json:"next" doc:"Where to go on: the next after" example:"1042"`
		More  bool         `json:"more" doc:"Whether more may be there already"`
	}
}

func (c *catalog) listChanges(ctx context.Context, in *listChangesInput) (*changeList, error) {
	list, last, err := feed.List(ctx, c.DB, in.After, in.Kind, in.Limit)
	if err != nil {
		return nil, err
	}
	if in.After > last {
		return nil, fault.InvalidInput(fault.Field{
			Pointer: "/after", In: "query", Code: "out_of_range",
			Detail: "beyond the last change: the position is not one of this database, which may have been restored; begin with 0",
		})
	}
	out := &changeList{CacheControl: web.PrivateCache}
	out.Body.Items = make([]changeItem, len(list))
	for i, row := range list {
		out.Body.Items[i] = itemOf(row)
	}
	out.Body.Next, out.Body.More = last, len(list) == in.Limit
	if len(list) > 0 && (out.Body.More || list[len(list)-1].Position > last) {
		out.Body.Next = list[len(list)-1].Position
	}
	if in.Include == "document" {
		err = c.describe(ctx, out.Body.Items)
	}
	return out, err
}

func itemOf(row feed.Change) changeItem {
	item := changeItem{
		Position: row.Position, Kind: row.Kind, Slug: row.Slug, Version: row.Version, Deleted: row.Deleted, ChangedAt: row.ChangedAt,
	}
	switch row.Kind {
	case feed.Attribute:
		item.Code = row.Subject
	case feed.Price:
		item.SKU = row.Subject
	default:
		if id, err := uuid.Parse(row.Subject); err == nil {
			item.ID = &id
		}
	}
	return item
}

// describe adds to each change what its subject is now; one that is gone since
// has a later row.
func (c *catalog) describe(ctx context.Context, items []changeItem) error {
	var refs, codes []string
	categories := false
	for _, item := range items {
		switch item.Kind {
		case feed.Product:
			refs = append(refs, item.ID.String())
		case feed.Price:
			refs = append(refs, item.SKU)
		case feed.Attribute:
			codes = append(codes, item.Code)
		case feed.Category:
			categories = true
		}
	}
	products, err := c.byRef(ctx, refs)
	if err != nil {
		return err
	}
	attributes, err := attribute.Definitions(ctx, c.DB, codes)
	if err != nil {
		return err
	}
	tree := map[uuid.UUID]category.Category{}
	if categories {
		if tree, err = c.tree(ctx); err != nil {
			return err
		}
	}
	for i := range items {
		item := &items[i]
		switch item.Kind {
		case feed.Product:
			item.Product = found(products, item.ID.String())
		case feed.Price:
			item.Product = found(products, item.SKU)
		case feed.Attribute:
			item.AttributeNow = found(attributes, item.Code)
		case feed.Category:
			item.Category = found(tree, *item.ID)
		}
	}
	return nil
}

func found[K comparable, V any](in map[K]V, key K) *V {
	if v, ok := in[key]; ok {
		return &v
	}
	return nil
}

// byRef reads products by id and by the SKUs of their variants.
func (c *catalog) byRef(ctx context.Context, refs []string) (map[string]product.Document, error) {
	by := map[string]product.Document{}
	if len(refs) == 0 {
		return by, nil
	}
	list, _, err := product.Lookup(ctx, c.DB, refs, true)
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		by[d.ID.String()] = d
		for _, v := range d.Variants {
			by[v.SKU] = d
		}
	}
	return by, nil
}

func (c *catalog) tree(ctx context.Context) (map[uuid.UUID]category.Category, error) {
	all, err := category.All(ctx, c.DB)
	if err != nil {
		return nil, err
	}
	by := make(map[uuid.UUID]category.Category, len(all))
	for _, s := range all {
		by[s.ID] = s
	}
	return by, nil
}
