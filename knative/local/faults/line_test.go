package faults

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// line carries connections to an address, and can lose those that are open
// without a word, as a failover or a forgetful gateway does: they stay open
// and nothing comes through, while new ones work.
type line struct {
	listener net.Listener
	to       string
	mu       sync.Mutex
	open     map[*lost]struct{}
}

type lost struct {
	atomic.Bool
	ends [2]net.Conn
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	l := &line{to: to, open: map[*lost]struct{}{}}
	var err error
	l.listener, err = net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	go l.serve()
	t.Cleanup(l.close)
	return l
}

func (l *line) address() string { return l.listener.Addr().String() }

func (l *line) serve() {
	for {
		from, err := l.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", l.to)
		if err != nil {
			_ = from.Close()
			continue
		}
		c := &lost{ends: [2]net.Conn{from, to}}
		l.mu.Lock()
		l.open[c] = struct{}{}
		l.mu.Unlock()
		go l.carry(c, from, to)
		go l.carry(c, to, from)
	}
}

func (l *line) carry(c *lost, from, to net.Conn) {
	_, _ = io.Copy(writer(func(b []byte) (int, error) {
		if c.Load() {
			return len(b), nil
		}
		return to.Write(b)
	}), from)
	if c.Load() {
		return // nobody hears of the end either
	}
	_, _ = from.Close(), to.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

// lose swallows from now on what is sent over the connections open now.
func (l *line) lose() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for c := range l.open {
		if !c.Swap(true) {
			n++
		}
	}
	return n
}

// forget ends what was lost.
func (l *line) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		if c.Load() {
			_, _ = c.ends[0].Close(), c.ends[1].Close()
			delete(l.open, c)
		}
	}
}

func (l *line) close() {
	_ = l.listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		_, _ = c.ends[0].Close(), c.ends[1].Close()
	}
}

func (w *world) silence() {
	w.t.Helper()
	require.Positive(w.t, w.line.lose())
	report.fault("connections to PostgreSQL fall silent")
}

// After a failover the old connections say nothing any more and new ones work:
// that must be found out within seconds, with all of the pool's places back.
func TestConnectionsThatFallSilentAreReplacedWithinSeconds(t *testing.T) {
	n := rounds(t)
	w := newWorld(t)
	for round := range n {
		orders := w.orders(round)
		running, s := w.replay(orders), w.watch()
		w.silence()
		start := time.Now()
		w.healed()
		require.Less(t, time.Since(start), 4*requestTimeout)
		running.await(orders)
		s.end()
		w.line.forget() // as keepalives do, after half a minute
		w.prove()
	}
}
