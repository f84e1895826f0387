// Package drive is what benchmarks are made of: it starts a program, asks it over
// kept connections, and tells how fast it answered and what CPU time that took.
package drive

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Window is what a server did while it was driven.
type Window struct {
	Requests int64
	Elapsed  time.Duration
	Server   time.Duration // CPU time of the server's process
	Client   time.Duration // CPU time of this process
	Machine  time.Duration // CPU time of the whole machine: client, server, PostgreSQL
}

// Rate is the requests a second.
func (w Window) Rate() float64 { return float64(w.Requests) / w.Elapsed.Seconds() }

// Each is a part of the window's CPU time for one request.
func (w Window) Each(cpu time.Duration) time.Duration { return cpu / time.Duration(max(w.Requests, 1)) }

// Drive asks a server over so many connections for so long; ask does the n-th
// request and reads its answer. The client is as thin as it can be, so that
// what is measured is the server.
func Drive(ctx context.Context, s *Server, connections int, span time.Duration, ask func(l *Line, n int64) error) (Window, error) {
	var w Window
	var next atomic.Int64
	ctx, cancel := context.WithTimeout(ctx, span)
	defer cancel()
	lines, err := dialAll(ctx, s.Address, connections)
	if err != nil {
		return w, fmt.Errorf("%s: %w", s.Name, err)
	}
	server, client, machine, began := CPUOf(s.PID), OwnCPU(), MachineCPU(), time.Now()
	var workers sync.WaitGroup
	failed := make(chan error, connections)
	for _, line := range lines {
		workers.Go(func() {
			defer line.Close()
			for ctx.Err() == nil {
				if err := ask(line, next.Add(1)-1); err != nil {
					failed <- err
					cancel()
					return
				}
				atomic.AddInt64(&w.Requests, 1)
			}
		})
	}
	workers.Wait()
	w.Elapsed = time.Since(began)
	w.Server, w.Client, w.Machine = CPUOf(s.PID)-server, OwnCPU()-client, MachineCPU()-machine
	select {
	case err := <-failed:
		return w, fmt.Errorf("%s: %w", s.Name, err)
	default:
		return w, nil
	}
}

func dialAll(ctx context.Context, address string, connections int) ([]*Line, error) {
	var lines []*Line
	for number := range connections {
		line, err := Dial(ctx, address)
		if err != nil {
			for _, l := range lines {
				l.Close()
			}
			return nil, err
		}
		line.Number = number
		lines = append(lines, line)
	}
	return lines, nil
}
