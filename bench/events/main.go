// Command events measures the events function as it is shipped, beside the
// least that could do the same, in turns. Its parts are in files of their own;
// -only takes some of them. It needs a PostgreSQL server that loses nothing in a
// crash (TEST_DATABASE_URL) and pgbench; make bench-events gives it the server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/mallhive/product-service/bench/drive"
)

// part is one thing that is measured; it tells its figures on standard output.
type part struct {
	name    string
	measure func(ctx context.Context, w *world) error
}

func parts() []part {
	return []part{
		{"drain", measureDrain},
		{"interactions", measureInteractions},
		{"backlog", measureBacklog},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) == 2 && programs()[os.Args[1]] != nil {
		fmt.Fprintln(os.Stderr, "events:", programs()[os.Args[1]]())
		os.Exit(1)
	}
	if err := measure(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "events:", err)
		os.Exit(1)
	}
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func measure(ctx context.Context) error {
	only := flag.String("only", "", "parts to measure, with commas between them: "+strings.Join(names(parts()), ", ")+"; none: all")
	rounds := flag.Int("rounds", 5, "pairs of windows")
	span := flag.Duration("span", 3*time.Second, "length of a window, whole seconds")
	rows := flag.Int("rows", 1_000_000, "events that wait at the beginning of a drain")
	flag.Parse()
	if *rounds < 1 || *span < time.Second || *span%time.Second != 0 || *rows < 10_000 {
		return errors.New("-rounds takes a number from 1, -span whole seconds such as 3s, -rows a number from 10000")
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	if _, err := exec.LookPath("pgbench"); err != nil {
		return drive.ErrNoPgbench
	}
	dir, err := os.MkdirTemp("", "product-service-events-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	w := &world{dir: dir, rounds: *rounds, span: *span, rows: *rows}
	defer w.close()
	if err := w.open(ctx); err != nil {
		return err
	}
	fmt.Printf("events: %s/%s, %d CPUs, %s, PostgreSQL %s on %s; client, broker, function, pgbench and PostgreSQL share them;\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), w.stage.Version, w.database.Disk)
	fmt.Println("fsync, synchronous_commit and full_page_writes are on; every event is a POST of its own in binary mode")
	for _, p := range chosen {
		if err := p.measure(ctx, w); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

func names(of []part) []string {
	var all []string
	for _, p := range of {
		all = append(all, p.name)
	}
	return all
}

func choose(only string) ([]part, error) {
	if only == "" {
		return parts(), nil
	}
	var chosen []part
	for name := range strings.SplitSeq(only, ",") {
		at := slices.Index(names(parts()), name)
		if at < 0 {
			return nil, fmt.Errorf("-only %s: the parts are %s", name, strings.Join(names(parts()), ", "))
		}
		chosen = append(chosen, parts()[at])
	}
	return chosen, nil
}
