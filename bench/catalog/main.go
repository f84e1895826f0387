// Command catalog measures the catalog function: one product, category pages
// and searches over invented catalogues of different sizes, hot and cold, each
// beside a bare program in turns. It needs a PostgreSQL server
// (TEST_DATABASE_URL); make bench-catalog gives it one. The databases it fills
// are kept on a server of yours and used again.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "catalog:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	sizes := flag.String("sizes", "20000", "numbers of products to measure with, with commas")
	generate := flag.String("generate", "", "only write attributes, categories and products of the first size to this folder, as NDJSON for make import")
	most := flag.Int("attributes", 0, "at most so many attributes a product; 0: as the real catalogue, 19 on average")
	bare := flag.Bool("bare", false, "be the bare program (used by this program itself)")
	keep := flag.Bool("keep", false, "leave the databases on the server, for the next run")
	only := flag.String("only", "", "measure only what has this in its name, such as cold")
	flag.Parse()
	var numbers []int
	for _, text := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1000 {
			return fmt.Errorf("-sizes takes numbers of 1000 and more, such as 20000,1000000, not %q", text)
		}
		numbers = append(numbers, n)
	}
	switch {
	case *bare:
		return serveBare(ctx)
	case *generate != "":
		return write(newWorld(numbers[0], 1), numbers[0], *most, *generate)
	case os.Getenv("TEST_DATABASE_URL") == "":
		return errors.New("TEST_DATABASE_URL is not set: make bench-catalog gives it a server")
	}
	dir, err := os.MkdirTemp("", "product-service-catalog-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	fmt.Printf("catalog: %s/%s, %d CPUs, %s; client, catalog, bare program and PostgreSQL share them\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	var results []result
	for _, n := range numbers {
		r, err := measure(ctx, dir, n, *most, *keep, *only)
		if err != nil {
			return err
		}
		if err := r.print(); err != nil {
			return err
		}
		results = append(results, r)
	}
	return printGrowth(results)
}

// write puts a world into files.
func write(w *world, products, most int, dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	return errors.Join(
		writeRows(dir, "attributes", len(w.attributes), func(i int) any { return w.attributes[i] }),
		writeRows(dir, "categories", len(w.categories), func(i int) any { return w.categories[i] }),
		writeRows(dir, "products", products, func(i int) any { return w.product(i, most) }))
}

func writeRows(dir, kind string, n int, row func(i int) any) error {
	file, err := os.Create(filepath.Join(filepath.Clean(dir), kind+".ndjson"))
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(file, 1<<20)
	encoder := json.NewEncoder(out)
	for i := range n {
		if err := encoder.Encode(row(i)); err != nil {
			return errors.Join(err, file.Close())
		}
	}
	return errors.Join(out.Flush(), file.Close())
}
