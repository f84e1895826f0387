package pgserver

import (
	"context"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
)

// WithThrowaway runs do with the administrator's connection string of a server
// that lives no longer. Only a downloaded server's programs are kept, in o.Dir.
// Unless o.Durable, it writes nothing to the disk for good: that is quicker.
func WithThrowaway(ctx context.Context, o Options, do func(url string) error) error {
	dir, err := os.MkdirTemp("", "product-service-postgres-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// The unprivileged user of a server started by root must be able to enter.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	if o.Port, err = FreePort(ctx); err != nil {
		return err
	}
	o.keep, o.Dir, o.Throwaway = o.Dir, dir, !o.Durable
	server, err := Start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { _ = server.Stop() }()
	return do(server.URL())
}

// FreePort finds a port that nobody listens on now, below those that systems
// give to outgoing connections: one of these could be taken before it is used.
func FreePort(ctx context.Context) (int, error) {
	const first, count, tries = 12000, 20000, 100
	var err error
	for range tries {
		var listener net.Listener
		port := first + rand.IntN(count) //nolint:gosec // not secret
		if listener, err = new(net.ListenConfig).Listen(ctx, "tcp", ":"+strconv.Itoa(port)); err == nil {
			return port, listener.Close()
		}
	}
	return 0, err
}
