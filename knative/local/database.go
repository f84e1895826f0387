package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/knative/local/internal/pgserver"
)

// startDatabase starts our own server, or checks the one we were given.
func (s *stack) startDatabase(ctx context.Context) error {
	if s.settings.databaseURL != "" {
		s.database = s.settings.databaseURL
		if err := reachable(ctx, s.database); err != nil {
			return err
		}
		return s.noteDatabase()
	}
	server, err := pgserver.Start(ctx, s.settings.postgresOptions(s.say))
	if err != nil {
		return err
	}
	s.postgres, s.database = server, server.URL()
	go func() {
		<-server.Exited()
		s.databaseGone <- "PostgreSQL ended; its last lines:\n  " + strings.ReplaceAll(server.LastWords(), "\n", "\n  ")
	}()
	if server.Fresh {
		_ = os.Remove(s.sampleMarker())
	}
	if err := s.noteDatabase(); err != nil {
		return err
	}
	return s.notePids()
}

// noteDatabase is for the commands that are given while the stack runs.
func (s *stack) noteDatabase() error {
	if err := os.WriteFile(s.settings.path("database-url"), []byte(s.database+"\n"), 0o600); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return nil
}

// sampleMarker is the file that says the sample is in this database.
func (s *stack) sampleMarker() string {
	if s.postgres != nil {
		return s.settings.path("sample-loaded")
	}
	u, err := url.Parse(s.database)
	if err != nil {
		u = &url.URL{}
	}
	sum := sha256.Sum256([]byte(u.Host + u.Path))
	return s.settings.path("sample-loaded-" + hex.EncodeToString(sum[:6]))
}

func (s settings) postgresOptions(say func(string, ...any)) pgserver.Options {
	program, _ := os.Executable()
	return pgserver.Options{Dir: s.path("postgres"), Port: s.ports.postgres, Repository: s.repository, Program: program, Say: say}
}

func reachable(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %s", strings.Join(strings.Fields(err.Error()), " "))
	}
	return conn.Close(ctx)
}

// prepareDatabase runs the migration program as its Job does, and gives each
// function a login of its own; it returns their connection strings.
func (s *stack) prepareDatabase(ctx context.Context) (map[string]string, error) {
	if err := s.migrate(ctx); err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, s.database)
	if err != nil {
		return nil, fmt.Errorf("logins: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	logins := map[string]string{}
	for _, f := range s.manifest.Functions {
		name, password := f.Name+"_app", rand.Text()
		if err := ensureLogin(ctx, conn, name, f.Name+"_fn", password); err != nil {
			return nil, fmt.Errorf("login %s: %w", name, err)
		}
		u, err := url.Parse(s.database)
		if err != nil {
			return nil, errors.New("DATABASE_URL is not a URL such as postgres://user:password@host:5432/database")
		}
		u.User = url.UserPassword(name, password)
		logins[f.Name] = u.String()
	}
	return logins, nil
}

// ensureLogin makes the login or gives it a new password: what an earlier
// start knew is of no use.
func ensureLogin(ctx context.Context, conn *pgx.Conn, name, role, password string) error {
	var there bool
	if err := conn.QueryRow(ctx, `select exists (select from pg_roles where rolname = $1)`, name).Scan(&there); err != nil {
		return err
	}
	verb := "create"
	if there {
		verb = "alter"
	}
	// The password is made of letters and digits only.
	login := fmt.Sprintf("%s role %s login password '%s'", verb, pgx.Identifier{name}.Sanitize(), password)
	if _, err := conn.Exec(ctx, login); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, fmt.Sprintf("grant %s to %s", pgx.Identifier{role}.Sanitize(), pgx.Identifier{name}.Sanitize()))
	return err
}

func (s *stack) migrate(ctx context.Context) error {
	program := s.settings.path("bin", path.Base(s.manifest.Migrate))
	for _, step := range []string{"roles", "up"} {
		c := exec.CommandContext(ctx, program, step)
		c.Env = append(os.Environ(), "DATABASE_URL="+s.database, "DATABASE_SECRET_ID=")
		output, err := c.CombinedOutput()
		text := strings.TrimSpace(string(output))
		if err != nil {
			return fmt.Errorf("migrate %s: %w: %s", step, err, text)
		}
		if step == "up" {
			s.say("%s", text)
		}
	}
	return nil
}
