package main

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"
)

// wire is a way to the database that notes when what passes: so a program's
// connecting and asking are told apart without a word from it.
type wire struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	moved []moment
}

// moment is one connection's: when it was opened, when the server was ready
// for the first query, and for the last time that it was so.
type moment struct{ opened, admitted, done time.Time }

func openWire(target string) (*wire, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback; it is closed by close
	if err != nil {
		return nil, err
	}
	w := &wire{listener: listener, target: target}
	go w.serve()
	return w, nil
}

func (w *wire) address() string { return w.listener.Addr().String() }

func (w *wire) close() { _ = w.listener.Close() }

// take gives the moments so far, in the order of opening, and forgets them.
func (w *wire) take() []moment {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.moved
	w.moved = nil
	return taken
}

func (w *wire) serve() {
	for {
		conn, err := w.listener.Accept()
		if err != nil {
			return
		}
		w.mu.Lock()
		w.moved = append(w.moved, moment{opened: time.Now()})
		index := len(w.moved) - 1
		w.mu.Unlock()
		go w.join(conn, index)
	}
}

func (w *wire) join(client net.Conn, index int) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", w.target) //nolint:noctx // loopback
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	reader := &messages{ready: func() { w.note(index) }}
	_, _ = io.Copy(io.MultiWriter(client, reader), server)
}

func (w *wire) note(index int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if index >= len(w.moved) {
		return
	}
	now := time.Now()
	m := &w.moved[index]
	if m.admitted.IsZero() {
		m.admitted = now
	}
	m.done = now
}

// messages reads the server's side of PostgreSQL's protocol: a letter, a length
// that counts itself, and as many bytes. ready is called for each ReadyForQuery.
type messages struct {
	ready func()
	head  []byte
	skip  int
}

func (m *messages) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		if m.skip > 0 {
			passed := min(m.skip, len(b))
			m.skip, b = m.skip-passed, b[passed:]
			continue
		}
		wanted := min(5-len(m.head), len(b))
		m.head, b = append(m.head, b[:wanted]...), b[wanted:]
		if len(m.head) == 5 {
			if m.head[0] == 'Z' {
				m.ready()
			}
			m.skip = int(binary.BigEndian.Uint32(m.head[1:])) - 4
			m.head = m.head[:0]
		}
	}
	return n, nil
}
