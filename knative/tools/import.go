package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/mallhive/product-service/knative/local/importer"
)

const importUsage = `usage: tools import [-part n] [-failures n] DIR      (make import DIR=…)

Reads attributes, categories, products, prices and stock (.ndjson or .ndjson.gz)
from DIR, in that order, whichever are there, and streams them to the service's
import operations. Locations that the stock names and the service does not know
are created first. Running it again is safe: what is there already is answered
"unchanged". Exits with 1 when a row was refused or not seen.

`

func runImport(ctx context.Context, where addresses, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("import", flag.ContinueOnError)
	flags.Usage = func() { _, _ = fmt.Fprint(flags.Output(), importUsage); flags.PrintDefaults() }
	part := flags.Int("part", importer.DefaultPartRows, "rows a request, at most 10000")
	failures := flags.Int("failures", 20, "refused rows to print for each file")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 || flags.Arg(0) == "" {
		return errors.New("name the folder to import: make import DIR=knative/local/sample")
	}
	token, err := where.tokenFor(ctx, "catalog:write", "inventory:write")
	if err != nil {
		return err
	}
	return importer.Run(ctx, importer.Options{
		Dir: flags.Arg(0), FrontURL: where.front, Token: token, Out: out,
		PartRows: min(*part, importer.DefaultPartRows), ShownFailures: *failures,
	})
}
