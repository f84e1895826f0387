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
)

// death is something that ended without being asked to.
type death struct {
	instance string // empty when it is a server of our own
	lived    time.Duration
	what     string
}

func (s *stack) startFunctions(ctx context.Context) error {
	if err := s.planInstances(ctx); err != nil {
		return err
	}
	for _, in := range s.instances {
		_ = os.Remove(s.logOf(in))
		if err := s.startInstance(in); err != nil {
			return err
		}
	}
	return nil
}

func (s *stack) logOf(in instance) string { return s.settings.path("log", in.name+".log") }

func (s *stack) startInstance(in instance) error {
	env, err := s.environment(in, s.logins[in.function.Name])
	if err != nil {
		return err
	}
	p, err := process.Start(in.name, s.settings.path("bin", path.Base(in.function.Package)), env, s.logOf(in))
	if err != nil {
		return err
	}
	s.functions[in.name] = p
	began := time.Now()
	go func() {
		what := p.Obituary()
		s.died <- death{instance: in.name, lived: time.Since(began), what: what}
	}()
	return s.notePids()
}

// minimalLife is how long a function must have lived to be started again.
const minimalLife = 10 * time.Second

// revive starts a function again, as a cluster would; one that dies at once
// stays down.
func (s *stack) revive(d death) {
	s.say("\n*** %s", d.what)
	for _, in := range s.instances {
		if in.name != d.instance {
			continue
		}
		if d.lived < minimalLife {
			s.say("*** %s stays down: it lived for %s only; Ctrl-C and make run start it again\n", in.name, d.lived.Round(time.Millisecond))
			return
		}
		if err := s.startInstance(in); err != nil {
			s.say("*** %v\n", err)
			return
		}
		s.say("*** %s is started again\n", in.name)
	}
}

// awaitFunctions waits until each one says that it is ready.
func (s *stack) awaitFunctions(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for _, in := range s.instances {
		url := address(in.port) + "/readyz"
		for !ready(ctx, url) {
			select {
			case d := <-s.died:
				return errors.New(d.what)
			case <-ctx.Done():
				return fmt.Errorf("%s does not become ready at %s; its log is %s", in.name, url, s.logOf(in))
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
