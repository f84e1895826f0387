package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// contest is a program's starts, each with the bare program's start before it.
type contest struct {
	name      string
	bare, own []started
}

// compare starts the programs in turns, so that what else the machine does
// falls on all of them. A first round is thrown away: it reads the files.
func compare(ctx context.Context, bare program, others []program, pairs int) ([]contest, error) {
	contests := make([]contest, len(others))
	for round := range pairs + 1 {
		for i, p := range others {
			b, err := bare.start(ctx)
			if err != nil {
				return nil, err
			}
			o, err := p.start(ctx)
			if err != nil {
				return nil, err
			}
			contests[i].name = p.name
			if round > 0 {
				contests[i].bare, contests[i].own = append(contests[i].bare, b), append(contests[i].own, o)
			}
		}
	}
	return contests, nil
}

// ratio is the median of what each start took in times of the bare start
// before it, until the answer from the database.
func (c contest) ratio() float64 {
	ratios := make([]float64, len(c.own))
	for i := range c.own {
		ratios[i] = float64(c.own[i].database) / float64(c.bare[i].database)
	}
	return median(ratios)
}

func median[T int64 | float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func each(all []started, of func(started) time.Duration) []time.Duration {
	out := make([]time.Duration, len(all))
	for i, s := range all {
		out[i] = of(s)
	}
	return out
}

func alive(s started) time.Duration    { return s.alive }
func database(s started) time.Duration { return s.database }
func cpu(s started) time.Duration      { return s.cpu }

// spread is the median with the quarter that is quicker and the one slower.
func spread(values []time.Duration) string {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return fmt.Sprintf("%s (%s–%s)", ms(sorted[n/2]), ms(sorted[n/4]), ms(sorted[n*3/4]))
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond)) }

func table() *tabwriter.Writer {
	return tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
}

func printTimes(contests []contest) error {
	var bare []started
	for _, c := range contests {
		bare = append(bare, c.bare...)
	}
	w := table()
	_, _ = fmt.Fprintln(w, "\nmilliseconds, median (quartiles)\tfirst answer\tfirst database answer\tCPU time\ttimes bare\t")
	_, _ = fmt.Fprintf(w, "bare\t%s\t%s\t%s\t\t\n", spread(each(bare, alive)), spread(each(bare, database)), spread(each(bare, cpu)))
	for _, c := range contests {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.2f\t\n", c.name,
			spread(each(c.own, alive)), spread(each(c.own, database)), spread(each(c.own, cpu)), c.ratio())
	}
	return w.Flush()
}
