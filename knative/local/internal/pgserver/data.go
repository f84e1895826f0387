package pgserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// password reads the administrator's password, or makes one.
func password(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("data folder: %w", err)
	}
	fresh := rand.Text()
	if err := os.WriteFile(file, []byte(fresh+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	return fresh, nil
}

// dataVersion is the major version that made the data; empty when there is none.
func dataVersion(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "PG_VERSION"))
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	entries, _ := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) && len(entries) == 0 {
		return "", nil
	}
	return "", fmt.Errorf("data folder: %s is not a PostgreSQL data folder (PG_VERSION is missing); make clean starts anew", dir)
}

// ensureData makes the data folder. It is made under another name, so that an
// interrupted start leaves nothing half made.
func (s *Server) ensureData(ctx context.Context, bin installation, who user, throwaway bool) error {
	version, err := dataVersion(s.DataDir)
	if err != nil || version != "" {
		return err
	}
	making := s.DataDir + ".new"
	if err := os.RemoveAll(making); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	passwordFile := filepath.Join(who.dir, "password")
	if err := who.give(passwordFile); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	// pg_trgm needs a locale that knows letters beyond ASCII; not every system
	// has the first.
	var output []byte
	for _, locale := range []string{"C.UTF-8", "en_US.UTF-8", "C.utf8"} {
		c := who.command(bin.program("initdb"), "-D", making, "-U", superuser, "-A", "scram-sha-256",
			"--pwfile", passwordFile, "-E", "UTF8", "--locale", locale)
		if throwaway {
			c.Args = append(c.Args, "--no-sync")
		}
		output, err = run(ctx, c)
		if err == nil {
			s.Fresh = true
			return os.Rename(making, s.DataDir)
		}
	}
	return fmt.Errorf("data folder: initdb: %s", oneLine(strings.TrimSpace(string(output))))
}

func run(ctx context.Context, c *exec.Cmd) ([]byte, error) {
	stop := context.AfterFunc(ctx, func() {
		if c.Process != nil {
			_ = c.Process.Kill()
		}
	})
	defer stop()
	return c.CombinedOutput()
}
