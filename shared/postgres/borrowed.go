package postgres

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The types below give a borrowed connection back when what it was borrowed
// for is over.

type poolTx struct {
	pgx.Tx
	conn *pgxpool.Conn
	once sync.Once
}

func (t *poolTx) Commit(ctx context.Context) error {
	defer t.once.Do(t.conn.Release)
	return t.Tx.Commit(ctx)
}

func (t *poolTx) Rollback(ctx context.Context) error {
	defer t.once.Do(t.conn.Release)
	return t.Tx.Rollback(ctx)
}

type poolRows struct {
	pgx.Rows
	conn *pgxpool.Conn
	once sync.Once
}

func (r *poolRows) Next() bool {
	more := r.Rows.Next()
	if !more {
		r.once.Do(r.conn.Release)
	}
	return more
}

func (r *poolRows) Close() {
	r.Rows.Close()
	r.once.Do(r.conn.Release)
}

type poolRow struct {
	rows pgx.Rows
	err  error
}

func (r *poolRow) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

type poolBatch struct {
	pgx.BatchResults
	conn *pgxpool.Conn
	once sync.Once
}

func (b *poolBatch) Close() error {
	defer b.once.Do(b.conn.Release)
	return b.BatchResults.Close()
}

type failedBatch struct{ err error }

func (b failedBatch) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, b.err }
func (b failedBatch) Query() (pgx.Rows, error)         { return nil, b.err }
func (b failedBatch) QueryRow() pgx.Row                { return &poolRow{err: b.err} }
func (b failedBatch) Close() error                     { return b.err }
func (b failedBatch) Tx() pgx.Tx                       { return nil }
