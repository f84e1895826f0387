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
	setRows = 400
	// setBytes bounds a set, aheadBytes what is read but not yet written: rows
	// may be large, and memory must not grow with them.
	setBytes, aheadBytes = 2 << 20, 6 << 20
	// manyRows is how many changed rows make the tables other ones than the
	// planner knows; from then on each time they are so many times more.
	manyRows, timesMore = 1000, 8
	// atOnce is how many sets are written at a time, unlanded how many there are
	// until the results of the first are told: the others need not wait for one
	// that takes longer.
	atOnce, unlanded = 2, 4
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
	// Independent says that no row rests on an earlier one of another name, so
	// that some sets may be written at once.
	Independent bool
	// Guesses are names that a row may be given besides, where they are free:
	// rows of one set settle that among themselves, rows of two sets that are
	// written at once cannot. Nil when there are none.
	Guesses func(T) []string
	// Prepare writes ahead, outside of the set's transaction, what does no harm
	// if the set is not written after all, and notes in the values that it has.
	// Nil when there is nothing.
	Prepare func(ctx context.Context, db postgres.DB, values []T) error
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
	Result string        `json:"result" enum:"created,updated,unchanged,failed"`
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
	flights []*flight[T]
	atOnce  int
	aloft   chan struct{} // as many as are being written
	ahead   *semaphore.Weighted
	growing chan error // what became of the last call of Grown; nil when there was none
	// internal is the first fault that a result line does not explain.
	internal error
}

// Run imports a stream to its end. The error is for operators: the caller of
// the import has been told by then.
func Run[T any](ctx context.Context, db postgres.DB, stream Stream, kind Kind[T], options Options) error {
	r := &run[T]{kind: kind, options: options, stream: stream, db: db, grown: manyRows, aloft: make(chan struct{}, atOnce), atOnce: 1, ahead: semaphore.NewWeighted(aheadBytes)}
	if kind.Independent {
		r.atOnce = atOnce
	}
	var err error
	if options.DryRun {
		err = r.rehearse(ctx)
	} else {
		err = r.all(ctx)
	}
	if err != nil {
		r.summary.Incomplete = true
	}
	r.settle()
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
		r.db, r.atOnce = tx, 1
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
	for _, f := range r.flights { // nobody answers for them any more
		<-f.done
	}
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
