package main

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

// server is a program that answers on a port of its own.
type server struct {
	name    string
	address string
	pid     int
	command *exec.Cmd
	log     bytes.Buffer
}

func serve(ctx context.Context, name, path string, env []string, args ...string) (*server, error) {
	port, err := stage.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	s := &server{name: name, address: "127.0.0.1:" + strconv.Itoa(port)}
	s.command = exec.CommandContext(ctx, path, args...)
	s.command.Env = append([]string{"PORT=" + strconv.Itoa(port), "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
	// What a function logs goes where a container's log goes: to a pipe that
	// somebody reads, or to nobody.
	s.command.Stderr = &s.log
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	s.pid = s.command.Process.Pid
	until := time.Now().Add(20 * time.Second)
	for {
		line, err := dial(ctx, s.address)
		if err == nil {
			line.close()
			return s, nil
		}
		if time.Now().After(until) || ctx.Err() != nil {
			s.stop()
			return nil, errors.Join(fmt.Errorf("%s does not listen: %s", name, s.log.Bytes()), ctx.Err())
		}
		if err := wait(ctx, 2*time.Millisecond); err != nil {
			s.stop()
			return nil, err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (s *server) stop() {
	_ = s.command.Process.Kill()
	_ = s.command.Wait()
}

// resident is the most memory that the process has had, in bytes; 0 where
// /proc does not tell.
func (s *server) resident() int64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.pid), "status"))
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

// tick is the unit in which Linux counts CPU time for /proc.
const tick = 10 * time.Millisecond

// cpuOf is the CPU time that a process has used; 0 where /proc does not tell.
func cpuOf(pid int) time.Duration {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(text, []byte(") "))
	return ticks(strings.Fields(string(after)), 11, 12)
}

// machineCPU is the CPU time that the machine has not been idle.
func machineCPU() time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	return ticks(strings.Fields(string(first)), 1, 2, 3, 6, 7)
}

func ticks(fields []string, which ...int) time.Duration {
	var sum time.Duration
	for _, i := range which {
		if i < len(fields) {
			n, _ := strconv.ParseInt(fields[i], 10, 64)
			sum += time.Duration(n) * tick
		}
	}
	return sum
}
