package pgserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	embedded "github.com/fergusstrange/embedded-postgres"
)

// downloadVersion is what is fetched when nothing is installed.
const downloadVersion = embedded.V17

const usualRepository = "https://repo1.maven.org/maven2"

// FetchCommand is the argument that makes this program call Fetch.
const FetchCommand = "fetch-postgres"

// download fetches a server once. The library can only fetch by starting a
// server, which it cannot do as root: so this program runs again as the user
// that will run the server. What was fetched is moved into place when it is
// whole, so that an interrupted download leaves nothing half made.
func download(ctx context.Context, o Options, who user) (installation, error) {
	home := filepath.Join(who.dir, "server")
	from := cmp.Or(o.Repository, usualRepository)
	o.Say("no PostgreSQL %d or newer is installed: downloading %s from %s to %s, once", oldest, downloadVersion, from, home)
	program, err := copyProgram(o.Program, who)
	if err != nil {
		return installation{}, err
	}
	defer func() { _ = os.Remove(program) }()
	fetched := home + "." + strconv.Itoa(os.Getpid())
	defer func() { _ = os.RemoveAll(fetched) }()
	c := who.command(program, FetchCommand, fetched, from)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if value := os.Getenv(name); value != "" {
			c.Env = append(c.Env, name+"="+value)
		}
	}
	if output, err := run(ctx, c); err != nil {
		return installation{}, errors.New(strings.TrimPrefix(oneLine(strings.TrimSpace(string(output))), "error: "))
	}
	// Another start may have been quicker; then its server is as good.
	_ = os.Rename(fetched, home)
	i, ok := inspect(ctx, filepath.Join(home, "bin"), who)
	if !ok {
		return i, fmt.Errorf("what was downloaded to %s has no usable server", home)
	}
	return i, nil
}

// copyProgram puts this program where the user can run it.
func copyProgram(program string, who user) (string, error) {
	to := filepath.Join(who.dir, "fetch."+strconv.Itoa(os.Getpid()))
	from, err := os.Open(program)
	if err != nil {
		return "", err
	}
	defer func() { _ = from.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(out, from); err != nil {
		return "", errors.Join(err, out.Close())
	}
	return to, out.Close()
}

// Fetch downloads a server into home: it starts one on throwaway data, which
// is what the library offers, and stops it.
func Fetch(home, repository string) error {
	scratch := home + ".scratch"
	defer func() { _ = os.RemoveAll(scratch) }()
	port, err := FreePort(context.Background())
	if err != nil {
		return err
	}
	config := embedded.DefaultConfig().Version(downloadVersion).Port(uint32(port)).
		BinariesPath(home).CachePath(filepath.Join(scratch, "cache")).
		RuntimePath(filepath.Join(scratch, "run")).DataPath(filepath.Join(scratch, "data")).
		StartParameters(map[string]string{"unix_socket_directories": "", "listen_addresses": "localhost"}).
		BinaryRepositoryURL(repository).Logger(io.Discard)
	server := embedded.NewDatabase(config)
	if err := server.Start(); err != nil {
		return fmt.Errorf("fetch PostgreSQL: %w", err)
	}
	return server.Stop()
}
