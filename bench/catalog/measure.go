package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	rounds      = 5
	connections = 32
	windowSpan  = 2 * time.Second
	coldSlugs   = 20_000 // more than are answered in the second that an answer is kept
)

// duel is a server driven beside a bare one, in turns.
type duel struct {
	name      string
	own, bare []window
	ratios    []float64
}

func fight(ctx context.Context, name string, own, bare *server, ownTarget, bareTarget func(int64) string) (duel, error) {
	d := duel{name: name}
	for round := range rounds + 1 {
		o, err := drive(ctx, own, connections, windowSpan, ownTarget)
		if err != nil {
			return d, err
		}
		b, err := drive(ctx, bare, connections, windowSpan, bareTarget)
		if err != nil {
			return d, err
		}
		if round > 0 { // the first warms up
			d.own, d.bare = append(d.own, o), append(d.bare, b)
			d.ratios = append(d.ratios, o.rate()/b.rate())
		}
	}
	fmt.Fprintf(os.Stderr, "  %s: %.2f of bare\n", name, median(d.ratios))
	return d, nil
}

// latency is how long single questions took, one at a time.
type latency struct {
	name      string
	questions []question
	medians   []time.Duration // of each question over the rounds
	found     int             // questions that found something
	machine   time.Duration   // CPU time of the machine for a question
}

// interrogate asks every question once a round on one connection. A round takes
// longer than an answer is kept, or is made to.
func interrogate(ctx context.Context, name string, s *server, questions []question) (latency, error) {
	l := latency{name: name, questions: questions}
	line, err := dial(ctx, s.address)
	if err != nil {
		return l, err
	}
	defer line.close()
	took := make([][]time.Duration, len(questions))
	var machine time.Duration
	for round := range rounds + 1 {
		began, before := time.Now(), machineCPU()
		for i, q := range questions {
			var body bytes.Buffer
			asked := time.Now()
			if err := line.ask(q.target, &body); err != nil {
				return l, fmt.Errorf("%s: %w", q.label, err)
			}
			if round == 0 { // the first warms up
				l.found += min(1, bytes.Count(body.Bytes(), []byte(`"sku"`)))
				continue
			}
			took[i] = append(took[i], time.Since(asked))
		}
		machine += machineCPU() - before
		if err := wait(ctx, time.Until(began.Add(1100*time.Millisecond))); err != nil {
			return l, err
		}
	}
	l.machine = machine / time.Duration((rounds+1)*len(questions))
	for _, t := range took {
		l.medians = append(l.medians, median(t))
	}
	fmt.Fprintf(os.Stderr, "  %s: median %s ms, worst %s ms\n", name, ms(median(l.medians)), ms(slices.Max(l.medians)))
	return l, nil
}

func (l latency) worst() question {
	return l.questions[slices.Index(l.medians, slices.Max(l.medians))]
}

func (l latency) percentile(p int) time.Duration {
	sorted := slices.Sorted(slices.Values(l.medians))
	return sorted[(len(sorted)-1)*p/100]
}

var perSecond = regexp.MustCompile(`tps = ([0-9.]+)`)

// pgbench is the selects a second of PostgreSQL's own driver, 0 without it.
func pgbench(ctx context.Context, url string) (float64, error) {
	path, err := exec.LookPath("pgbench")
	if err != nil {
		fmt.Fprintln(os.Stderr, "  pgbench is not installed: its figure is left out")
		return 0, nil
	}
	file, err := os.CreateTemp("", "bench-catalog-*.sql")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	if _, err := fmt.Fprintf(file, "\\set i random(0, %d)\nselect body from bench.rows where slug = 'bench-product-' || :i;\n", coldSlugs-1); err != nil {
		return 0, err
	}
	if err := file.Close(); err != nil {
		return 0, err
	}
	args := []string{"-n", "-M", "prepared", "-c", "4", "-T", strconv.Itoa(int(windowSpan.Seconds())), "-f", file.Name(), url}
	text, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("pgbench: %w: %s", err, strings.TrimSpace(string(text)))
	}
	found := perSecond.FindSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("pgbench said nothing of tps: %s", text)
	}
	return strconv.ParseFloat(string(found[1]), 64)
}

func median[T int64 | float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }

// middle is the window with the median rate.
func middle(windows []window) window {
	sorted := slices.SortedFunc(slices.Values(windows), func(a, b window) int { return int(a.rate() - b.rate()) })
	return sorted[len(sorted)/2]
}

func atLeastOne(n int) time.Duration { return time.Duration(max(n, 1)) }
