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

// dialer notices within half a minute that an idle peer is gone.
func dialer() *net.Dialer {
	return &net.Dialer{
		Timeout:         connectTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3},
	}
}
