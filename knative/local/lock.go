package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
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
