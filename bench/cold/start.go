package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/mallhive/product-service/bench/stage"
)

// program is what is started, and the request that makes it ask the database.
type program struct {
	name   string
	path   string
	env    []string
	method string
	target string
	body   string
}

// started is what one start took.
type started struct {
	began    time.Time
	alive    time.Duration // until the answer of /healthz
	database time.Duration // until the answer from the database
	warm     time.Duration // the same request once more
	cpu      time.Duration // of the whole life, which ends with the first answer from the database
	resident int64         // bytes; only measured by rest
	log      []byte
}

// start runs a program until it has answered from the database, and kills it.
func (p program) start(ctx context.Context) (started, error) {
	return p.run(ctx, func(*http.Request, *session, *started) error { return nil })
}

// rest is start that goes on: it asks again, lets the program come to rest and
// sees how much memory it keeps.
func (p program) rest(ctx context.Context) (started, error) {
	return p.run(ctx, func(req *http.Request, s *session, out *started) error {
		for range 20 {
			asked := time.Now()
			if err := s.ask(p.again(req)); err != nil {
				return err
			}
			out.warm = time.Since(asked)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Second):
		}
		var err error
		out.resident, err = residentOf(ctx, s.pid)
		return err
	})
}

func (p program) run(ctx context.Context, then func(*http.Request, *session, *started) error) (out started, err error) {
	port, err := stage.FreePort(ctx)
	if err != nil {
		return out, err
	}
	var log bytes.Buffer
	c := exec.CommandContext(ctx, p.path)
	c.Env = append([]string{"PORT=" + strconv.Itoa(port), "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, p.env...)
	c.Stdout, c.Stderr = &log, &log
	out.began = time.Now()
	if err := c.Start(); err != nil {
		return out, err
	}
	defer func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		out.cpu = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
		out.log = log.Bytes()
		if err != nil {
			err = fmt.Errorf("%s: %w\n%s", p.name, err, log.Bytes())
		}
	}()
	s, err := dial(ctx, port, c.Process.Pid)
	if err != nil {
		return out, err
	}
	defer func() { _ = s.conn.Close() }()
	alive, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/healthz", nil)
	if err != nil {
		return out, err
	}
	if err := s.ask(alive); err != nil {
		return out, err
	}
	out.alive = time.Since(out.began)
	req, err := http.NewRequestWithContext(ctx, p.method, s.url+p.target, nil)
	if err != nil {
		return out, err
	}
	if err := s.ask(p.again(req)); err != nil {
		return out, err
	}
	out.database = time.Since(out.began)
	return out, then(req, s, &out)
}

// again is the request with its body at the beginning.
func (p program) again(req *http.Request) *http.Request {
	req = req.Clone(req.Context())
	if p.body != "" {
		req.Header.Set("Content-Type", "application/json")
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(p.body)), int64(len(p.body))
	}
	return req
}

// session is one connection to a program, so that what is measured is the
// program and not a client's pool.
type session struct {
	url  string
	pid  int
	conn net.Conn
	in   *bufio.Reader
}

// dial tries until the program listens.
func dial(ctx context.Context, port, pid int) (*session, error) {
	address := "127.0.0.1:" + strconv.Itoa(port)
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
			return &session{url: "http://" + address, pid: pid, conn: conn, in: bufio.NewReader(conn)}, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("does not listen: %w", err)
		case <-tick.C:
		}
	}
}

func (s *session) ask(req *http.Request) error {
	if err := req.Write(s.conn); err != nil {
		return err
	}
	res, err := http.ReadResponse(s.in, req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", req.Method, req.URL.Path, res.Status, body)
	}
	return nil
}

// residentOf asks ps, which every system has.
func residentOf(ctx context.Context, pid int) (int64, error) {
	text, err := exec.CommandContext(ctx, "ps", "-o", "rss=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return 0, fmt.Errorf("ps: %w", err)
	}
	kib, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return kib << 10, err
}
