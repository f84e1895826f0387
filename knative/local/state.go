package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mallhive/product-service/knative/local/internal/pgserver"
)

// lock is held while a stack runs; the file has its process id.
type lock struct{ file *os.File }

func (s settings) lock() (*lock, error) {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return nil, fmt.Errorf("folder of the stack: %w", err)
	}
	file, err := os.OpenFile(s.path("lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("folder of the stack: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("the stack is running already (process %d); make stop ends it", s.holder())
	}
	_ = file.Truncate(0)
	_, err = file.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	return &lock{file}, err
}

func (l *lock) release() { _ = l.file.Close() }

// holder is the process that has the lock, or had it.
func (s settings) holder() int {
	text, _ := os.ReadFile(s.path("lock"))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

func (s settings) running() bool {
	file, err := os.Open(s.path("lock"))
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	return errors.Is(syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

func stopStack(ctx context.Context, s settings) error {
	if !s.running() {
		fmt.Println("the stack is not running")
		return nil
	}
	pid := s.holder()
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop process %d: %w", pid, err)
	}
	if !eventually(ctx, time.Minute, func() bool { return !s.running() }) {
		return fmt.Errorf("process %d does not stop", pid)
	}
	fmt.Println("the stack has stopped")
	return nil
}

// note is one program that we started, and a text its command line has.
type note struct {
	PID  int    `json:"pid"`
	Mark string `json:"mark"`
}

func (s *stack) notePids() error {
	var notes []note
	for _, p := range s.functions {
		notes = append(notes, note{PID: p.Pid(), Mark: s.settings.path("bin")})
	}
	if s.postgres != nil {
		notes = append(notes, note{PID: s.postgres.Pid(), Mark: s.postgres.DataDir})
	}
	text, err := json.Marshal(notes)
	if err != nil {
		return err
	}
	return os.WriteFile(s.settings.path("processes.json"), text, 0o644)
}

// endLeftovers ends what a killed stack left behind: only processes it noted,
// and only when their command line is still the one it started.
func (s settings) endLeftovers(ctx context.Context, say func(string, ...any)) {
	text, err := os.ReadFile(s.path("processes.json"))
	if err != nil {
		return
	}
	var notes []note
	_ = json.Unmarshal(text, &notes)
	for _, n := range notes {
		if !n.alive(ctx) {
			continue
		}
		say("ending process %d, which an earlier stack left behind", n.PID)
		for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
			_ = syscall.Kill(n.PID, signal)
			if eventually(ctx, 5*time.Second, func() bool { return !n.alive(ctx) }) {
				break
			}
		}
	}
	_ = os.Remove(s.path("processes.json"))
}

// eventually asks until it holds, or within is over.
func eventually(ctx context.Context, within time.Duration, holds func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(100 * time.Millisecond):
		}
	}
	return true
}

func (n note) alive(ctx context.Context) bool {
	output, err := exec.CommandContext(ctx, "ps", "-o", "args=", "-p", strconv.Itoa(n.PID)).Output()
	return err == nil && n.Mark != "" && strings.Contains(string(output), n.Mark)
}

// clean removes everything the stack made.
func clean(ctx context.Context, s settings) error {
	if s.running() {
		if err := stopStack(ctx, s); err != nil {
			return err
		}
	}
	say := func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
	s.endLeftovers(ctx, say)
	for _, dir := range []string{s.dir, pgserver.Elsewhere(s.path("postgres"))} {
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("clean: %w (was it made by another user?)", err)
		}
		say("removed %s", dir)
	}
	if s.databaseURL != "" {
		say("the database of DATABASE_URL is left as it is")
	}
	return nil
}

func relative(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	if r, err := filepath.Rel(wd, path); err == nil && !strings.HasPrefix(r, "..") {
		return r
	}
	return path
}
