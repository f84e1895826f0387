package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// window is what a server did while it was driven.
type window struct {
	requests int64
	elapsed  time.Duration
	server   time.Duration // CPU time of the server's process
	machine  time.Duration // CPU time of the whole machine: client, server, PostgreSQL
}

func (w window) rate() float64 { return float64(w.requests) / w.elapsed.Seconds() }

func (w window) serverCPU() time.Duration  { return w.server / time.Duration(max(w.requests, 1)) }
func (w window) machineCPU() time.Duration { return w.machine / time.Duration(max(w.requests, 1)) }

// drive asks a server for targets over so many connections for so long. The
// client is as thin as it can be, so that what is measured is the server.
func drive(ctx context.Context, s *server, connections int, span time.Duration, target func(n int64) string) (window, error) {
	var w window
	var next atomic.Int64
	ctx, cancel := context.WithTimeout(ctx, span)
	defer cancel()
	server, machine, began := cpuOf(s.pid), machineCPU(), time.Now()
	var workers sync.WaitGroup
	failed := make(chan error, connections)
	for range connections {
		workers.Go(func() {
			done, err := askOn(ctx, s, &next, target)
			atomic.AddInt64(&w.requests, done)
			if err != nil {
				failed <- err
				cancel()
			}
		})
	}
	workers.Wait()
	w.elapsed, w.server, w.machine = time.Since(began), cpuOf(s.pid)-server, machineCPU()-machine
	select {
	case err := <-failed:
		return w, fmt.Errorf("%s: %w", s.name, err)
	default:
		return w, nil
	}
}

func askOn(ctx context.Context, s *server, next *atomic.Int64, target func(n int64) string) (done int64, err error) {
	line, err := dial(ctx, s.address)
	if err != nil {
		return 0, err
	}
	defer line.close()
	for ctx.Err() == nil {
		if err := line.ask(target(next.Add(1)-1), nil); err != nil {
			return done, err
		}
		done++
	}
	return done, nil
}

// line is one connection that is kept.
type line struct {
	conn net.Conn
	in   *bufio.Reader
	out  bytes.Buffer
}

func dial(ctx context.Context, address string) (*line, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &line{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}, nil
}

func (l *line) close() { _ = l.conn.Close() }

// ask gets a target; the body goes into body, if not nil.
func (l *line) ask(target string, body *bytes.Buffer) error {
	l.out.Reset()
	l.out.WriteString("GET " + target + " HTTP/1.1\r\nHost: bench\r\nAccept: application/json\r\n\r\n")
	_ = l.conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := l.conn.Write(l.out.Bytes()); err != nil {
		return err
	}
	first, err := l.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if len(first) < 12 {
		return fmt.Errorf("bad status line %q", first)
	}
	status := string(first[9:12])
	if err := l.rest(body); err != nil {
		return err
	}
	if status != "200" {
		return fmt.Errorf("GET %s: status %s", target, status)
	}
	return nil
}

// rest reads headers and body.
func (l *line) rest(body *bytes.Buffer) error {
	length, chunked := int64(-1), false
	for {
		header, err := l.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(header) <= 2 {
			break
		}
		name, value, _ := bytes.Cut(bytes.TrimSpace(header), []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err != nil {
				return err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		}
	}
	if chunked {
		return l.chunks(body)
	}
	if length < 0 {
		return errors.New("an answer without a length")
	}
	return l.take(length, body)
}

func (l *line) chunks(body *bytes.Buffer) error {
	for {
		head, err := l.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(head)), 16, 64)
		if err != nil {
			return err
		}
		if err := l.take(size, body); err != nil {
			return err
		}
		if _, err := l.in.Discard(2); err != nil || size == 0 {
			return err
		}
	}
}

func (l *line) take(n int64, body *bytes.Buffer) error {
	if body == nil {
		_, err := l.in.Discard(int(n))
		return err
	}
	_, err := io.CopyN(body, l.in, n)
	return err
}
