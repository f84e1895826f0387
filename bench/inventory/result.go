package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/mallhive/product-service/bench/drive"
)

// result is all that was measured.
type result struct {
	world    *world
	contests []*contest
	only     string // what the names of those that are measured have in them
	rounds   int
	lone     lone
	anatomy  anatomy
}

func (r *result) run(ctx context.Context, rounds int) error {
	w := r.world
	r.rounds = rounds
	say("the client count with which pgbench is quickest")
	for _, c := range r.measured() {
		if err := w.choose(ctx, c); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	say("warming up")
	for _, c := range r.measured() {
		if _, err := c.own(ctx); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	for round := range rounds {
		if err := r.round(ctx, round); err != nil {
			return err
		}
	}
	if r.only == "" {
		say("where the time goes")
		var err error
		if r.anatomy, err = w.dissect(ctx); err != nil {
			return err
		}
	}
	say("audit")
	return w.audit(ctx)
}

func (r *result) round(ctx context.Context, round int) error {
	for _, c := range r.measured() {
		if err := r.world.pair(ctx, c, round); err != nil {
			return err
		}
	}
	if !strings.Contains(loneName, r.only) {
		return nil
	}
	return r.world.lone(ctx, &r.lone, round)
}

func (r *result) measured() (some []*contest) {
	for _, c := range r.contests {
		if strings.Contains(c.name, r.only) {
			some = append(some, c)
		}
	}
	return some
}

// spread is a figure of every round.
type spread []float64

func (s spread) String() string {
	return fmt.Sprintf("%.2f (%.2f–%.2f)", drive.Median(s), slices.Min(s), slices.Max(s))
}

// ratios are of the rates of runs, round by round.
func ratios(a, b []run) spread {
	var s spread
	for i := range a {
		s = append(s, a[i].Rate()/b[i].Rate())
	}
	return s
}

// differences are of a percentile in milliseconds, round by round.
func (l lone) differences(p int) spread {
	var s spread
	for i := range l.ours {
		s = append(s, float64(drive.Percentile(l.ours[i], p)-drive.Percentile(l.theirs[i], p))/float64(time.Millisecond))
	}
	return s
}

func middleOf(runs []run) run {
	sorted := slices.SortedFunc(slices.Values(runs), func(a, b run) int { return int(a.Rate() - b.Rate()) })
	return sorted[len(sorted)/2]
}

func (r *result) print() error {
	d := r.world.database
	disk := d.disk
	if disk == "" {
		disk = "a disk of another machine"
	}
	fmt.Printf("inventory: %s/%s, %d CPUs, %s, PostgreSQL %s on %s; client, function, pgbench and PostgreSQL share them\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), r.world.stage.Version, disk)
	fmt.Printf("fsync, synchronous_commit and full_page_writes are on; CloudEvents in binary mode over %d kept connections,\n", connections)
	fmt.Println("EVENT_AUTH=oidc: the function checks the Trigger's token (ES256) of each delivery; all orders were found, the audit is empty")
	out := drive.Table()
	row := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) }
	row("\n%d windows of %s, in turns\tper second\tlowest–highest\tpgbench\tlowest–highest\tclients\torders a transaction\t\n", r.rounds, r.world.span)
	for _, c := range r.measured() {
		row("%s\t%s\t%s\t%s\t\n", c.name, rates(c.ours), theirs(c), together(middleOf(c.ours)))
	}
	row("\nCPU µs of one\tfunction\tPostgreSQL\tclient\tmachine\tidle\tpgbench's PostgreSQL\tpgbench\tmachine\t\n")
	for _, c := range r.measured() {
		row("%s\t%s\t%s\t\n", c.name, cpuOf(middleOf(c.ours), true), theirCPU(c))
	}
	r.printRatios(row)
	if len(r.lone.ours) > 0 {
		r.printLone(row)
	}
	if r.only == "" {
		r.anatomy.print(row)
	}
	return out.Flush()
}

func rates(runs []run) string {
	var s spread
	for _, r := range runs {
		s = append(s, r.Rate())
	}
	return fmt.Sprintf("%.0f\t%.0f–%.0f", drive.Median(s), slices.Min(s), slices.Max(s))
}

func theirs(c *contest) string {
	if len(c.theirs) == 0 {
		return "\t\t"
	}
	return fmt.Sprintf("%s\t%d", rates(c.theirs), c.clients)
}

func together(r run) string {
	if r.found.transactions == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", float64(r.Requests)/float64(r.found.transactions))
}

func cpuOf(r run, ours bool) string {
	micros := func(cpu time.Duration) string {
		if cpu == 0 {
			return "?"
		}
		return fmt.Sprint(r.Each(cpu).Microseconds())
	}
	text := micros(r.postgres) + "\t" + micros(r.Client) + "\t" + micros(r.Machine)
	if ours {
		idle := r.Elapsed*time.Duration(runtime.NumCPU()) - r.Machine
		text = micros(r.Server) + "\t" + text + "\t" + micros(max(idle, 0))
	}
	return text
}

func theirCPU(c *contest) string {
	if len(c.theirs) == 0 {
		return "\t\t"
	}
	return cpuOf(middleOf(c.theirs), false)
}

func (r *result) printRatios(row func(string, ...any)) {
	random, hot, gone, carts := r.contests[0], r.contests[1], r.contests[2], r.contests[3]
	row("\nratios of the same round\tmedian (lowest–highest)\tasked for\t\n")
	ratio := func(name string, a, b []run, least string) {
		if len(a) > 0 && len(b) > 0 {
			row("%s\t%s\tat least %s\t\n", name, ratios(a, b), least)
		}
	}
	ratio("1–3 random SKUs, of pgbench", random.ours, random.theirs, "0.9")
	ratio("one hot SKU, of pgbench", hot.ours, hot.theirs, "4")
	ratio("one hot SKU, of own random SKUs", hot.ours, random.ours, "1")
	ratio("refusals of a sold-out SKU, of own hot SKU", gone.ours, hot.ours, "1")
	ratio("refusals of a sold-out SKU, of own random SKUs", gone.ours, random.ours, "1")
	ratio("availability of 10 lines, of pgbench", carts.ours, carts.theirs, "0.6")
}

func (r *result) printLone(row func(string, ...any)) {
	row("\n" + loneName + ", one random SKU, ms\tfunction\tpgbench\tmore (lowest–highest)\tasked for\t\n")
	ours, theirs := slices.Concat(r.lone.ours...), slices.Concat(r.lone.theirs...)
	for _, p := range []int{50, 99} {
		row("p%d of %d\t%s\t%s\t%s\tat most 1\t\n", p, len(ours), drive.MS(drive.Percentile(ours, p)), drive.MS(drive.Percentile(theirs, p)), r.lone.differences(p))
	}
}
