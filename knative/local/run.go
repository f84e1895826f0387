package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/mallhive/product-service/knative/local/importer"
	"github.com/mallhive/product-service/knative/local/internal/process"
	"github.com/mallhive/product-service/knative/local/issuer"
	"github.com/mallhive/product-service/knative/local/manifest"
)

// runStack runs everything until it is told to stop. release gives signals
// back, so that a second Ctrl-C ends this program at once.
func runStack(ctx context.Context, release func(), s settings) error {
	started := time.Now()
	m, err := manifest.Read(filepath.Join(s.root, "knative"))
	if err != nil {
		return err
	}
	held, err := s.lock()
	if err != nil {
		return err
	}
	defer held.release()
	st := &stack{settings: s, manifest: m, out: os.Stdout, functions: map[string]*process.Process{},
		died: make(chan death, 8), databaseGone: make(chan string, 1)}
	s.endLeftovers(ctx, st.say)
	if err := s.checkPorts(ctx); err != nil {
		return err
	}
	if st.log, err = brokerLog(s.path("log")); err != nil {
		return err
	}
	st.say("building and starting (first time: about a minute) …")
	err = st.start(ctx)
	if err == nil {
		go st.tick(ctx)
		err = st.loadSample(ctx)
	}
	if err != nil && ctx.Err() == nil {
		st.stop()
		return err
	}
	if err == nil {
		st.summary(time.Since(started))
		err = st.watch(ctx)
	}
	release()
	st.say("\nstopping …")
	st.stop()
	st.say("stopped; the data is kept for the next make run, make clean removes it")
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// watch waits for the signal to stop; a function that dies is told and started
// again, without PostgreSQL nothing goes on.
func (s *stack) watch(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case what := <-s.databaseGone:
			return errors.New(what)
		case d := <-s.died:
			s.revive(d)
		}
	}
}

// brokerLog writes what the broker retries and gives up on.
func brokerLog(dir string) (*zap.Logger, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	file, err := os.Create(dir + "/broker.log")
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	config := zap.NewProductionEncoderConfig()
	config.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	return zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(config), zapcore.Lock(file), zap.InfoLevel)), nil
}

// loadSample loads the sample catalog once for each data folder.
func (s *stack) loadSample(ctx context.Context) error {
	marker := s.sampleMarker()
	if _, err := os.Stat(marker); err == nil {
		return nil
	}
	s.say("loading the sample catalog …")
	token, err := s.issuer.Token(issuer.Claims{Subject: "sample", Scopes: []string{"catalog:write", "inventory:write"}})
	if err != nil {
		return err
	}
	err = importer.Run(ctx, importer.Options{Dir: filepath.Join(s.settings.root, "knative/local/sample"), FrontURL: address(s.settings.ports.front), Token: token, Out: s.out})
	if err != nil {
		return fmt.Errorf("sample catalog: %w", err)
	}
	return os.WriteFile(marker, nil, 0o644)
}
