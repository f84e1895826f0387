// Command migrate brings the database to this release's schema. It is run by
// the migration Job and by make migrate, never by a function.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/schema"
	"github.com/mallhive/product-service/shared/secret"
)

const usage = `migrate: bring the database to this release's schema

  migrate up       apply the migrations that are missing (the default)
  migrate status   list migrations, applied or not
  migrate roles    create the roles and extensions that migrations rest on;
                   needs an administrator's login, once for a database

The database is named by
  DATABASE_URL         a connection string, or
  DATABASE_SECRET_ID   an AWS Secrets Manager secret with username, password,
                       host, port, dbname; DATABASE_HOST, DATABASE_NAME and
                       DATABASE_CA_FILE as for functions
The login must be a member of product_owner.
`

func main() { os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr)) }

func run(args []string, getenv func(string) string, out, errs io.Writer) int {
	flags := flag.NewFlagSet("migrate", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.Usage = func() { _, _ = io.WriteString(out, usage) }
	if err := flags.Parse(args); err != nil {
		if err == flag.ErrHelp { //nolint:errorlint // flag returns it bare
			return 0
		}
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	url, err := login(ctx, getenv)
	if err == nil {
		err = do(ctx, flags.Arg(0), url, out)
	}
	if err != nil {
		_, _ = fmt.Fprintf(errs, "migrate: %v\n", err)
		return 1
	}
	return 0
}

func login(ctx context.Context, getenv func(string) string) (string, error) {
	url, id := getenv("DATABASE_URL"), getenv("DATABASE_SECRET_ID")
	if (url == "") == (id == "") {
		return "", fmt.Errorf("DATABASE_URL or DATABASE_SECRET_ID must be set, and only one of them")
	}
	if url != "" {
		return url, nil
	}
	logins := &postgres.Rotating{
		Secrets: new(secret.Manager), ID: id, CAFile: getenv("DATABASE_CA_FILE"),
		Host: getenv("DATABASE_HOST"), Database: getenv("DATABASE_NAME"),
	}
	return logins.URL(ctx)
}

func do(ctx context.Context, what, url string, out io.Writer) error {
	switch what {
	case "", "up":
		return up(ctx, url, out)
	case "status":
		steps, err := schema.Status(ctx, url)
		for _, s := range steps {
			state := "missing"
			if s.Applied {
				state = "applied"
			}
			_, _ = fmt.Fprintf(out, "%s  %s\n", state, s.Name)
		}
		return err
	case "roles":
		if err := schema.Roles(ctx, url); err != nil {
			return err
		}
		_, _ = fmt.Fprintln(out, "roles product_owner, catalog_fn, inventory_fn, events_fn are there")
		return nil
	}
	return fmt.Errorf("no such command %q; see migrate --help", what)
}

func up(ctx context.Context, url string, out io.Writer) error {
	start, n := time.Now(), 0
	err := schema.Migrate(ctx, url, func(s schema.Step) {
		n++
		_, _ = fmt.Fprintf(out, "migrating: %s\n", s.Name)
	})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "schema is up to date (%d migrations applied in %s)\n", n, time.Since(start).Round(time.Millisecond))
	return nil
}
