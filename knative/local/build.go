package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// build compiles the programs that the manifests name.
func (s *stack) build(ctx context.Context) error {
	packages := []string{s.manifest.Migrate}
	for _, f := range s.manifest.Functions {
		packages = append(packages, f.Package)
	}
	if err := os.MkdirAll(s.settings.path("bin"), 0o755); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	if _, err := exec.LookPath("go"); err != nil {
		return errors.New("the go command is missing from PATH; it comes from https://go.dev/dl")
	}
	c := exec.CommandContext(ctx, "go", append([]string{"build", "-o", s.settings.path("bin") + "/"}, packages...)...)
	output, err := c.StderrPipe()
	if err != nil {
		return fmt.Errorf("build: %w", err)
	}
	if err := c.Start(); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	printed := s.tellDownloads(output)
	if err := c.Wait(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, strings.Join(printed, "\n"))
	}
	return nil
}

// tellDownloads says what the go command downloads, while it does, and keeps
// what else it prints.
func (s *stack) tellDownloads(output io.Reader) []string {
	var rest []string
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "go: downloading ") {
			s.say("%s", lines.Text())
			continue
		}
		rest = append(rest, lines.Text())
	}
	return rest
}
