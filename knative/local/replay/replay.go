// Package replay sends a file of real orders through the broker and inventory
// of a running stack, then proves over HTTP that nothing was oversold, that the
// books agree, and that each order has one outcome, also on a second pass.
package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mallhive/product-service/knative/local/client"
)

// Defaults of Options.
const (
	DefaultStock       = 1000
	DefaultConcurrency = 32
)

// Options says what to replay and where.
type Options struct {
	Orders      string // NDJSON file of orders, .gz or not
	Stock       int64  // opening stock of every SKU; negative means DefaultStock
	Concurrency int    // orders handed to the broker at once; 0 means DefaultConcurrency
	Limit       int    // only the first so many orders; 0 means all
	PayPercent  int    // share of the locked orders that is paid afterwards
	FrontURL    string
	BrokerURL   string
	SinksURL    string
	Token       string // scopes inventory:lock and inventory:write
	Out         io.Writer
	Patience    time.Duration // how long no answer may come before giving up; 0 means a minute
}

// ErrBroken means that the replay ran and an invariant did not hold.
var ErrBroken = errors.New("an invariant is broken")

// Run replays the orders. On the first pass it counts the opening stock in; on
// a later one, when the orders have outcomes already, it leaves the stock alone
// and proves that each order was answered as the first time.
func Run(ctx context.Context, o Options) error {
	o = withDefaults(o)
	orders, err := readOrders(o.Orders, o.Limit)
	if err != nil {
		return err
	}
	service := client.New(o.FrontURL, o.Token)
	r := &replay{
		options: o, orders: orders, skus: skusOf(orders), out: o.Out,
		reader:  reader{service: service, workers: o.Concurrency},
		broker:  client.New(o.BrokerURL, ""),
		answers: answers{client.Inbox{Sinks: client.New(o.SinksURL, ""), Name: "order"}},
	}
	r.say("%d orders, %d lines, %d SKUs from %s", len(orders), lineCount(orders), len(r.skus), o.Orders)
	if err := r.open(ctx); err != nil {
		return err
	}
	r.instances = requests(ctx, o.BrokerURL)
	if err := r.send(ctx); err != nil {
		return err
	}
	if err := r.pay(ctx); err != nil {
		return err
	}
	return r.prove(ctx)
}

type replay struct {
	options Options
	orders  []Order
	skus    []string
	out     io.Writer
	reader  reader
	broker  *client.Client
	answers answers

	before  Books              // when nothing of this pass was sent
	others  map[string]taken   // what does not belong to these orders
	replies map[string]replies // of earlier passes, by order

	instances map[string]int64 // requests of each before this pass
}

func (r *replay) say(format string, args ...any) { _, _ = fmt.Fprintf(r.out, format+"\n", args...) }

func withDefaults(o Options) Options {
	if o.Stock < 0 {
		o.Stock = DefaultStock
	}
	if o.Concurrency <= 0 {
		o.Concurrency = DefaultConcurrency
	}
	if o.Patience <= 0 {
		o.Patience = time.Minute
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	return o
}
