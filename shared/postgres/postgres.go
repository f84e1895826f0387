// Package postgres is the one way to the database: a pool whose credentials
// are fetched when it connects, transactions that retry what PostgreSQL asks
// to be retried, and PostgreSQL's errors as faults.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// DB is what a pool and a transaction share. Domain operations take it, so
// that they run alone or inside a caller's transaction.
type DB interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error)
}

// maxTries bounds how often a transaction is tried when PostgreSQL reports a
// deadlock or a serialization failure.
const maxTries = 6

// InTx runs do in a transaction and commits when do returns nil. On a pool a
// deadlock or serialization failure is retried with jittered backoff, so do
// must have no effect outside the transaction. On a transaction it is a
// savepoint and nothing is retried.
func InTx(ctx context.Context, db DB, do func(tx pgx.Tx) error) error {
	if _, nested := db.(pgx.Tx); nested {
		return pgx.BeginFunc(ctx, db, do)
	}
	return retrying(ctx, func() error { return pgx.BeginFunc(ctx, db, do) })
}

func retrying(ctx context.Context, transact func() error) error {
	for try := 1; ; try++ {
		err := transact()
		if err == nil || !Retryable(err) || try == maxTries {
			return err
		}
		wait := time.Duration(try*try)*2*time.Millisecond + rand.N(10*time.Millisecond)
		select {
		case <-ctx.Done():
			return fmt.Errorf("retry of a transaction: %w", errors.Join(ctx.Err(), err))
		case <-time.After(wait):
		}
	}
}

// Retryable says that the transaction was the victim of others and that the
// same one may succeed when tried again.
func Retryable(err error) bool {
	return isCode(err, "40001", "40P01")
}

// IsUnique reports a violation of the named unique or exclusion constraint; no
// name means any.
func IsUnique(err error, constraints ...string) bool {
	return isConstraint(err, constraints, "23505", "23P01")
}

// IsForeignKey reports a violation of the named foreign key; no name means any.
func IsForeignKey(err error, constraints ...string) bool {
	return isConstraint(err, constraints, "23503", "23001")
}

// IsCheck reports a violation of the named CHECK; no name means any.
func IsCheck(err error, constraints ...string) bool {
	return isConstraint(err, constraints, "23514")
}

// IsLockTimeout reports a wait for a lock that took longer than lock_timeout.
func IsLockTimeout(err error) bool { return isCode(err, "55P03") }

func isConstraint(err error, names []string, codes ...string) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || !isCode(err, codes...) {
		return false
	}
	for _, n := range names {
		if pg.ConstraintName == n {
			return true
		}
	}
	return len(names) == 0
}

func isCode(err error, codes ...string) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	for _, c := range codes {
		if pg.Code == c {
			return true
		}
	}
	return false
}
