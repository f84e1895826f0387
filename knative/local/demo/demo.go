// Package demo tells the story of the product service against a running stack:
// each request and event is shown with its answer, and the story stops at the
// first thing that is not as told.
package demo

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/mallhive/product-service/knative/local/client"
)

// Options says where the stack is. The token needs catalog:write,
// inventory:write and inventory:lock.
type Options struct {
	FrontURL  string
	BrokerURL string
	SinksURL  string
	Token     string
	Out       io.Writer
	Patience  time.Duration // how long an event may take; 0 means 20 s
}

// story is one telling: the clients, what was learnt so far, and the ids that
// are its own, so that it can be told any number of times.
type story struct {
	shop     *client.Client // anyone
	staff    *client.Client // with the token
	broker   *client.Client
	sinks    *client.Client
	pen      pen
	patience time.Duration
	run      string // part of every id
	product  product
	etag     string
}

type chapter struct {
	title string
	tell  func(*story, context.Context) error
}

func chapters() []chapter {
	return []chapter{
		{"The warehouse counts its shelf", (*story).countShelf},
		{"A visitor browses a category", (*story).browse},
		{"… and views a product; analytics hears of it", (*story).view},
		{"Is the cart still right? Availability, from the primary", (*story).checkAvailability},
		{"An order is placed: its stock is locked", (*story).placeAndPay},
		{"Another order is placed, and cancelled", (*story).placeAndCancel},
		{"A cancel overtakes its order, and wins", (*story).cancelFirst},
		{"An order that is too large is refused, with reasons", (*story).tooLarge},
		{"A price changes; the recommendation service hears of it", (*story).changePrice},
		{"The books agree", (*story).audit},
	}
}

// Run tells the whole story. The error says in which chapter it was not as told.
func Run(ctx context.Context, o Options) error {
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Patience <= 0 {
		o.Patience = 20 * time.Second
	}
	s := &story{
		shop: client.New(o.FrontURL, ""), staff: client.New(o.FrontURL, o.Token),
		broker: client.New(o.BrokerURL, ""), sinks: client.New(o.SinksURL, ""),
		pen: newPen(o.Out), patience: o.Patience,
		run: time.Now().UTC().Format("20060102-150405.000"),
	}
	started := time.Now()
	for i, c := range chapters() {
		s.pen.heading(i+1, c.title)
		if err := c.tell(s, ctx); err != nil {
			s.pen.failure(err)
			return fmt.Errorf("chapter %d (%s): %w", i+1, c.title, err)
		}
	}
	s.pen.end("The whole story was as told, in %.1f s.", time.Since(started).Seconds())
	return nil
}

func (s *story) orderID(name string) string { return "demo-" + s.run + "-" + name }
