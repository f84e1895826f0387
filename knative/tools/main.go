// Command tools drives a running product service from outside: it imports
// data, replays orders and tells the demo's story.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/mallhive/product-service/knative/local/noted"
)

const usage = `usage: tools <command> [flags]

  import   load a folder of NDJSON files (attributes, categories, products, prices, stock)
  replay   send a file of orders through the broker and prove that nothing was oversold
  demo     tell the story of the service, one request and event after the other

'tools <command> --help' explains a command. All of them speak to the stack that
'make run' started in this folder (or LOCAL_DIR); another one can be named:

  FRONT_URL, PORT_FRONT    front door     (http://localhost:8080)
  BROKER_URL, PORT_BROKER  broker         (http://localhost:8090/product-service/default)
  SINKS_URL, PORT_SINKS    stand-ins      (http://localhost:8091)
  ISSUER_URL, PORT_ISSUER  local issuer   (http://localhost:8084)
  TOKEN                    bearer token to use instead of one from the local issuer
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		_, _ = fmt.Fprint(os.Stderr, usage)
		return errors.New("a command is needed")
	}
	where := addressesFrom(noted.Getenv(noted.Dir()))
	switch args[0] {
	case "import":
		return runImport(ctx, where, args[1:], out)
	case "replay":
		return runReplay(ctx, where, args[1:], out)
	case "demo":
		return runDemo(ctx, where, args[1:], out)
	case "help", "-h", "--help":
		_, _ = fmt.Fprint(out, usage)
		return nil
	}
	_, _ = fmt.Fprint(os.Stderr, usage)
	return fmt.Errorf("there is no command %q", args[0])
}
