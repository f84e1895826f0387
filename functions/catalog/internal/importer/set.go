package importer

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
)

// raceTries is how often rows are tried that somebody else writes too.
const raceTries = 3

// setWithin bounds one set; the whole stream has no bound. A database that does
// not say a word any more must not hold the import for ever.
const setWithin = 15 * time.Second

// grew tells when many rows more have changed. Rows are written meanwhile.
func (r *run[T]) grew(ctx context.Context) {
	changed := r.summary.Created + r.summary.Updated
	if r.options.DryRun || changed < r.grown {
		return
	}
	r.grown *= timesMore
	r.settle()
	growing := make(chan error, 1)
	r.growing = growing
	go func() { growing <- r.options.Grown(ctx, changed) }()
}

// settle waits until nobody is told any more that rows have changed.
func (r *run[T]) settle() {
	if r.growing == nil {
		return
	}
	// Rows are written whether or not this succeeds; only slower if it does not.
	if err := <-r.growing; err != nil && r.internal == nil {
		r.internal = err
	}
	r.growing = nil
}

// save writes all values in one transaction; when the database refuses them,
// each half in one of its own, and so on down to the ones at fault. An error
// means that no other value would fare better.
func (r *run[T]) save(ctx context.Context, f *flight[T], values []T) ([]Outcome, error) {
	outcomes, err := r.tried(ctx, values)
	if err == nil {
		return outcomes, nil
	}
	beaten := postgres.Retryable(err) // by others, who may be done by the next try
	err = postgres.Fault(err)
	if ctx.Err() != nil || fault.Is(err, fault.Unavailable) && !beaten {
		return nil, err
	}
	if len(values) == 1 {
		if f.internal == nil && fault.As(err).Kind == fault.Internal {
			f.internal = err
		}
		return []Outcome{{Fault: err}}, nil
	}
	half := len(values) / 2
	first, err := r.save(ctx, f, values[:half])
	if err != nil {
		return nil, err
	}
	second, err := r.save(ctx, f, values[half:])
	return append(first, second...), err
}

// tried is together, tried again when somebody else wrote the same rows
// meanwhile: they are there to be seen then.
func (r *run[T]) tried(ctx context.Context, values []T) (outcomes []Outcome, err error) {
	for range raceTries {
		if outcomes, err = r.together(ctx, values); !postgres.IsUnique(err) {
			break
		}
	}
	return outcomes, err
}

func (r *run[T]) together(ctx context.Context, values []T) (outcomes []Outcome, err error) {
	ctx, cancel := context.WithTimeout(ctx, setWithin)
	defer cancel()
	err = postgres.InTx(ctx, r.db, func(tx pgx.Tx) error {
		var err error
		outcomes, err = r.kind.SaveAll(ctx, tx, values)
		return err
	})
	return outcomes, err
}

// prepare may fail: the set's own transaction does then what it has not.
func (r *run[T]) prepare(ctx context.Context, values []T) {
	ctx, cancel := context.WithTimeout(ctx, setWithin)
	defer cancel()
	_ = r.kind.Prepare(ctx, r.db, values)
}

func (r *run[T]) answer(row row[T], outcome Outcome) error {
	r.summary.Rows++
	line := Result{Row: row.number, Key: row.key, Result: outcome.Result}
	switch {
	case outcome.Fault != nil:
		r.summary.Failed++
		line.Result = "failed"
		line.Errors = fieldsOf(outcome.Fault)
	case outcome.Result == "created":
		r.summary.Created++
	case outcome.Result == "updated":
		r.summary.Updated++
	default:
		r.summary.Unchanged++
	}
	if r.options.OnlyFailed && outcome.Fault == nil {
		return nil
	}
	return r.stream.Write(line)
}

func fieldsOf(err error) []fault.Field {
	f := fault.As(err)
	if len(f.Fields) > 0 {
		return f.Fields
	}
	return []fault.Field{fault.At("", f.Code, "%s", f.Detail)}
}
