package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/mallhive/product-service/knative/local/replay"
)

const replayUsage = `usage: tools replay [flags] ORDERS      (make replay ORDERS=… [STOCK=n] [CONCURRENCY=n] [LIMIT=n] [PAY=percent])

Sends each order of the file (NDJSON, .gz or not) as com.mallhive.order.placed.v1
through the broker and waits for the replies at the order stand-in. Before the
first pass every SKU of the file is counted to the opening stock at location
main. When the orders have outcomes already, the stock is left alone and every
answer must equal the first. At the end it proves, from stock, ledger and
reservations: nothing negative or oversold; sold + reserved + remaining = opening
for each SKU; one outcome for each order; an audit without differences. Exits
with 1 when something is not so.

`

func runReplay(ctx context.Context, where addresses, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("replay", flag.ContinueOnError)
	flags.Usage = func() { _, _ = fmt.Fprint(flags.Output(), replayUsage); flags.PrintDefaults() }
	stock := flags.Int64("stock", replay.DefaultStock, "opening stock of every SKU")
	concurrency := flags.Int("concurrency", replay.DefaultConcurrency, "orders handed to the broker at once")
	limit := flags.Int("limit", 0, "only the first so many orders; 0 means all")
	pay := flags.Int("pay", 0, "percentage of the locked orders that is paid afterwards")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 || flags.Arg(0) == "" {
		return errors.New("name the file of orders: make replay ORDERS=orders.ndjson.gz")
	}
	if *stock < 0 {
		return errors.New("the opening stock (STOCK) is a number from 0")
	}
	token, err := where.tokenFor(ctx, "inventory:lock", "inventory:write")
	if err != nil {
		return err
	}
	return replay.Run(ctx, replay.Options{
		Orders: flags.Arg(0), Stock: *stock, Concurrency: *concurrency, Limit: *limit, PayPercent: *pay,
		FrontURL: where.front, BrokerURL: where.broker, SinksURL: where.sinks, Token: token, Out: out,
	})
}
