package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/mallhive/product-service/knative/local/internal/pgserver"
	"github.com/mallhive/product-service/knative/local/issuer"
	"github.com/mallhive/product-service/knative/local/manifest"
)

// printToken mints with the issuer's own key, so that it needs no running stack.
func printToken(s settings, args []string) error {
	flags := flag.NewFlagSet("token", flag.ContinueOnError)
	scope := flags.String("scope", "", "scopes, separated by spaces or commas")
	subject := flags.String("subject", "", "whose token; a service is system:serviceaccount:NAMESPACE:NAME")
	audience := flags.String("audience", issuer.Audience, "who is to accept it")
	life := flags.Duration("life", 12*time.Hour, "how long it is valid")
	if err := flags.Parse(args); err != nil {
		return flagError(err)
	}
	i, err := issuer.Load(address(s.ports.issuer), s.path("issuer.pem"))
	if err != nil {
		return err
	}
	token, err := i.Token(issuer.Claims{Subject: *subject, Audience: *audience, Life: *life,
		Scopes: strings.Fields(strings.ReplaceAll(*scope, ",", " "))})
	if err != nil {
		return err
	}
	fmt.Println(token)
	return nil
}

// adminURL is the administrator's connection string of the database in use.
func (s settings) adminURL() (string, error) {
	if s.databaseURL != "" {
		return s.databaseURL, nil
	}
	if !s.running() {
		return "", errors.New("the stack is not running: make run starts it (or set DATABASE_URL)")
	}
	text, err := os.ReadFile(s.path("database-url"))
	if err != nil {
		return "", fmt.Errorf("database: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// psql becomes psql, as the owner of all objects.
func psql(s settings, args []string) error {
	url, err := s.adminURL()
	if err != nil {
		return err
	}
	program, err := exec.LookPath("psql")
	if err != nil {
		return fmt.Errorf("psql is not installed (Debian: apt install postgresql-client, macOS: brew install libpq); any client can use %s", url)
	}
	env := append(os.Environ(), "PGOPTIONS=-c role=product_owner")
	return syscall.Exec(program, append([]string{"psql", url}, args...), env)
}

func migrateOnly(ctx context.Context, s settings) error {
	url, err := s.adminURL()
	if err != nil {
		return err
	}
	m, err := manifest.Read(filepath.Join(s.root, "knative"))
	if err != nil {
		return err
	}
	m.Functions = nil // only the migration program is built
	st := &stack{settings: s, manifest: m, out: os.Stdout, database: url}
	if err := st.build(ctx); err != nil {
		return err
	}
	return st.migrate(ctx)
}

// withPostgres runs a command, such as the tests, with a server of its own
// unless there is one. Measurements want one of its own that is durable.
func withPostgres(ctx context.Context, s settings, args []string) error {
	flags := flag.NewFlagSet("with-postgres", flag.ContinueOnError)
	large := flags.Bool("large", false, "the server has a quarter of the machine's memory, 4 GB at most, as RDS would give it")
	durable := flags.Bool("durable", false, "what is committed survives a crash of the server, as in production")
	if err := flags.Parse(args); err != nil {
		return flagError(err)
	}
	args = flags.Args()
	if len(args) == 0 {
		return errors.New("with-postgres needs a command")
	}
	command := func(url string) error {
		c := exec.CommandContext(ctx, args[0], args[1:]...)
		c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
		c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
		c.Env = append(os.Environ(), "TEST_DATABASE_URL="+url)
		return c.Run()
	}
	say := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	if url := os.Getenv("TEST_DATABASE_URL"); url != "" {
		return command(url)
	}
	if s.databaseURL != "" {
		say("using the server of DATABASE_URL: databases and logins of the tests' own are made there")
		return command(s.databaseURL)
	}
	o := s.postgresOptions(say)
	o.Durable, o.Large = *durable, *large
	return pgserver.WithThrowaway(ctx, o, command)
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
