package main

import (
	"context"
	"errors"
	"fmt"
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
	output, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("build: %w\n%s", err, strings.TrimSpace(string(output)))
	}
	return nil
}
