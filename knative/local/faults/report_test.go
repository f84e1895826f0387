package faults

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
)

// What is counted beside the faults.
const (
	ordersPlaced    = "orders replayed"
	deliveries      = "deliveries to inventory"
	repliesCompared = "replies compared with the first to their message"
	outcomes        = "outcomes of orders held against their replies"
	histories       = "histories judged"
	operations      = "operations in them"
	neverAnswered   = "operations in them that were never answered"
	audits          = "audits, each without a difference"
)

// report is what the whole run did: one for all worlds, as it is told once.
var report = &tally{faults: map[string]int{}, rest: map[string]int{}}

type tally struct {
	mu           sync.Mutex
	faults, rest map[string]int
}

func (t *tally) fault(kind string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults[kind]++
}

func (t *tally) add(what string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rest[what] += n
}

func (t *tally) print(out io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = fmt.Fprintln(out, "\nfaults")
	for _, kind := range slices.Sorted(maps.Keys(t.faults)) {
		_, _ = fmt.Fprintf(out, "%8d  %s\n", t.faults[kind], kind)
	}
	_, _ = fmt.Fprintln(out, "and")
	for _, what := range []string{ordersPlaced, deliveries, repliesCompared, outcomes, histories, operations, neverAnswered, audits} {
		_, _ = fmt.Fprintf(out, "%8d  %s\n", t.rest[what], what)
	}
}
