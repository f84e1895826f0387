// Package process runs the stack's programs and ends them in order.
package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Process is a running program.
type Process struct {
	Name string
	Log  string // the file that has what it printed

	command *exec.Cmd
	exited  chan struct{}
	err     error
}

// Start runs program with exactly this environment; what it prints is added to
// the log file. It has a process group of its own, so that Ctrl-C at the
// terminal does not reach it before Stop does.
func Start(name, program string, env []string, logFile string) (*Process, error) {
	if err := os.MkdirAll(filepath.Dir(logFile), 0o755); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer func() { _ = log.Close() }()
	c := exec.CommandContext(context.Background(), program)
	c.Env, c.Stdout, c.Stderr = env, log, log
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &Process{Name: name, Log: logFile, command: c, exited: make(chan struct{})}
	go func() {
		p.err = c.Wait()
		close(p.exited)
	}()
	return p, nil
}

// Pid of the program.
func (p *Process) Pid() int { return p.command.Process.Pid }

// Exited is closed when the program is gone.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Obituary says how it ended and what it printed last.
func (p *Process) Obituary() string {
	<-p.exited
	how := "ended by itself"
	if p.err != nil {
		how = "died (" + p.err.Error() + ")"
	}
	text, _ := os.ReadFile(p.Log)
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	lines = lines[max(0, len(lines)-10):]
	return fmt.Sprintf("%s %s; its last lines (%s):\n  %s", p.Name, how, p.Log, strings.Join(lines, "\n  "))
}

// Stop asks the program to end, and ends it when it takes longer than patience.
func (p *Process) Stop(patience time.Duration) {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(patience):
		_ = p.command.Process.Kill()
		<-p.exited
	}
}
