package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/knative/local/client"
)

const (
	category    = "coffee-and-tea"
	productSlug = "morrow-finch-gooseneck-kettle"
	currency    = "USD"
)

type amount struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

type product struct {
	ID       string  `json:"id"`
	Slug     string  `json:"slug"`
	Name     string  `json:"name"`
	Brand    string  `json:"brand"`
	Price    *amount `json:"price"`
	Variants []struct {
		SKU          string  `json:"sku"`
		Price        *amount `json:"price"`
		Availability string  `json:"availability"`
		Prices       []struct {
			Price amount `json:"price"`
		} `json:"prices"`
	} `json:"variants"`
}

// priceOf is what a variant costs in the story's currency.
func (p product) priceOf(sku string) int64 {
	for _, v := range p.Variants {
		if v.SKU != sku {
			continue
		}
		if v.Price != nil && v.Price.Currency == currency {
			return v.Price.Amount
		}
		for _, row := range v.Prices {
			if row.Price.Currency == currency {
				return row.Price.Amount
			}
		}
	}
	return 0
}

func (s *story) sku() string { return s.product.Variants[0].SKU }

type productList struct {
	Items []product `json:"items"`
	Total *struct {
		Value int64 `json:"value"`
	} `json:"total"`
}

func (l productList) tell(client.Reply) string {
	text := fmt.Sprintf("%d products", len(l.Items))
	if l.Total != nil {
		text += fmt.Sprintf(" of %d", l.Total.Value)
	}
	for i, p := range l.Items {
		if i == 3 {
			return text + ", …"
		}
		text += ", " + p.Name
		if p.Price != nil {
			text += " (" + money(*p.Price) + ")"
		}
	}
	return text
}

func (s *story) browse(ctx context.Context) error {
	var tree struct {
		Items []struct {
			Slug string `json:"slug"`
			Name string `json:"name"`
		} `json:"items"`
	}
	_, err := s.ask(ctx, s.shop, get("/v1/categories", &tree, func(client.Reply) string {
		return fmt.Sprintf("%d categories", len(tree.Items))
	}))
	if err != nil {
		return err
	}
	var list productList
	tell := func(r client.Reply) string { return list.tell(r) }
	if _, err := s.ask(ctx, s.shop, get("/v1/products?category="+category+"&sort=price&total=true&limit=10", &list, tell)); err != nil {
		return err
	}
	if err := hold(len(list.Items) >= 5, "the category %s has only %d products: is the sample catalog loaded?", category, len(list.Items)); err != nil {
		return err
	}
	list = productList{}
	if _, err := s.ask(ctx, s.shop, get("/v1/products?category=kitchen&attr.induction=true&price_max=6000&sort=price", &list, tell)); err != nil {
		return err
	}
	if err := hold(len(list.Items) > 0, "no pan for induction below 60.00 USD"); err != nil {
		return err
	}
	list = productList{}
	if _, err := s.ask(ctx, s.shop, get("/v1/products?q=gooseneck+kettle", &list, tell)); err != nil {
		return err
	}
	return hold(len(list.Items) > 0 && list.Items[0].Slug == productSlug, "the search did not find %s first", productSlug)
}

// read fetches the story's product, for the first time or to see a change.
func (s *story) read(ctx context.Context, tell func(client.Reply) string) error {
	var p product
	reply, err := s.ask(ctx, s.shop, get("/v1/products/"+productSlug, &p, func(r client.Reply) string {
		s.product, s.etag = p, r.Header.Get("Etag")
		return tell(r)
	}))
	if err != nil {
		return err
	}
	s.etag = reply.Header.Get("Etag")
	return hold(len(p.Variants) > 0 && p.ID != "" && s.etag != "", "the product lacks variants, id or ETag")
}

