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
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
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
	if err := errors.Join(buildAsShipped(ctx, dir), writeIdentity(dir)); err != nil {
		return err
	}
	stage, err := openStage(ctx, os.Getenv("TEST_DATABASE_URL"))
	if err != nil {
		return err
	}
	defer stage.close()
	if err := stage.fill(ctx, filepath.Join(dir, "catalog")); err != nil {
		return err
	}
	fmt.Printf("cold start: %s/%s, %d CPUs, %s, PostgreSQL %s with %s, %d pairs\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), stage.version, stage.auth, *pairs)
	bare, others := stage.programs(dir)
	contests, err := compare(ctx, bare, others, *pairs)
	if err != nil {
		return err
	}
	if err := printTimes(contests); err != nil {
		return err
	}
	if err := printParts(ctx, stage, dir); err != nil {
		return err
	}
	if err := printSizes(dir); err != nil {
		return err
	}
	return tooSlow(contests, *limit)
}

// buildAsShipped compiles as the images are built: no cgo, no paths, no symbols.
func buildAsShipped(ctx context.Context, dir string) error {
	return build(ctx, dir, []string{"-trimpath", "-ldflags=-s -w"}, "CGO_ENABLED=0")
}

func build(ctx context.Context, dir string, flags []string, env ...string) error {
	const module = "github.com/mallhive/product-service/"
	args := slices.Concat([]string{"build", "-o", dir + string(filepath.Separator)}, flags, []string{module + "bench/bare"})
	for _, function := range functions() {
		args = append(args, module+"functions/"+function)
	}
	c := exec.CommandContext(ctx, "go", args...)
	c.Env = append(os.Environ(), env...)
	if output, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, strings.TrimSpace(string(output)))
	}
	return nil
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
