package drive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mallhive/product-service/bench/stage"
)

// Server is a program that answers on a port of its own.
type Server struct {
	Name    string
	Address string
	PID     int
	command *exec.Cmd
	log     bytes.Buffer
}

// Serve starts a program with an environment and nothing else, and waits until
// it listens.
func Serve(ctx context.Context, name, path string, env []string, args ...string) (*Server, error) {
	port, err := stage.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	s := &Server{Name: name, Address: "127.0.0.1:" + strconv.Itoa(port)}
	s.command = exec.CommandContext(ctx, path, args...)
	s.command.Env = append([]string{"PORT=" + strconv.Itoa(port), "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
	// What a function logs goes where a container's log goes: to a pipe that
	// somebody reads, or to nobody.
	s.command.Stderr = &s.log
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	s.PID = s.command.Process.Pid
	until := time.Now().Add(20 * time.Second)
	for {
		line, err := Dial(ctx, s.Address)
		if err == nil {
			line.Close()
			return s, nil
		}
		if time.Now().After(until) || ctx.Err() != nil {
			s.Stop()
			return nil, errors.Join(fmt.Errorf("%s does not listen: %s", name, s.log.Bytes()), ctx.Err())
		}
		if err := Wait(ctx, 2*time.Millisecond); err != nil {
			s.Stop()
			return nil, err
		}
	}
}

// Wait waits, unless the context ends before.
func Wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// Stop ends the program at once.
func (s *Server) Stop() {
	_ = s.command.Process.Kill()
	_ = s.command.Wait()
}

// Resident is the most memory that the process has had, in bytes; 0 where
// /proc does not tell.
func (s *Server) Resident() int64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.PID), "status"))
	if err != nil {
		return 0
	}
	for row := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(row, "VmHWM:"); found {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}
