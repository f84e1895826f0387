package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/mallhive/product-service/knative/local/broker"
	"github.com/mallhive/product-service/knative/local/internal/balance"
	"github.com/mallhive/product-service/knative/local/internal/frontdoor"
	"github.com/mallhive/product-service/knative/local/internal/pgserver"
	"github.com/mallhive/product-service/knative/local/internal/process"
	"github.com/mallhive/product-service/knative/local/internal/standin"
	"github.com/mallhive/product-service/knative/local/issuer"
	"github.com/mallhive/product-service/knative/local/manifest"
	"github.com/mallhive/product-service/knative/local/noted"
)

// stack is everything that runs. What is started is stopped in the order that
// stop has, whatever of it was reached.
type stack struct {
	settings settings
	manifest *manifest.Stack
	out      io.Writer
	log      *zap.Logger

	postgres  *pgserver.Server // nil when the server is not ours
	database  string           // administrator's connection string
	issuer    *issuer.Issuer
	broker    *broker.Broker
	instances []instance
	functions map[string]*process.Process // by the names of instances
	balancer  *balance.Balancer           // of inventory, when it has several
	servers   []*http.Server              // issuer, stand-ins, broker
	front     *http.Server
	logins    map[string]string // connection string of each function
	died      chan death

	databaseGone chan string
}

// start brings everything up; the caller stops it, also after an error.
func (s *stack) start(ctx context.Context) error {
	building := make(chan error, 1)
	go func() { building <- s.build(ctx) }()
	if err := s.startDatabase(ctx); err != nil {
		return errors.Join(err, quietly(<-building))
	}
	if err := <-building; err != nil {
		return err
	}
	var err error
	if s.logins, err = s.prepareDatabase(ctx); err != nil {
		return err
	}
	if err := s.startEdges(ctx); err != nil {
		return err
	}
	if err := s.startFunctions(ctx); err != nil {
		return err
	}
	if err := s.awaitFunctions(ctx); err != nil {
		return err
	}
	if err := s.openFrontDoor(ctx); err != nil {
		return err
	}
	return noted.Keep(s.settings.dir, s.settings.named(s.postgres != nil))
}

// quietly drops a second error that would only repeat that we are stopping.
func quietly(error) error { return nil }

func (s *stack) say(format string, args ...any) { _, _ = fmt.Fprintf(s.out, format+"\n", args...) }

// startEdges starts what needs no database: issuer, stand-ins, broker.
func (s *stack) startEdges(ctx context.Context) error {
	var err error
	ports := s.settings.ports
	if s.issuer, err = issuer.Load(address(ports.issuer), s.settings.path("issuer.pem")); err != nil {
		return err
	}
	neighboursByName := map[string]*standin.Service{}
	for _, name := range neighbours() {
		neighboursByName[name] = standin.New(50_000)
	}
	if s.broker, err = s.makeBroker(); err != nil {
		return err
	}
	for port, handler := range map[int]http.Handler{
		ports.issuer: s.issuer.Handler(), ports.sinks: standin.Handler(neighboursByName), ports.broker: s.brokerHandler(),
	} {
		server, err := s.serve(ctx, port, handler)
		if err != nil {
			return err
		}
		s.servers = append(s.servers, server)
	}
	s.restorePending()
	return nil
}

func (s *stack) serve(ctx context.Context, port int, handler http.Handler) (*http.Server, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "localhost:"+strconv.Itoa(port))
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.died <- death{what: fmt.Sprintf("the server on port %d ended: %v", port, err)}
		}
	}()
	return server, nil
}

func (s *stack) openFrontDoor(ctx context.Context) error {
	handler, err := frontdoor.New(s.manifest.Routes, s.settings.localAddress(s.manifest))
	if err != nil {
		return err
	}
	s.front, err = s.serve(ctx, s.settings.ports.front, handler)
	return err
}

// stop ends everything, callers first: the front door, then what the broker
// still has is delivered, then functions, broker, PostgreSQL.
func (s *stack) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if s.front != nil {
		_ = s.front.Shutdown(ctx)
		_ = s.front.Close()
	}
	if s.broker != nil {
		drain, cancelDrain := context.WithTimeout(context.Background(), 2*time.Second)
		s.broker.Drain(drain)
		cancelDrain()
	}
	done := make(chan struct{})
	for _, p := range s.functions {
		go func() {
			p.Stop(12 * time.Second)
			done <- struct{}{}
		}()
	}
	for range s.functions {
		<-done
	}
	for _, server := range s.servers {
		_ = server.Close()
	}
	if s.broker != nil {
		s.keepPending(s.broker.Close())
	}
	if s.postgres != nil {
		if err := s.postgres.Stop(); err != nil {
			s.say("%v", err)
		}
	}
	_ = noted.Forget(s.settings.dir)
	_ = os.Remove(s.settings.path("database-url"))
	_ = os.Remove(s.settings.path("processes.json"))
}
