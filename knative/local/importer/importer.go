// Package importer loads a folder of NDJSON files (products may be CSV) into a running product
// service: attributes, categories, products and prices into catalog, then
// stock into inventory, each through the streaming import operation that any
// caller would use.
package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mallhive/product-service/knative/local/client"
)

// DefaultPartRows is how many rows go into one request.
const DefaultPartRows = 10_000

const defaultShownFailures = 20

// Options says what to import and where to.
type Options struct {
	Dir           string    // holds attributes, categories, products, prices, stock: .ndjson or .ndjson.gz; products also .csv
	FrontURL      string    // the front door, such as http://localhost:8080
	Token         string    // scopes catalog:write and, with a stock file, inventory:write
	Out           io.Writer // progress and summary; a bar when it is a terminal
	PartRows      int       // rows a request; 0 means DefaultPartRows
	ShownFailures int       // refused rows printed for each file; 0 means 20
}

// ErrFailed means that the import ran to its end but not every row was taken.
var ErrFailed = errors.New("not every row was imported")

// kinds are the files in the order they refer to each other: a category names
// attributes, a product names both, stock names SKUs.
func kinds() []string {
	return []string{"attributes", "categories", "products", "prices", "stock"}
}

// Run imports every file that Dir has. It returns ErrFailed (wrapped) when rows
// were refused or a part was incomplete, and stops at once when the service
// cannot be reached or refuses a whole part.
func Run(ctx context.Context, options Options) error {
	_, err := Import(ctx, options)
	return err
}

// Import is Run that also tells what happened to each file.
func Import(ctx context.Context, options Options) ([]Tally, error) {
	options = withDefaults(options)
	files, err := find(options.Dir)
	if err != nil {
		return nil, err
	}
	run := &run{options: options, service: client.New(options.FrontURL, options.Token)}
	var tallies []Tally
	for _, file := range files {
		tally, err := run.file(ctx, file)
		tallies = append(tallies, tally)
		if err != nil {
			printSummary(options.Out, tallies)
			return tallies, fmt.Errorf("import %s: %w", file.path, err)
		}
	}
	printSummary(options.Out, tallies)
	return tallies, verdict(tallies)
}

type run struct {
	options Options
	service *client.Client
}

// file imports one file part after part.
func (r *run) file(ctx context.Context, source source) (Tally, error) {
	tally := Tally{Kind: source.kind}
	if source.kind == "stock" {
		if err := r.createLocations(ctx, source.path); err != nil {
			return tally, err
		}
	}
	read := open
	if source.sheet {
		read = unpack
	}
	rows, err := read(source.path)
	if err != nil {
		return tally, err
	}
	defer func() { _ = rows.Close() }()
	shown := newProgress(r.options.Out, source.kind)
	started := time.Now()
	tick := func() { shown.Update(rows.Fraction(), rows.Count(), time.Since(started)) }
	if source.sheet {
		tally.Parts++
		err = r.sheet(ctx, source.kind, rows, &tally, tick)
	}
	for err == nil && rows.More() {
		tally.Parts++
		err = r.part(ctx, source.kind, rows, &tally, tick)
	}
	tally.Elapsed = time.Since(started)
	if err == nil {
		err = rows.Err()
	}
	shown.Finish(tally)
	tally.printFailures(r.options.Out, r.options.ShownFailures)
	return tally, err
}

func withDefaults(o Options) Options {
	if o.PartRows <= 0 {
		o.PartRows = DefaultPartRows
	}
	if o.ShownFailures <= 0 {
		o.ShownFailures = defaultShownFailures
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	return o
}

type source struct {
	kind, path string
	sheet      bool // CSV
}

// find lists the files that are there, in import order.
func find(dir string) ([]source, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%q is not a folder: DIR must name one that holds products.ndjson or products.ndjson.gz", dir)
	}
	var found []source
	for _, kind := range kinds() {
		for _, ending := range endings(kind) {
			path := filepath.Join(dir, kind+ending)
			if _, err := os.Stat(path); err == nil {
				found = append(found, source{kind: kind, path: path, sheet: strings.Contains(ending, ".csv")})
				break
			}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s holds none of attributes, categories, products, prices or stock (.ndjson or .ndjson.gz)", dir)
	}
	return found, nil
}

// endings are the forms that a kind is taken in.
func endings(kind string) []string {
	if kind == "products" {
		return []string{".ndjson", ".ndjson.gz", ".csv", ".csv.gz"}
	}
	return []string{".ndjson", ".ndjson.gz"}
}

func verdict(tallies []Tally) error {
	for _, t := range tallies {
		if t.Failed > 0 {
			return fmt.Errorf("%w: %d of %s failed", ErrFailed, t.Failed, t.Kind)
		}
		if t.Incomplete {
			return fmt.Errorf("%w: the service did not see all of %s", ErrFailed, t.Kind)
		}
	}
	return nil
}
