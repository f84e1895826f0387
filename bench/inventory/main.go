// Command inventory measures the inventory function: orders delivered as
// CloudEvents over kept connections, beside pgbench that does the same orders in
// one statement each on tables of the same make, in turns. An order counts when
// its answer is read and its rows are found afterwards. It needs a PostgreSQL
// server that loses nothing in a crash (TEST_DATABASE_URL) and pgbench; make
// bench-inventory gives it the server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"

	"github.com/mallhive/product-service/bench/drive"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := measure(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "inventory:", err)
		os.Exit(1)
	}
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func measure(ctx context.Context) error {
	rounds := flag.Int("rounds", 5, "pairs of windows")
	span := flag.Duration("span", 3*time.Second, "length of a window, whole seconds")
	only := flag.String("only", "", "measure only what has this in its name, such as hot, and no anatomy")
	flag.Parse()
	if *rounds < 1 || *span < time.Second || *span%time.Second != 0 {
		return errors.New("-rounds takes a number from 1, -span whole seconds such as 3s")
	}
	if _, err := exec.LookPath("pgbench"); err != nil {
		return drive.ErrNoPgbench
	}
	dir, err := os.MkdirTemp("", "product-service-inventory-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	w, err := openWorld(ctx, dir, *span)
	if err != nil {
		return err
	}
	defer w.close()
	r := &result{world: w, contests: w.contests(), only: *only}
	if len(r.measured()) == 0 && !strings.Contains(loneName, *only) {
		return fmt.Errorf("-only takes a part of a name in the table, and none has %q in it", *only)
	}
	if err := r.run(ctx, *rounds); err != nil {
		return err
	}
	return r.print()
}
