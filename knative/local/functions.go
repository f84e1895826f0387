package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"time"

	"github.com/mallhive/product-service/knative/local/internal/process"
	"github.com/mallhive/product-service/knative/local/manifest"
)

// death is something that ended without being asked to.
type death struct {
	function string // empty when it is a server of our own
	lived    time.Duration
	what     string
}

func (s *stack) startFunctions() error {
	for _, f := range s.manifest.Functions {
		_ = os.Remove(s.functionLog(f))
		if err := s.startFunction(f); err != nil {
			return err
		}
	}
	return nil
}

func (s *stack) functionLog(f manifest.Function) string { return s.settings.path("log", f.Name+".log") }

func (s *stack) startFunction(f manifest.Function) error {
	env, err := s.environment(f, s.logins[f.Name])
	if err != nil {
		return err
	}
	p, err := process.Start(f.Name, s.settings.path("bin", path.Base(f.Package)), env, s.functionLog(f))
	if err != nil {
		return err
	}
	s.functions[f.Name] = p
	began := time.Now()
	go func() {
		what := p.Obituary()
		s.died <- death{function: f.Name, lived: time.Since(began), what: what}
	}()
	return s.notePids()
}

// minimalLife is how long a function must have lived to be started again.
const minimalLife = 10 * time.Second

// revive starts a function again, as a cluster would; one that dies at once
// stays down.
func (s *stack) revive(d death) {
	s.say("\n*** %s", d.what)
	for _, f := range s.manifest.Functions {
		if f.Name != d.function {
			continue
		}
		if d.lived < minimalLife {
			s.say("*** %s stays down: it lived for %s only; Ctrl-C and make run start it again\n", f.Name, d.lived.Round(time.Millisecond))
			return
		}
		if err := s.startFunction(f); err != nil {
			s.say("*** %v\n", err)
			return
		}
		s.say("*** %s is started again\n", f.Name)
	}
}

// awaitFunctions waits until each one says that it is ready.
func (s *stack) awaitFunctions(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for _, p := range s.functions {
		url := address(s.settings.ports.function[p.Name]) + "/readyz"
		for !ready(ctx, url) {
			select {
			case d := <-s.died:
				return errors.New(d.what)
			case <-ctx.Done():
				return fmt.Errorf("%s does not become ready at %s; its log is %s", p.Name, url, p.Log)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return nil
}

func ready(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	response, err := (&http.Client{Timeout: 5 * time.Second}).Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}
