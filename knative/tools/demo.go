package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/mallhive/product-service/knative/local/demo"
)

const demoUsage = `usage: tools demo      (make demo)

Tells the story of the service against the running stack with the sample catalog:
browse, view, availability, an order locked and paid, one cancelled, a cancel
that overtakes its order, one that is too large, a changed price. Every request
and event is shown with its answer. Exits with 1 at the first thing that is not
as told. It can be told any number of times.
`

func runDemo(ctx context.Context, where addresses, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.Usage = func() { _, _ = fmt.Fprint(flags.Output(), demoUsage) }
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return errors.New("demo takes no arguments")
	}
	token, err := where.tokenFor(ctx, "catalog:write", "inventory:lock", "inventory:write")
	if err != nil {
		return err
	}
	return demo.Run(ctx, demo.Options{FrontURL: where.front, BrokerURL: where.broker, SinksURL: where.sinks, Token: token, Out: out})
}
