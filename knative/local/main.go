// Command local is one machine instead of a cluster: it reads the manifests in
// knative/ and runs what they describe, with a PostgreSQL, a broker, a token
// issuer, stand-ins for the neighbours and a front door.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/mallhive/product-service/knative/local/internal/pgserver"
	"github.com/mallhive/product-service/knative/local/noted"
)

const usage = `usage: local <command>

  run                     start the stack, or say what is in the way   (make run)
  stop                    stop the running stack                       (make stop)
  clean                   stop it and remove all it made               (make clean)
  token -scope 'A B'      print a token with these scopes              (make token)
  psql [arguments]        open psql on the database, as its owner      (make psql)
  migrate                 bring the database to this schema            (make migrate)
  with-postgres COMMAND   run COMMAND with a throwaway server's
                          address in TEST_DATABASE_URL; with the server of
                          TEST_DATABASE_URL or DATABASE_URL if that is set;
                          with -durable before it, a crash of the throwaway
                          server loses nothing, as in production; with -large
                          it has a quarter of the memory, 4 GB at most

Environment of run: PORT_FRONT 8080, PORT_CATALOG 8081, PORT_INVENTORY 8082,
PORT_EVENTS 8083, PORT_ISSUER 8084, PORT_BROKER 8090, PORT_SINKS 8091,
PORT_POSTGRES 5433; DATABASE_URL (administrator of a server to use instead of an
own one); BROKER_BACKOFF 0.1 (factor on the Triggers' backoff delays);
BROKER_COPIES 1 (deliver each event so many times, or 1-5, in random order);
INVENTORY_INSTANCES 1 (so many of inventory, behind a balancer on its port);
LOCAL_DIR .local (where everything is kept); POSTGRES_REPOSITORY (a mirror of
Maven Central, where PostgreSQL is downloaded from when none is installed). A variable that the manifests give
a function, such as LOG_LEVEL or RESERVATION_TTL, can be set too and wins. Other
commands find the ports of the stack that runs in LOCAL_DIR by themselves.
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		args = []string{"help"}
	}
	if args[0] == pgserver.FetchCommand && len(args) == 3 {
		return pgserver.Fetch(args[1], args[2])
	}
	getenv := os.Getenv
	if args[0] != "run" {
		getenv = noted.Getenv(noted.Dir())
	}
	s, err := readSettings(getenv)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch args[0] {
	case "run":
		return runStack(ctx, stop, s)
	case "stop":
		return stopStack(ctx, s)
	case "clean":
		return clean(ctx, s)
	case "token":
		return printToken(s, args[1:])
	case "psql":
		return psql(s, args[1:])
	case "migrate":
		return migrateOnly(ctx, s)
	case "with-postgres":
		return withPostgres(ctx, s, args[1:])
	case "help", "-h", "--help":
		fmt.Print(usage)
		return nil
	}
	fmt.Fprint(os.Stderr, usage)
	return fmt.Errorf("no such command: %s", args[0])
}

// flagError makes --help no failure.
func flagError(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	return err
}
