package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mallhive/product-service/shared/fault"
)

// Logins says how to connect now. A connection string is asked for at every
// connect, so that a rotated password needs no restart.
type Logins interface {
	// URL is the connection string to use for the next connect.
	URL(ctx context.Context) (string, error)
	// Refused tells that the server refused the login of this URL. It returns
	// true when another login is worth a try.
	Refused(ctx context.Context, url string) bool
}

// connectTimeout bounds one connect, its login included.
const connectTimeout = 5 * time.Second

// idleInTransaction is how long a transaction may do nothing: one whose client
// is lost keeps its locks until then. Only a dry run waits for its caller.
const idleInTransaction = 5 * time.Second

// Options of a pool.
type Options struct {
	Logins           Logins
	Application      string // application_name, also the schema that unqualified names mean
	MaxConns         int32
	StatementTimeout time.Duration // a statement that takes longer is cancelled by the server
	Tracer           pgx.QueryTracer
	Planning         Planning // nil leaves it to the planner
}

// Pool is a pgxpool whose credentials may change while it is open. It is safe
// for concurrent use.
type Pool struct {
	pool    *pgxpool.Pool
	logins  Logins
	warming <-chan struct{} // nil when there was no WarmUp
}

// Open makes a pool. It contacts nothing: the first query connects.
func Open(ctx context.Context, o Options) (*Pool, error) {
	// The address below is never used: BeforeConnect replaces it.
	cfg, err := pgxpool.ParseConfig("postgres://unset@localhost/unset?sslmode=disable")
	if err != nil {
		return nil, fmt.Errorf("pool configuration: %w", err)
	}
	cfg.MaxConns = max(o.MaxConns, 1)
	cfg.MinConns = 0
	cfg.MaxConnLifetime = 30 * time.Minute
	cfg.MaxConnLifetimeJitter = 5 * time.Minute
	cfg.MaxConnIdleTime = 5 * time.Minute
	cfg.ShouldPing, cfg.PingTimeout = suspect, pingTimeout
	cfg.ConnConfig.Tracer = o.Tracer
	cfg.BeforeConnect = func(ctx context.Context, cc *pgx.ConnConfig) error {
		return o.login(ctx, cc)
	}
	cfg.AfterConnect = sendUUIDs
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("pool: %w", err)
	}
	return &Pool{pool: pool, logins: o.Logins}, nil
}

func (o Options) login(ctx context.Context, cc *pgx.ConnConfig) error {
	url, err := o.Logins.URL(ctx)
	if err != nil {
		return withoutLogin(fmt.Errorf("database credentials: %w", err))
	}
	fresh, err := pgx.ParseConfig(url)
	if err != nil {
		// The error would hold parts of the URL.
		return withoutLogin(errors.New("database credentials: not a connection string, or its sslrootcert holds no certificate"))
	}
	fresh.Tracer = cc.Tracer
	fresh.ConnectTimeout = connectTimeout
	fresh.DialFunc = dial
	ms := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	params := map[string]string{
		"application_name":                    o.Application,
		"search_path":                         o.Application + ",public",
		"timezone":                            "UTC",
		"statement_timeout":                   ms(o.StatementTimeout),
		"idle_in_transaction_session_timeout": ms(idleInTransaction),
		// No statement runs for so long that compiling it would pay, whatever the
		// planner expects of it.
		"jit": "off",
		// By these the server notices a client that is lost.
		"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
	}
	maps.Copy(fresh.RuntimeParams, params)
	maps.Copy(fresh.RuntimeParams, o.Planning)
	*cc = *fresh
	return nil
}

// withoutLogin is a connect that was not tried: for a caller the same as a
// database that does not answer, for an operator something else.
func withoutLogin(err error) error {
	return fault.Passing(err, 2*time.Second, "the database does not answer now")
}

// Close waits for borrowed connections and closes all.
func (p *Pool) Close() { p.pool.Close() }

// Stat is the pool's state, for metrics.
func (p *Pool) Stat() *pgxpool.Stat { return p.pool.Stat() }

// Acquire borrows one connection. When the server refuses the login, the
// credentials are fetched anew and the connect is tried once more.
func (p *Pool) Acquire(ctx context.Context) (*pgxpool.Conn, error) {
	p.awaitWarmth(ctx)
	return p.acquire(ctx)
}

func (p *Pool) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	url, _ := p.logins.URL(ctx)
	conn, err := p.pool.Acquire(ctx)
	if err != nil && refused(err) && p.logins.Refused(ctx, url) {
		return p.pool.Acquire(ctx)
	}
	return conn, err
}

func refused(err error) bool {
	var connect *pgconn.ConnectError
	return errors.As(err, &connect) && isCode(err, "28P01", "28000")
}

// Begin starts a transaction; Commit or Rollback gives the connection back. A
// connection that dies of it is replaced once: nothing has been done on it.
func (p *Pool) Begin(ctx context.Context) (pgx.Tx, error) {
	tx, died, err := p.begin(ctx)
	if died && ctx.Err() == nil {
		tx, _, err = p.begin(ctx)
	}
	return tx, err
}

func (p *Pool) begin(ctx context.Context) (_ pgx.Tx, died bool, _ error) {
	conn, err := p.Acquire(ctx)
	if err != nil {
		return nil, false, err
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		died = conn.Conn().IsClosed()
		conn.Release()
		return nil, died, err
	}
	return &poolTx{Tx: tx, conn: conn}, false, nil
}

// Exec runs one statement.
func (p *Pool) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	conn, err := p.Acquire(ctx)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer conn.Release()
	return conn.Exec(ctx, sql, args...)
}

// Query runs one query; closing the rows gives the connection back.
func (p *Pool) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	conn, err := p.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		conn.Release()
		return nil, err
	}
	return &poolRows{Rows: rows, conn: conn}, nil
}

// QueryRow runs a query of one row; Scan gives the connection back.
func (p *Pool) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := p.Query(ctx, sql, args...)
	return &poolRow{rows: rows, err: err}
}

// SendBatch sends several statements at once; closing the results gives the
// connection back.
func (p *Pool) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	conn, err := p.Acquire(ctx)
	if err != nil {
		return failedBatch{err}
	}
	return &poolBatch{BatchResults: conn.SendBatch(ctx, b), conn: conn}
}

// CopyFrom loads rows by COPY.
func (p *Pool) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	conn, err := p.Acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Release()
	return conn.CopyFrom(ctx, table, columns, src)
}