func (s *story) view(ctx context.Context) error {
	err := s.read(ctx, func(r client.Reply) string {
		p := s.product
		text := fmt.Sprintf("%s by %s, ETag %s", p.Name, p.Brand, r.Header.Get("Etag"))
		for _, v := range p.Variants {
			text += fmt.Sprintf(", %s %s %s", v.SKU, money(amount{p.priceOf(v.SKU), currency}), v.Availability)
		}
		return text
	})
	if err != nil {
		return err
	}
	_, err = s.ask(ctx, s.shop, request{method: http.MethodGet, path: "/v1/products/" + productSlug, want: http.StatusNotModified,
		headers: []string{"If-None-Match", s.etag}, tell: func(client.Reply) string { return "not modified: the copy in the browser is good" }})
	if err != nil {
		return err
	}
	return s.interact(ctx)
}

func (s *story) interact(ctx context.Context) error {
	session := "session-" + s.run
	body := map[string]any{"interactions": []any{map[string]any{
		"id": uuid.NewString(), "type": "view", "product_id": s.product.ID, "session_id": session,
		"occurred_at": time.Now().UTC(), "page": "https://products.mallhive.com/" + productSlug, "consent": true,
	}}}
	var taken struct {
		Accepted int   `json:"accepted"`
		Rejected []any `json:"rejected"`
	}
	_, err := s.ask(ctx, s.shop, request{method: http.MethodPost, path: "/v1/interactions", body: body, want: http.StatusAccepted,
		into: &taken, tell: func(r client.Reply) string { return shorten(r.Body, 120) }})
	if err != nil {
		return err
	}
	if err := hold(taken.Accepted == 1, "the view was not accepted"); err != nil {
		return err
	}
	_, err = s.await(ctx, "analytics", "com.mallhive.interaction.viewed.v1", "", func(e client.Received) bool {
		var data struct {
			SessionID string `json:"session_id"`
		}
		return json.Unmarshal(e.Data, &data) == nil && data.SessionID == session
	})
	return err
}

// changePrice switches between two prices, so that it can be told again.
func (s *story) changePrice(ctx context.Context) error {
	price := amount{8400, currency}
	if s.product.priceOf(s.sku()) == price.Amount {
		price.Amount = 8900
	}
	body := map[string]any{"price": price}
	path := "/v1/variants/" + s.sku() + "/price"
	_, err := s.ask(ctx, s.shop, request{method: http.MethodPut, path: path, body: body, want: http.StatusUnauthorized,
		headers: []string{"If-Match", s.etag}, tell: func(client.Reply) string { return "without a token nothing can be changed" }})
	if err != nil {
		return err
	}
	_, err = s.ask(ctx, s.staff, request{method: http.MethodPut, path: path, body: body, want: http.StatusOK,
		headers: []string{"If-Match", s.etag}, tell: func(r client.Reply) string { return shorten(r.Body, 200) }})
	if err != nil {
		return err
	}
	if err := s.recommendationHears(ctx, price); err != nil {
		return err
	}
	return s.seesPrice(ctx, price)
}

func (s *story) recommendationHears(ctx context.Context, price amount) error {
	_, err := s.await(ctx, "recommendation", "com.mallhive.price.changed.v1", s.sku(), func(e client.Received) bool {
		var data struct {
			Price amount `json:"price"`
		}
		return json.Unmarshal(e.Data, &data) == nil && data.Price == price && s.recent(e)
	})
	if err != nil {
		return err
	}
	_, err = s.await(ctx, "recommendation", "com.mallhive.product.updated.v1", s.product.ID, func(e client.Received) bool {
		var p product
		return json.Unmarshal(e.Data, &p) == nil && p.priceOf(s.sku()) == price.Amount && s.recent(e)
	})
	return err
}

// recent tells this run's events from those of an earlier telling.
func (s *story) recent(e client.Received) bool {
	began, err := time.Parse("20060102-150405.000", s.run)
	at, err2 := time.Parse(time.RFC3339Nano, e.Time)
	return err == nil && err2 == nil && !at.Before(began)
}

// seesPrice waits out the second for which an answer may be cached.
func (s *story) seesPrice(ctx context.Context, price amount) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(1100 * time.Millisecond):
	}
	err := s.read(ctx, func(client.Reply) string {
		return fmt.Sprintf("%s now costs %s", s.sku(), money(amount{s.product.priceOf(s.sku()), currency}))
	})
	if err != nil {
		return err
	}
	return hold(s.product.priceOf(s.sku()) == price.Amount, "the product still has its old price")
}
