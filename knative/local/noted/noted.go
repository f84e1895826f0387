// Package noted remembers where the running stack listens, so that commands in
// another terminal find it without being told again.
package noted

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const file = "ports"

// Dir is the folder of the stack.
func Dir() string { return cmp.Or(os.Getenv("LOCAL_DIR"), ".local") }

// Keep writes the ports, by the names of their variables, into the stack's folder.
func Keep(dir string, ports map[string]int) error {
	var lines []string
	for name, port := range ports {
		lines = append(lines, fmt.Sprintf("%s=%d\n", name, port))
	}
	slices.Sort(lines)
	if err := os.WriteFile(filepath.Join(dir, file), []byte(strings.Join(lines, "")), 0o644); err != nil {
		return fmt.Errorf("note the ports: %w", err)
	}
	return nil
}

// Forget is for a stack that has stopped.
func Forget(dir string) error {
	if err := os.Remove(filepath.Join(dir, file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the ports: %w", err)
	}
	return nil
}

// Getenv reads a variable: the environment's value, else what was noted.
func Getenv(dir string) func(string) string {
	text, _ := os.ReadFile(filepath.Join(dir, file))
	noted := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		noted[name] = value
	}
	return func(name string) string {
		if value := os.Getenv(name); value != "" {
			return value
		}
		return noted[name]
	}
}
