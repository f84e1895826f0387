// Package service runs a function: configuration, log, database pool, edge,
// health, drain. The three functions have the same main.
package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"go.opentelemetry.io/otel"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/mallhive/product-service/shared/auth"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/secret"
	"github.com/mallhive/product-service/shared/telemetry"
	"github.com/mallhive/product-service/shared/web"
)

// Service is what a function builds its operations on.
type Service struct {
	Name string
	Log  *zap.Logger
	DB   *postgres.Pool
	API  *web.API

	config  *Config
	onStop  []func()
	onDrain []func(context.Context)
}

// OnStop adds what is to be told as soon as the function is asked to stop,
// while requests still run, such as work that would go on for long.
func (s *Service) OnStop(do func()) { s.onStop = append(s.onStop, do) }

// OnDrain adds what is to be done after the last request and before the
// database is let go, such as sending a last wake-up.
func (s *Service) OnDrain(do func(context.Context)) { s.onDrain = append(s.onDrain, do) }

// Main runs a function until it is told to stop, and returns the exit code.
// build registers the operations; it must contact nothing.
func Main[C interface{ Common() *Config }](name, summary string, cfg C, build func(context.Context, C, *Service) error) int {
	began := time.Now()
	if len(os.Args) > 1 {
		return explain(name, summary, cfg, build)
	}
	if err := read(cfg); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	log, err := newLog(name, cfg.Common())
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: log: %v\n", name, err)
		return 2
	}
	defer func() { _ = log.Sync() }()
	log.Debug("configured", zap.Duration("took", time.Since(began)))
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", ":"+strconv.Itoa(cfg.Common().Port))
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: port %d cannot be listened on: %v\n", name, cfg.Common().Port, err)
		return 1
	}
	log.Debug("port taken")
	if err := Run(ctx, name, cfg, build, log, listener); err != nil {
		log.Error("stopped", zap.Error(err))
		return 1
	}
	return 0
}

// explain answers the arguments that a function takes: it says what it is and
// does not run.
func explain[C interface{ Common() *Config }](name, summary string, cfg C, build func(context.Context, C, *Service) error) int {
	var err error
	switch os.Args[1] {
	case "--help", "-h":
		fmt.Printf("%s: %s\n\nListens on PORT and is configured by its environment:\n\n", name, summary)
		err = Table(os.Stdout, cfg)
		fmt.Printf("\n%s --openapi prints its OpenAPI document, %s --metrics its metrics.\n", name, name)
	case "--openapi":
		err = document(os.Stdout, name, cfg, build)
	case "--metrics":
		err = metrics(os.Stdout, name, cfg, build)
	default:
		fmt.Fprintf(os.Stderr, "%s: takes no arguments but --help, --openapi and --metrics; it is configured by its environment\n", name)
		return 2
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
}

// Run serves on the listener until ctx ends, then lets requests finish.
func Run[C interface{ Common() *Config }](ctx context.Context, name string, cfg C, build func(context.Context, C, *Service) error, log *zap.Logger, listener net.Listener) error {
	common := cfg.Common()
	tele, err := telemetry.Start(ctx, name, os.Getenv)
	if err != nil {
		return err
	}
	// What outlives the signal: requests in flight still need the pool.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	s := &Service{Name: name, Log: log, config: common}
	var planning postgres.Planning
	if p, own := any(cfg).(interface{ Planning() postgres.Planning }); own {
		planning = p.Planning()
	}
	if s.DB, err = openPool(life, name, common, tele, planning); err != nil {
		return err
	}
	if err := s.DB.Measure(otel.Meter(postgres.MeterName)); err != nil {
		return err
	}
	// It listens already, so this delays nothing.
	s.DB.WarmUp(ctx)
	s.API = newAPI(name, common)
	s.health()
	if err := build(life, cfg, s); err != nil {
		return err
	}
	handler, err := s.handler(tele)
	if err != nil {
		return err
	}
	return s.serve(ctx, listener, handler, tele)
}

func (s *Service) handler(tele *telemetry.Telemetry) (http.Handler, error) {
	edge := web.Edge{
		Log: s.Log, AllowedOrigins: s.config.CORSAllowedOrigins,
		RequestTimeout: s.config.RequestTimeout, CacheBytes: s.config.CacheBytes,
	}
	h, err := edge.Handler(s.API)
	return tele.Handler(h), err
}

func (s *Service) serve(ctx context.Context, listener net.Listener, handler http.Handler, tele *telemetry.Telemetry) error {
	warnings, err := zap.NewStdLogAt(s.Log, zap.WarnLevel)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          warnings,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	s.Log.Info("listening", zap.String("address", listener.Addr().String()))
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.Log.Info("draining")
	for _, do := range s.onStop {
		do()
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.ShutdownTimeout)
	defer cancel()
	err = server.Shutdown(drain)
	for _, do := range s.onDrain {
		do(drain)
	}
	closed := make(chan struct{})
	go func() { s.DB.Close(); close(closed) }()
	select {
	case <-closed:
	case <-drain.Done():
	}
	err = errors.Join(err, tele.Stop(drain))
	if err != nil {
		return fmt.Errorf("drain: %w", err)
	}
	s.Log.Info("stopped")
	return nil
}

func newAPI(name string, c *Config) *web.API {
	return web.New(web.Options{
		Function: name, Title: "Mallhive product service: " + name, Version: "1",
		Authenticator: auth.NewVerifier(auth.Config{
			Issuers: c.AuthIssuers, Audience: c.AuthAudience, SubjectScopes: c.AuthSubjectScopes,
		}),
		Admit: admission(c.PublicRateLimit),
	})
}

func openPool(ctx context.Context, name string, c *Config, tele *telemetry.Telemetry, planning postgres.Planning) (*postgres.Pool, error) {
	var logins postgres.Logins = postgres.Fixed(c.DatabaseURL)
	if c.DatabaseSecretID != "" {
		logins = &postgres.Rotating{
			Secrets: new(secret.Manager), ID: c.DatabaseSecretID, CAFile: c.DatabaseCAFile,
			Host: c.DatabaseHost, Database: c.DatabaseName,
		}
	}
	return postgres.Open(ctx, postgres.Options{
		Logins: logins, Application: name, MaxConns: c.DatabaseMaxConns,
		StatementTimeout: c.RequestTimeout, Tracer: tele.QueryTracer(), Planning: planning,
	})
}

func admission(perSecond int) func() bool {
	if perSecond == 0 {
		return nil
	}
	limiter := rate.NewLimiter(rate.Limit(perSecond), perSecond)
	return limiter.Allow
}

func newLog(name string, c *Config) (*zap.Logger, error) {
	z := zap.NewProductionConfig()
	z.Level = zap.NewAtomicLevelAt(c.LogLevel)
	z.OutputPaths, z.ErrorOutputPaths = []string{"stdout"}, []string{"stderr"}
	z.Sampling = nil // a dropped line is the one somebody looks for
	z.EncoderConfig.TimeKey, z.EncoderConfig.MessageKey = "time", "message"
	z.EncoderConfig.EncodeTime = rfc3339UTC
	z.EncoderConfig.EncodeDuration = seconds
	z.DisableStacktrace = true
	z.InitialFields = map[string]any{"function": name}
	if c.Service != "" {
		z.InitialFields["K_SERVICE"], z.InitialFields["K_REVISION"] = c.Service, c.Revision
	}
	return z.Build()
}
