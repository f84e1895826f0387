package postgres

import (
	"context"
	"crypto/tls"
	"net"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// idleLong is when an idle connection is asked whether it is alive.
	idleLong = time.Second
	// pingTimeout is how long it may take to say so: one that lost its peer
	// without a word must not cost a request all of its time.
	pingTimeout = time.Second
)

// suspect says which idle connections are asked before they are used: those
// that were idle for long, and those that something came in on meanwhile, since
// all that a server says unasked is that it hangs up. So a restart of the
// server or a failover fails no request that comes after it.
func suspect(_ context.Context, p pgxpool.ShouldPingParams) bool {
	return p.IdleDuration > idleLong || spokeUnasked(p.Conn)
}

func spokeUnasked(conn *pgx.Conn) bool {
	c := conn.PgConn().Conn()
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	s, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return true
	}
	spoke := false
	// Not raw.Read: it waits for pgconn's background reader, which after a slow
	// write may stay in a read of its own for ever.
	err = raw.Control(func(fd uintptr) { spoke = readable(fd) })
	return err != nil || spoke
}

// dial notices within half a minute that an idle peer is gone.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{
		Timeout:         connectTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3},
	}
	c, err := d.DialContext(ctx, network, address)
	if tcp, ok := c.(*net.TCPConn); ok && err == nil {
		return hasty{tcp}, nil
	}
	return c, err
}

// closeTimeout is how long a lost connection's peer is given to say goodbye.
const closeTimeout = time.Second

// hasty bounds the deadlines that pgconn sets, which it does only to close a
// connection in peace: it takes 15 s for one whose peer has fallen silent, and
// the pool counts the connection for as long. After a failover no place would
// be left for new ones.
type hasty struct{ *net.TCPConn }

func (c hasty) SetDeadline(t time.Time) error {
	if latest := time.Now().Add(closeTimeout); t.After(latest) {
		t = latest
	}
	return c.TCPConn.SetDeadline(t)
}
