package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// InBatches is InTx for a change that takes two round trips: the transaction
// begins with the batch that first fills and commits with the one that then
// returns; nil just commits. Both are called anew for each try. When the last
// batch is read its transaction is over, so what its callbacks find wrong
// undoes nothing: only what the server refuses does.
func InBatches(ctx context.Context, db DB, first func(*pgx.Batch), then func(pgx.Tx) (*pgx.Batch, error)) error {
	pool, alone := db.(*Pool)
	if !alone {
		return InTx(ctx, db, func(tx pgx.Tx) error { return nestedBatches(ctx, tx, first, then) })
	}
	return retrying(ctx, func() error {
		died, err := pool.inBatches(ctx, first, then)
		if died && ctx.Err() == nil {
			_, err = pool.inBatches(ctx, first, then)
		}
		return err
	})
}

func nestedBatches(ctx context.Context, tx pgx.Tx, first func(*pgx.Batch), then func(pgx.Tx) (*pgx.Batch, error)) error {
	batch := &pgx.Batch{}
	first(batch)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	last, err := then(tx)
	if err != nil || last == nil {
		return err
	}
	return tx.SendBatch(ctx, last).Close()
}

// inBatches says whether the connection died of the first batch, as one that
// was lost while it was idle does: nothing has been done on it.
func (p *Pool) inBatches(ctx context.Context, first func(*pgx.Batch), then func(pgx.Tx) (*pgx.Batch, error)) (died bool, err error) {
	conn, err := p.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	batch := &pgx.Batch{}
	batch.BeginTx(pgx.TxOptions{})
	first(batch)
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
	last, err := then(tx)
	if err != nil {
		return false, err
	}
	if last == nil {
		return false, tx.Commit(ctx)
	}
	last.Queue("commit").Exec(func(tag pgconn.CommandTag) error {
		if tag.String() == "ROLLBACK" {
			return pgx.ErrTxCommitRollback
		}
		return nil
	})
	return false, conn.SendBatch(ctx, last).Close()
}

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
