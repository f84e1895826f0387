package importer

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// keptFailures bounds the refused rows a Tally remembers.
const keptFailures = 1_000

// Tally is what happened to one file.
type Tally struct {
	Kind       string
	Parts      int
	Rows       int64
	Created    int64
	Updated    int64
	Unchanged  int64
	Failed     int64
	Incomplete bool
	Elapsed    time.Duration
	Failures   []Failure // the first of them
}

// Failure is one refused row, with the reasons given.
type Failure struct {
	Row     int64
	Key     string
	Reasons []string
}

// PerSecond is rows a second.
func (t Tally) PerSecond() float64 {
	if t.Elapsed <= 0 {
		return 0
	}
	return float64(t.Rows) / t.Elapsed.Seconds()
}

func (t *Tally) add(p partResult) {
	t.Rows += p.Rows
	t.Created += p.Created
	t.Updated += p.Updated
	t.Unchanged += p.Unchanged
	t.Failed += p.Failed
	t.Incomplete = t.Incomplete || p.Incomplete
}

func (t *Tally) note(l line) {
	if len(t.Failures) >= keptFailures {
		return
	}
	failure := Failure{Row: l.Row, Key: l.Key}
	for _, e := range l.Errors {
		reason := strings.TrimSpace(strings.Join([]string{e.Pointer, e.Code}, " "))
		if e.Detail != "" {
			reason += ": " + e.Detail
		}
		failure.Reasons = append(failure.Reasons, reason)
	}
	t.Failures = append(t.Failures, failure)
}

func (t Tally) printFailures(out io.Writer, most int) {
	for i, f := range t.Failures {
		if i == most {
			_, _ = fmt.Fprintf(out, "  … and %d more\n", t.Failed-int64(most))
			return
		}
		_, _ = fmt.Fprintf(out, "  %s row %d (%s) failed: %s\n", t.Kind, f.Row, f.Key, strings.Join(f.Reasons, "; "))
	}
}

func printSummary(out io.Writer, tallies []Tally) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, "\trows\tcreated\tupdated\tunchanged\tfailed\tseconds\trows/s\t")
	for _, t := range tallies {
		_, _ = fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%.1f\t%.0f\t%s\n", t.Kind, t.Rows, t.Created, t.Updated,
			t.Unchanged, t.Failed, t.Elapsed.Seconds(), t.PerSecond(), incompleteMark(t))
	}
	_ = table.Flush()
}

func incompleteMark(t Tally) string {
	if t.Incomplete {
		return " incomplete"
	}
	return ""
}
