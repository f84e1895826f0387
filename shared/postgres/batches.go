package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Batches is a change that takes two round trips. Both functions are called anew
// for each try.
type Batches struct {
	// First fills the batch with which the transaction begins.
	First func(*pgx.Batch)
	// Then returns the batch with which it commits; nil when there is nothing
	// to write. When that is read the transaction is over, so what its callbacks
	// find wrong undoes nothing: only what the server refuses does.
	Then func(pgx.Tx) (*pgx.Batch, error)
	// Early is asked before the last batch is sent; nil is never. Then the locks
	// are given back before the disk has the commit, so that those who wait for
	// them do not wait for the disk too. What others read until then may be gone
	// after a crash: whoever tells of it sees to it that the disk has it.
	Early func() bool
}

// InBatches is InTx for such a change. When it returns nil the disk has all that
// was written, and all that was read.
func InBatches(ctx context.Context, db DB, b Batches) error {
	pool, alone := db.(*Pool)
	if !alone {
		return InTx(ctx, db, func(tx pgx.Tx) error { return b.nested(ctx, tx) })
	}
	return retrying(ctx, func() error {
		died, err := pool.inBatches(ctx, b)
		if died && ctx.Err() == nil {
			_, err = pool.inBatches(ctx, b)
		}
		return err
	})
}

func (b Batches) nested(ctx context.Context, tx pgx.Tx) error {
	batch := &pgx.Batch{}
	b.First(batch)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	last, err := b.Then(tx)
	if err != nil || last == nil {
		return err
	}
	return tx.SendBatch(ctx, last).Close()
}

// inBatches says whether the connection died of the first batch, as one that
// was lost while it was idle does: nothing has been done on it.
func (p *Pool) inBatches(ctx context.Context, b Batches) (died bool, err error) {
	conn, err := p.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	batch := &pgx.Batch{}
	batch.BeginTx(pgx.TxOptions{})
	b.First(batch)
	results := conn.SendBatch(ctx, batch)
	tx := results.Tx()
	defer func() {
		if open(conn) {
			_ = tx.Rollback(ctx)
		}
	}()
	if err := results.Close(); err != nil {
		return conn.Conn().IsClosed(), err
	}
	last, err := b.Then(tx)
	if err != nil {
		return false, err
	}
	return false, conn.SendBatch(ctx, b.closing(last)).Close()
}

// closing adds the commit. The session that commits also flushes: that it is
// still there says that the server has not crashed in between. When nothing is
// written, what was read may still be on its way to the disk.
func (b Batches) closing(last *pgx.Batch) *pgx.Batch {
	if last == nil {
		last = &pgx.Batch{}
		last.Queue(flush)
		queueCommit(last)
		return last
	}
	if b.Early == nil || !b.Early() {
		queueCommit(last)
		return last
	}
	last.Queue("set local synchronous_commit = off")
	queueCommit(last)
	last.Queue(flush)
	return last
}

func queueCommit(batch *pgx.Batch) {
	batch.Queue("commit").Exec(func(tag pgconn.CommandTag) error {
		if tag.String() == "ROLLBACK" {
			return pgx.ErrTxCommitRollback
		}
		return nil
	})
}

// flush writes something for the sake of its commit: that waits until the disk,
// and a replica where one is waited for, has all that was written before.
const flush = `select pg_logical_emit_message(true, 'flush', '')`

func open(conn *pgxpool.Conn) bool {
	return !conn.Conn().IsClosed() && conn.Conn().PgConn().TxStatus() != 'I'
}

// Later is a DB whose statements wait in a batch for whoever sends it. It takes
// only those of which nobody wants to know more than that they succeeded.
func Later(batch *pgx.Batch) DB { return later{batch: batch} }

type later struct{ batch *pgx.Batch }

func (l later) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	l.batch.Queue(sql, args...)
	return pgconn.CommandTag{}, nil
}

var errUnsent = errors.New("a batch that waits answers nothing")

func (l later) Begin(context.Context) (pgx.Tx, error) { return nil, errUnsent }

func (l later) Query(context.Context, string, ...any) (pgx.Rows, error) { return nil, errUnsent }

func (l later) QueryRow(context.Context, string, ...any) pgx.Row { return &poolRow{err: errUnsent} }

func (l later) SendBatch(context.Context, *pgx.Batch) pgx.BatchResults { return failedBatch{errUnsent} }

func (l later) CopyFrom(context.Context, pgx.Identifier, []string, pgx.CopyFromSource) (int64, error) {
	return 0, errUnsent
}
