package main

import (
	"context"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/functions/catalog/internal/search"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/web"
)

type suggestInput struct {
	Q     string `query:"q" required:"true" minLength:"1" maxLength:"100" doc:"What has been typed so far" example:"wirel"`
	Limit int    `query:"limit" minimum:"1" maximum:"20" default:"10"`

	IfNoneMatch string `header:"If-None-Match"`
}

// suggestion is one line below a search box.
type suggestion struct {
	Type  string     `json:"type" enum:"brand,category,product" doc:"What choosing it leads to"`
	Text  string     `json:"text" doc:"The name to show" example:"Wireless mouse M185"`
	Slug  string     `json:"slug,omitempty" doc:"Of a product or a category" example:"wireless-mouse-m185"`
	ID    *uuid.UUID `json:"id,omitempty" doc:"Of a product"`
	Image *string    `json:"image,omitempty" doc:"A product's first image"`
}

type suggestions struct {
	Items      []suggestion `json:"items" nullable:"false" doc:"Brands, then categories, then products, the best of each first"`
	DidYouMean string       `json:"did_you_mean,omitempty" doc:"What was completed instead, since nothing begins or has words like what was typed"`
}

type suggestReply struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         *suggestions
}

const (
	mostBrands     = 2
	mostCategories = 3
)

// suggest completes what is being typed. Most of the lines are products; a few
// at the top are shorter ways.
func (c *catalog) suggest(ctx context.Context, in *suggestInput) (*suggestReply, error) {
	text := strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(in.Q, "\x00", " "), " "))
	if text == "" {
		return nil, fault.List{{Pointer: "/q", In: "query", Code: "too_short", Detail: "not empty"}}.Err()
	}
	categories, err := category.Beginning(ctx, c.DB, search.Beginning(text), min(mostCategories, in.Limit))
	if err != nil {
		return nil, err
	}
	found, err := search.Complete(ctx, c.DB, text, min(mostBrands, in.Limit), in.Limit, len(categories) == 0)
	if err != nil {
		return nil, err
	}
	if found.Text != text {
		if categories, err = category.Beginning(ctx, c.DB, search.Beginning(found.Text), min(mostCategories, in.Limit)); err != nil {
			return nil, err
		}
	}
	cards, err := product.Cards(ctx, c.DB, found.Products)
	if err != nil {
		return nil, err
	}
	body := &suggestions{Items: lines(found.Brands, categories, cards, in.Limit)}
	if found.Text != text && len(body.Items) > 0 {
		body.DidYouMean = found.Text
	}
	out := &suggestReply{Status: http.StatusOK, ETag: web.ETag(0, body), CacheControl: web.PublicCache, Body: body}
	if in.IfNoneMatch != "" && web.NotModified(in.IfNoneMatch, out.ETag) {
		out.Status, out.Body = http.StatusNotModified, nil
	}
	return out, nil
}

func lines(brands []string, categories []category.Named, cards []product.Card, most int) []suggestion {
	list := []suggestion{}
	for _, b := range brands {
		list = append(list, suggestion{Type: "brand", Text: b})
	}
	for _, c := range categories {
		list = append(list, suggestion{Type: "category", Text: c.Name, Slug: c.Slug})
	}
	for _, p := range cards {
		list = append(list, suggestion{Type: "product", Text: p.Name, Slug: p.Slug, ID: &p.ID, Image: p.Image})
	}
	return list[:min(most, len(list))]
}
