package main

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/uuid"

	"github.com/mallhive/product-service/functions/catalog/internal/listing"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/functions/catalog/internal/search"
	"github.com/mallhive/product-service/shared/auth"
	"github.com/mallhive/product-service/shared/web"
)

type listProductsInput struct {
	Q        string   `query:"q" maxLength:"200" doc:"Words to search for; an exact SKU, GTIN or part number comes first" example:"wireless keyboard"`
	Category string   `query:"category" maxLength:"200" doc:"Slug; what stands below it is included"`
	Brand    []string `query:"brand,explode" maxItems:"50" doc:"Repeated: any of them"`
	Currency string   `query:"currency" doc:"Governs price, price filters, sort and facet; the service's default when missing" example:"USD"`
	PriceMin string   `query:"price_min" pattern:"^[0-9]{1,15}$" doc:"Minor units" example:"1000"`
	PriceMax string   `query:"price_max" pattern:"^[0-9]{1,15}$" doc:"Minor units" example:"5000"`
	InStock  bool     `query:"in_stock" doc:"Only what can be sent now"`
	Featured bool     `query:"featured" doc:"Only featured products"`
	Sort     string   `query:"sort" enum:"relevance,newest,price,-price,name,featured,position" doc:"Default: relevance with q, position with a category, else newest. Ties by id; no price sorts last"`
	Facets   bool     `query:"facets" doc:"Count the result by filters"`
	Total    bool     `query:"total" doc:"Count the result"`
	Limit    int      `query:"limit" minimum:"1" maximum:"100" default:"24"`
	Cursor   string   `query:"cursor" maxLength:"2000" doc:"next_cursor of the page before, with the same query"`

	IfNoneMatch string `header:"If-None-Match"`

	query url.Values // all of it, attribute filters too
}

// Resolve keeps the whole query: the names of attribute filters are data.
func (in *listProductsInput) Resolve(ctx huma.Context) []error { //nolint:unparam // huma.Resolver
	r, _ := humago.Unwrap(ctx)
	in.query = r.URL.Query()
	return nil
}

type total struct {
	Value int  `json:"value"`
	Exact bool `json:"exact" doc:"False when more than 10,000 match"`
}

type productList struct {
	Items      []rendered[product.Item] `json:"items" nullable:"false"`
	NextCursor *string                  `json:"next_cursor"`
	Total      *total                   `json:"total,omitempty"`
	Facets     []listing.Facet          `json:"facets,omitempty" nullable:"false"`
	DidYouMean string                   `json:"did_you_mean,omitempty" doc:"What was searched for instead, since nothing has the words that were asked for"`

	tags   []string // of the items
	prices []*int64
}

type listProductsReply struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Link         string `header:"Link"`
	Body         *productList
}

// place is where a page ends; later pages are judged at the same moment.
type place struct {
	At       time.Time        `json:"t"`
	Position listing.Position `json:"p"`
	Instead  string           `json:"i,omitempty"` // the text that was searched for instead
}

func (c *catalog) listProducts(ctx context.Context, in *listProductsInput) (*listProductsReply, error) {
	q, filters, err := c.queryOf(ctx, in)
	if err != nil {
		return nil, err
	}
	from, after, err := c.begin(ctx, in)
	if err != nil {
		return nil, err
	}
	body, err := c.search(ctx, q, listing.Page{After: after, Limit: in.Limit + 1, Total: in.Total, Facets: in.Facets, Codes: filters}, in, from)
	if err != nil {
		return nil, err
	}
	out := &listProductsReply{Status: http.StatusOK, ETag: body.tag(), CacheControl: web.PublicCache, Body: body}
	if body.NextCursor != nil {
		out.Link = web.NextLink("/v1/products", in.query, *body.NextCursor)
	}
	if in.IfNoneMatch != "" && web.NotModified(in.IfNoneMatch, out.ETag) {
		out.Status, out.Body = http.StatusNotModified, nil
	}
	return out, nil
}

// begin is where the page begins: at the cursor, or at the first product now.
func (c *catalog) begin(ctx context.Context, in *listProductsInput) (from place, after *listing.Position, err error) {
	if in.Cursor == "" {
		from.At, err = listing.Clock(ctx, c.DB)
		return from, nil, err
	}
	err = web.DecodeCursor(in.Cursor, cursorQuery(in.query), &from)
	return from, &from.Position, err
}

// search reads one page, of what was probably meant when nothing has the words
// that were asked for.
func (c *catalog) search(ctx context.Context, q listing.Query, p listing.Page, in *listProductsInput, from place) (*productList, error) {
	q.At = from.At
	if from.Instead != "" {
		q.Text = from.Instead
	}
	if q.Text != "" {
		found, err := search.Find(ctx, c.DB, q.Text)
		if err != nil {
			return nil, err
		}
		q.Hits, q.Partial = found.Hits, !found.Complete
		if found.Instead != "" {
			from.Instead = found.Instead
		}
	}
	return c.page(ctx, q, p, in, from)
}

// page reads one page of a result with its documents.
func (c *catalog) page(ctx context.Context, q listing.Query, p listing.Page, in *listProductsInput, from place) (*productList, error) {
	r, err := listing.List(ctx, c.DB, q, p)
	if err != nil {
		return nil, err
	}
	body := &productList{Items: []rendered[product.Item]{}, Facets: r.Facets, DidYouMean: from.Instead}
	if p.Total {
		body.Total = &total{Value: r.Total, Exact: r.Exact}
	}
	hits := r.Hits
	if len(hits) > in.Limit {
		hits = hits[:in.Limit]
		from.Position = hits[in.Limit-1].Position()
		next, err := web.EncodeCursor(cursorQuery(in.query), from)
		if err != nil {
			return nil, err
		}
		body.NextCursor = &next
	}
	ids := make([]uuid.UUID, len(hits))
	for i, h := range hits {
		ids[i] = h.ProductID
	}
	pages, err := c.pages.Pages(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, h := range hits {
		if p, there := pages[h.ProductID]; there {
			body.Items, body.tags = append(body.Items, p.Item(h.Price, q.Currency)), append(body.tags, p.Tag())
			body.prices = append(body.prices, h.Price)
		}
	}
	return body, nil
}

// tag tells pages apart by what tells their items apart. The cursor holds the
// time, which alone makes no page another.
func (l *productList) tag() string {
	return web.ETag(0, []any{l.tags, l.prices, l.NextCursor != nil, l.Total, l.Facets, l.DidYouMean})
}

// cursorQuery is what a cursor belongs to: everything but itself and the size
// of a page, and not what is asked for besides the items.
func cursorQuery(all url.Values) url.Values {
	q := url.Values{}
	for name, values := range all {
		switch name {
		case "cursor", "limit", "total", "facets":
		default:
			q[name] = values
		}
	}
	return q
}

func mayReadDrafts(ctx context.Context) bool {
	return auth.CallerFrom(ctx).Has("catalog:read_drafts")
}
