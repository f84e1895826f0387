// Package servicetest runs a function for tests as production runs it: real
// HTTP on loopback, a database of its own, a login with the function's rights,
// tokens of a real issuer.
package servicetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mallhive/product-service/knative/local/issuer"
	"github.com/mallhive/product-service/shared/postgres/testdb"
	"github.com/mallhive/product-service/shared/service"
)

// Server is a running function.
type Server struct {
	URL    string
	DB     *testdb.Database
	Issuer *issuer.Issuer
	Logs   *observer.ObservedLogs
	client *http.Client
	stop   func()

	contract atomic.Pointer[contract]
}

// Option changes how the function is run.
type Option func(*options)

type options struct{ db *testdb.Database }

// On runs the function on this database, beside others.
func On(db *testdb.Database) Option { return func(o *options) { o.db = db } }

// Start runs the function that build makes. cfg may be filled as far as a test
// cares; the rest gets what a local machine needs.
func Start[C interface{ Common() *service.Config }](t testing.TB, name string, cfg C, build func(context.Context, C, *service.Service) error, with ...Option) *Server {
	t.Helper()
	var o options
	for _, w := range with {
		w(&o)
	}
	if o.db == nil {
		o.db = testdb.New(t)
	}
	iss := startIssuer(t)
	complete(cfg.Common(), o.db.URL(name), iss)
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	core, logs := observer.New(zap.DebugLevel)
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		URL: "http://" + listener.Addr().String(), DB: o.db, Issuer: iss, Logs: logs,
		client: &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{MaxIdleConnsPerHost: 256}},
	}
	done := make(chan error, 1)
	go func() { done <- service.Run(ctx, name, cfg, noting(s, build), zap.New(core), listener) }()
	stopped := false
	s.stop = func() {
		if stopped {
			return
		}
		stopped = true
		s.client.CloseIdleConnections()
		cancel()
		require.NoError(t, <-done)
	}
	t.Cleanup(func() { checkEmitted(t, o.db) })
	t.Cleanup(s.stop)
	return s
}

// noting keeps the document of what build makes, to hold answers to it. A
// function that a test has invented promises nothing.
func noting[C any](s *Server, build func(context.Context, C, *service.Service) error) func(context.Context, C, *service.Service) error {
	return func(ctx context.Context, cfg C, made *service.Service) error {
		if err := build(ctx, cfg, made); err != nil || strings.HasSuffix(reflect.TypeFor[C]().Elem().PkgPath(), "_test") {
			return err
		}
		document, err := json.Marshal(made.API.Published())
		if err != nil {
			return err
		}
		c, err := contractOf(document)
		s.contract.Store(c)
		return err
	}
}

func complete(c *service.Config, url string, iss *issuer.Issuer) {
	set(&c.DatabaseURL, url)
	set(&c.DatabaseMaxConns, 8)
	set(&c.PublicBaseURL, "https://product.internal.mallhive.com")
	set(&c.AuthAudience, "product-service")
	set(&c.RequestTimeout, 15*time.Second)
	set(&c.ShutdownTimeout, 8*time.Second)
	c.AuthIssuers = append(c.AuthIssuers, iss.URL)
	if len(c.CORSAllowedOrigins) == 0 {
		c.CORSAllowedOrigins = []string{"https://products.mallhive.com"}
	}
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func startIssuer(t testing.TB) *issuer.Issuer {
	t.Helper()
	var iss *issuer.Issuer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { iss.Handler().ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	var err error
	iss, err = issuer.New(server.URL)
	require.NoError(t, err)
	return iss
}

// Stop drains the function before the test ends.
func (s *Server) Stop() { s.stop() }

// Answer is what a request got.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// JSON reads the body into v.
func (a Answer) JSON(t testing.TB, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(a.Body, v), "body: %s", a.Body)
}

// Header is one request header.
type Header struct{ Name, Value string }

// Bearer is a token of the server's issuer with these scopes.
func (s *Server) Bearer(t testing.TB, scopes ...string) Header {
	t.Helper()
	return Header{"Authorization", "Bearer " + s.Token(t, "tester", scopes...)}
}

// host is what every request of Do calls the server. Callers call it as the load
// balancer does, or as they like: nothing that is served may be made of it.
const host = "whoever-asks.example"

// Do sends a request: body may be nil, []byte, string, or a value for JSON.
func (s *Server) Do(t testing.TB, method, path string, body any, headers ...Header) Answer {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, s.URL+path, reader(t, body))
	require.NoError(t, err)
	req.Host = host
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		req.Header.Set(h.Name, h.Value)
	}
	return s.Send(t, req)
}

// Send sends any request.
func (s *Server) Send(t testing.TB, req *http.Request) Answer {
	t.Helper()
	res, err := s.client.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	a := Answer{Status: res.StatusCode, Header: res.Header, Body: b}
	require.NotContains(t, string(b), host, "%s %s tells an address by the Host header", req.Method, req.URL)
	require.NotContains(t, fmt.Sprint(res.Header), host, "%s %s tells an address by the Host header", req.Method, req.URL)
	if c := s.contract.Load(); c != nil {
		c.check(t, req, a)
	}
	return a
}

func reader(t testing.TB, body any) io.Reader {
	t.Helper()
	switch b := body.(type) {
	case nil:
		return nil
	case []byte:
		return bytes.NewReader(b)
	case string:
		return bytes.NewReader([]byte(b))
	case io.Reader:
		return b
	}
	b, err := json.Marshal(body)
	require.NoError(t, err)
	return bytes.NewReader(b)
}

// Token is a token of the server's issuer.
func (s *Server) Token(t testing.TB, subject string, scopes ...string) string {
	t.Helper()
	token, err := s.Issuer.Token(issuer.Claims{Subject: subject, Scopes: scopes})
	require.NoError(t, err)
	return token
}
