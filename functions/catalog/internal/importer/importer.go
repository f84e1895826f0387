// Package importer takes streams of rows in and answers each with one result
// line: rows are written in sets, a bad row fails alone, and memory does not
// grow with the stream.
package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/semaphore"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

const (
	// setRows is how many rows are written together.
	setRows = 200
	// setBytes bounds a set, aheadBytes what is read but not yet written: rows
	// may be large, and memory must not grow with them.
	setBytes, aheadBytes = 2 << 20, 6 << 20
	// manyRows is how many changed rows make the tables other ones than the
	// planner knows; from then on each time they are so many times more.
	manyRows, timesMore = 1000, 4
	// patience is how long a set waits for more rows: somebody who types rows
	// by hand sees each result at once.
	patience = 20 * time.Millisecond
)

// Stream is where rows come from and results go to.
type Stream interface {
	// Next is the next row; a fault is that row's alone, io.EOF the true end.
	Next() (row int, line []byte, err error)
	Write(line any) error
	Flush() error
}

// Kind is what is imported.
type Kind[T any] struct {
	// Read decodes and checks a row; key names it in the result line.
	Read func(line []byte) (value T, key string, err error)
	// Names are what must not stand twice in one set: rows that share one are
	// written one after the other.
	Names func(T) []string
	// SaveAll writes a set; a fault of one row is its outcome, an error is the
	// database's.
	SaveAll func(ctx context.Context, tx pgx.Tx, values []T) ([]Outcome, error)
}

// Outcome is what became of a row: created, updated or unchanged, or a fault.
type Outcome struct {
	Result string
	Fault  error
}

// Options of an import.
type Options struct {
	DryRun     bool
	OnlyFailed bool
	// Skippable is the stream's error for a row that cannot be read although
	// the next one can.
	Skippable error
	// Done is called at the end of an import that changed anything.
	Done func()
	// Grown is called each time an import has changed many rows more, with how
	// many those are in all.
	Grown func(ctx context.Context, changed int) error
}

// Summary is the last line of the answer.
type Summary struct {
	Rows       int  `json:"rows"`
	Created    int  `json:"created"`
	Updated    int  `json:"updated"`
	Unchanged  int  `json:"unchanged"`
	Failed     int  `json:"failed"`
	Incomplete bool `json:"incomplete" doc:"The stream ended before its end, or the database went away: rows may be missing"`
}

// Result is the line for one row.
type Result struct {
	Row    int           `json:"row"`
	Key    string        `json:"key,omitempty"`
	Result string        `json:"result"`
	Errors []fault.Field `json:"errors,omitempty"`
}

type row[T any] struct {
	number int
	bytes  int64
	key    string
	value  T
	fault  error
}

// run is one import under way.
type run[T any] struct {
	kind    Kind[T]
	options Options
	stream  Stream
	db      postgres.DB
	summary Summary
	grown   int // how many changed rows are many next
	ahead   *semaphore.Weighted
	// internal is the first fault that a result line does not explain.
	internal error
}

// Run imports a stream to its end. The error is for operators: the caller of
// the import has been told by then.
func Run[T any](ctx context.Context, db postgres.DB, stream Stream, kind Kind[T], options Options) error {
	r := &run[T]{kind: kind, options: options, stream: stream, db: db, grown: manyRows, ahead: semaphore.NewWeighted(aheadBytes)}
	var err error
	if options.DryRun {
		err = r.rehearse(ctx)
	} else {
		err = r.all(ctx)
	}
	if err != nil {
		r.summary.Incomplete = true
	}
	if !options.DryRun && r.summary.Created+r.summary.Updated > 0 {
		options.Done()
	}
	return errors.Join(err, r.internal, stream.Write(map[string]Summary{"summary": r.summary}), stream.Flush())
}

var errRehearsed = errors.New("dry run")

// Rows come at the pace of who sends them; the connection allows no transaction
// to wait for that long.
const mayWaitSQL = `set local idle_in_transaction_session_timeout = '90s'`

// rehearse does everything in one transaction that is rolled back, so that
// rows which rest on earlier rows are judged as they would be.
func (r *run[T]) rehearse(ctx context.Context) error {
	pool := r.db
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		r.db = tx
		if _, err := tx.Exec(ctx, mayWaitSQL); err != nil {
			return fmt.Errorf("dry run: %w", err)
		}
		if err := r.all(ctx); err != nil {
			return err
		}
		return errRehearsed
	})
	r.db = pool
	if errors.Is(err, errRehearsed) {
		return nil
	}
	return err
}

// all reads and decodes rows in one goroutine while sets are written in
// another.
func (r *run[T]) all(ctx context.Context) error {
	rows := make(chan row[T], setRows)
	reading, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		defer close(rows)
		ended <- r.read(reading, rows)
	}()
	err := r.write(ctx, rows)
	stop()
	for range rows { // the reader is done with the stream before we return
	}
	if readErr := <-ended; err == nil {
		return readErr
	}
	return err
}

func (r *run[T]) read(ctx context.Context, rows chan<- row[T]) error {
	for {
		number, line, err := r.stream.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		next := row[T]{number: number, bytes: int64(len(line))}
		if err := r.ahead.Acquire(ctx, next.bytes); err != nil {
			return err // the writer has given up
		}
		switch {
		case err != nil && errors.Is(err, r.options.Skippable):
			next.fault = fault.InvalidInput(fault.At("", "too_long", "%s", err))
		case errors.As(err, new(*fault.Error)):
			next.fault = err
		case err != nil:
			return fmt.Errorf("the stream ended early: %w", err)
		default:
			next.value, next.key, next.fault = r.kind.Read(line)
		}
		select {
		case rows <- next:
		case <-ctx.Done():
			return nil
		}
	}
}

// write gathers rows into sets: until one is full, until a row shares a name
// with an earlier one, or until no more come for a while.
func (r *run[T]) write(ctx context.Context, rows <-chan row[T]) error {
	var set []row[T]
	var size int64
	names := map[string]bool{}
	flush := func() error {
		err := r.writeSet(ctx, set)
		r.ahead.Release(size)
		set, size = set[:0], 0
		clear(names)
		return err
	}
	for {
		next, more, waited := receive(rows, len(set) > 0)
		if waited || !more {
			if err := flush(); err != nil || !more {
				return err
			}
			continue
		}
		if len(set) == setRows || size >= setBytes || r.clashes(next, names) {
			if err := flush(); err != nil {
				return err
			}
		}
		if next.fault == nil {
			for _, n := range r.kind.Names(next.value) {
				names[n] = true
			}
		}
		set, size = append(set, next), size+next.bytes
	}
}

func (r *run[T]) clashes(next row[T], names map[string]bool) bool {
	if next.fault != nil {
		return false
	}
	for _, n := range r.kind.Names(next.value) {
		if names[n] {
			return true
		}
	}
	return false
}

// receive waits for a row; no longer than our patience when others wait.
func receive[T any](rows <-chan row[T], others bool) (next row[T], more, waited bool) {
	select {
	case next, more = <-rows:
		return next, more, false
	default:
	}
	if !others {
		next, more = <-rows
		return next, more, false
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case next, more = <-rows:
		return next, more, false
	case <-timer.C:
		return next, true, true
	}
}
