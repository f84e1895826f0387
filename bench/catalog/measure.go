package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/mallhive/product-service/bench/drive"
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
	own, bare []drive.Window
	ratios    []float64
}

func fight(ctx context.Context, name string, own, bare *drive.Server, ownTarget, bareTarget func(int64) string) (duel, error) {
	d := duel{name: name}
	for round := range rounds + 1 {
		o, err := drive.Drive(ctx, own, connections, windowSpan, get(ownTarget))
		if err != nil {
			return d, err
		}
		b, err := drive.Drive(ctx, bare, connections, windowSpan, get(bareTarget))
		if err != nil {
			return d, err
		}
		if round > 0 { // the first warms up
			d.own, d.bare = append(d.own, o), append(d.bare, b)
			d.ratios = append(d.ratios, o.Rate()/b.Rate())
		}
	}
	fmt.Fprintf(os.Stderr, "  %s: %.2f of bare\n", name, drive.Median(d.ratios))
	return d, nil
}

// get makes the n-th request of targets.
func get(target func(int64) string) func(*drive.Line, int64) error {
	return func(l *drive.Line, n int64) error { return l.Get(target(n), nil) }
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
func interrogate(ctx context.Context, name string, s *drive.Server, questions []question) (latency, error) {
	l := latency{name: name, questions: questions}
	line, err := drive.Dial(ctx, s.Address)
	if err != nil {
		return l, err
	}
	defer line.Close()
	took := make([][]time.Duration, len(questions))
	var machine time.Duration
	for round := range rounds + 1 {
		began, before := time.Now(), drive.MachineCPU()
		for i, q := range questions {
			var body bytes.Buffer
			asked := time.Now()
			if err := line.Get(q.target, &body); err != nil {
				return l, fmt.Errorf("%s: %w", q.label, err)
			}
			if round == 0 { // the first warms up
				l.found += min(1, bytes.Count(body.Bytes(), []byte(`"sku"`)))
				continue
			}
			took[i] = append(took[i], time.Since(asked))
		}
		machine += drive.MachineCPU() - before
		if err := drive.Wait(ctx, time.Until(began.Add(1100*time.Millisecond))); err != nil {
			return l, err
		}
	}
	l.machine = machine / time.Duration((rounds+1)*len(questions))
	for _, t := range took {
		l.medians = append(l.medians, drive.Median(t))
	}
	fmt.Fprintf(os.Stderr, "  %s: median %s ms, worst %s ms\n", name, drive.MS(drive.Median(l.medians)), drive.MS(slices.Max(l.medians)))
	return l, nil
}

func (l latency) worst() question {
	return l.questions[slices.Index(l.medians, slices.Max(l.medians))]
}

func (l latency) percentile(p int) time.Duration {
	return drive.Percentile(l.medians, p)
}

// pgbench is the selects a second of PostgreSQL's own driver, 0 without it.
func pgbench(ctx context.Context, url string) (float64, error) {
	script := fmt.Sprintf("\\set i random(0, %d)\nselect body from bench.rows where slug = 'bench-product-' || :i;\n", coldSlugs-1)
	run, err := drive.Pgbench{URL: url, Script: script, Clients: 4, Span: windowSpan}.Run(ctx)
	if errors.Is(err, drive.ErrNoPgbench) {
		fmt.Fprintln(os.Stderr, "  its figure is left out:", err)
		return 0, nil
	}
	return run.Rate(), err
}

func atLeastOne(n int) time.Duration { return time.Duration(max(n, 1)) }
