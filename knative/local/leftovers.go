package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

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
