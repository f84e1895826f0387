package importer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mallhive/product-service/shared/fault"
)

// set is rows that are written together.
type set[T any] struct {
	rows    []row[T]
	bytes   int64
	names   map[string]bool
	guesses map[string]bool
}

// flight is a set that is being written.
type flight[T any] struct {
	set[T]
	outcomes []Outcome
	err      error
	internal error // the first fault that a result line does not explain
	beside   bool  // an earlier set was in the air
	done     chan struct{}
}

func newSet[T any]() set[T] {
	return set[T]{names: map[string]bool{}, guesses: map[string]bool{}}
}

// write gathers rows into sets: until one is full, until a row shares a name
// with an earlier one, or until no more come for a while. Some sets are written
// at once; results are told in the order of rows.
func (r *run[T]) write(ctx context.Context, rows <-chan row[T]) error {
	gathered := newSet[T]()
	for {
		next, more, waited, err := r.receive(ctx, rows, len(gathered.rows) > 0)
		if err != nil {
			return err
		}
		if waited || !more {
			if err := r.launch(ctx, gathered); err != nil {
				return err
			}
			gathered = newSet[T]()
			if !more {
				return r.land(ctx, 0)
			}
			continue
		}
		names, guesses := r.namesOf(next)
		if len(gathered.rows) == setRows || gathered.bytes >= setBytes || shares(names, gathered.names) {
			if err := r.launch(ctx, gathered); err != nil {
				return err
			}
			gathered = newSet[T]()
		}
		if err := r.await(ctx, names, guesses); err != nil {
			return err
		}
		gathered.add(next, names, guesses)
	}
}

func (r *run[T]) namesOf(next row[T]) (names, guesses []string) {
	if next.fault != nil {
		return nil, nil
	}
	if r.kind.Guesses != nil {
		guesses = r.kind.Guesses(next.value)
	}
	return r.kind.Names(next.value), guesses
}

func (s *set[T]) add(next row[T], names, guesses []string) {
	for _, n := range names {
		s.names[n] = true
	}
	for _, n := range guesses {
		s.guesses[n] = true
	}
	s.rows, s.bytes = append(s.rows, next), s.bytes+next.bytes
}

func shares(names []string, with map[string]bool) bool {
	for _, n := range names {
		if with[n] {
			return true
		}
	}
	return false
}

// await lands the sets that a row with these names must not run beside.
func (r *run[T]) await(ctx context.Context, names, guesses []string) error {
	for i := len(r.flights) - 1; i >= 0; i-- {
		f := r.flights[i]
		if shares(names, f.names) || shares(names, f.guesses) || shares(guesses, f.names) || shares(guesses, f.guesses) {
			return r.land(ctx, len(r.flights)-i-1)
		}
	}
	return nil
}

// launch begins to write a set, as soon as it may.
func (r *run[T]) launch(ctx context.Context, gathered set[T]) error {
	if len(gathered.rows) == 0 {
		return nil
	}
	if err := r.board(ctx); err != nil {
		return err
	}
	f := &flight[T]{set: gathered, done: make(chan struct{}), beside: len(r.flights) > 0}
	r.flights = append(r.flights, f)
	go func() {
		r.fly(ctx, f)
		<-r.aloft
		close(f.done)
	}()
	return nil
}

// board waits until another set may be written, and tells results meanwhile.
func (r *run[T]) board(ctx context.Context) error {
	most := r.atOnce
	if most > 1 {
		most = unlanded
	}
	if err := r.land(ctx, most-1); err != nil {
		return err
	}
	for {
		var landed <-chan struct{}
		if len(r.flights) > 0 {
			landed = r.flights[0].done
		}
		select {
		case r.aloft <- struct{}{}:
			return nil
		case <-landed:
			if err := r.land(ctx, len(r.flights)-1); err != nil {
				return err
			}
		}
	}
}

func (r *run[T]) fly(ctx context.Context, f *flight[T]) {
	var values []T
	for _, row := range f.rows {
		if row.fault == nil {
			values = append(values, row.value)
		}
	}
	if len(values) == 0 {
		return
	}
	if r.kind.Prepare != nil && !r.options.DryRun {
		r.prepare(ctx, values)
	}
	f.outcomes, f.err = r.save(ctx, f, values)
}

// land waits for the oldest sets, until no more than rest are in the air, and
// tells their results.
func (r *run[T]) land(ctx context.Context, rest int) error {
	for len(r.flights) > rest {
		f := r.flights[0]
		<-f.done
		r.flights = r.flights[1:]
		r.ahead.Release(f.bytes)
		if r.internal == nil {
			r.internal = f.internal
		}
		if f.err == nil && f.madeRoom() {
			f.err = r.again(ctx, f)
		}
		if f.err != nil {
			return f.err
		}
		if err := r.tell(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// madeRoom says that what clashed may not clash any more: a set before was not
// done yet, or a row of this one has given something away.
func (f *flight[T]) madeRoom() bool {
	return f.beside || slices.ContainsFunc(f.outcomes, func(o Outcome) bool { return o.Result == "updated" })
}

// again judges once more what clashed with what there was.
func (r *run[T]) again(ctx context.Context, f *flight[T]) error {
	var clashed []int
	var values []T
	n := 0
	for _, row := range f.rows {
		if row.fault != nil {
			continue
		}
		if fault.Is(f.outcomes[n].Fault, fault.Conflict) {
			clashed, values = append(clashed, n), append(values, row.value)
		}
		n++
	}
	if len(values) == 0 {
		return nil
	}
	outcomes, err := r.save(ctx, f, values)
	if err != nil {
		return err
	}
	for i, at := range clashed {
		f.outcomes[at] = outcomes[i]
	}
	return nil
}

func (r *run[T]) tell(ctx context.Context, f *flight[T]) error {
	outcomes := f.outcomes
	for _, row := range f.rows {
		outcome := Outcome{Fault: row.fault}
		if row.fault == nil {
			outcome, outcomes = outcomes[0], outcomes[1:]
		}
		if err := r.answer(row, outcome); err != nil {
			return fmt.Errorf("result of row %d: %w", row.number, err)
		}
	}
	if err := r.stream.Flush(); err != nil {
		return err
	}
	r.grew(ctx)
	return nil
}

// receive waits for a row, no longer than our patience when others wait for it,
// and tells results that come meanwhile.
func (r *run[T]) receive(ctx context.Context, rows <-chan row[T], others bool) (next row[T], more, waited bool, err error) {
	select {
	case next, more = <-rows:
		return next, more, false, nil
	default:
	}
	var patient <-chan time.Time
	if others {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		patient = timer.C
	}
	for {
		var landed <-chan struct{}
		if len(r.flights) > 0 {
			landed = r.flights[0].done
		}
		select {
		case next, more = <-rows:
			return next, more, false, nil
		case <-patient:
			return next, true, true, nil
		case <-landed:
			if err := r.land(ctx, len(r.flights)-1); err != nil {
				return next, false, false, err
			}
		}
	}
}
