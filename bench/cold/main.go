// Command cold measures cold starts: from the start of a process to its first
// answer and its first answer out of the database, for each function beside a
// bare program of net/http and pgx, in turns. It needs a PostgreSQL server
// (TEST_DATABASE_URL); make bench-cold gives it one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/mallhive/product-service/bench/stage"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "cold:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	pairs := flag.Int("pairs", 15, "starts of each function, each beside a start of the bare program")
	limit := flag.Float64("limit", 0, "fail when a function takes more than this many times the bare program's time; 0: only report")
	flag.Parse()
	if *pairs < 5 {
		return errors.New("-pairs takes 5 or more: the median of fewer says little")
	}
	dir, err := os.MkdirTemp("", "product-service-cold-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := errors.Join(stage.BuildAsShipped(ctx, dir, programs()...), writeIdentity(dir)); err != nil {
		return err
	}
	s, err := openTheatre(ctx, os.Getenv("TEST_DATABASE_URL"))
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.fill(ctx, filepath.Join(dir, "catalog")); err != nil {
		return err
	}
	fmt.Printf("cold start: %s/%s, %d CPUs, %s, PostgreSQL %s with %s, %d pairs\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), s.Version, s.Auth, *pairs)
	bare, others := s.programs(dir)
	contests, err := compare(ctx, bare, others, *pairs)
	if err != nil {
		return err
	}
	if err := printTimes(contests); err != nil {
		return err
	}
	if err := printParts(ctx, s, dir); err != nil {
		return err
	}
	if err := printSizes(dir); err != nil {
		return err
	}
	return tooSlow(contests, *limit)
}

// programs are the packages of what is started.
func programs() []string {
	list := []string{"bench/bare"}
	for _, function := range stage.Functions() {
		list = append(list, "functions/"+function)
	}
	return list
}

func tooSlow(contests []contest, limit float64) error {
	var slow []string
	for _, c := range contests {
		if limit > 0 && c.ratio() > limit {
			slow = append(slow, fmt.Sprintf("%s takes %.2f times the bare program's time", c.name, c.ratio()))
		}
	}
	if len(slow) > 0 {
		return errors.New(strings.Join(slow, "; "))
	}
	return nil
}
