package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mallhive/product-service/shared/web/webtest"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/internal/pgserver"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// TestMain lets this program stand for the go command: compiling anew for each
// user and folder would take minutes and show nothing about them.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "go" {
		if err := standForGo(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// standForGo builds by copying what is built, and tests by asking the database.
func standForGo(args []string) error {
	switch {
	case len(args) > 3 && args[0] == "build" && args[1] == "-o":
		fmt.Fprintln(os.Stderr, "go: downloading example.com/for/"+filepath.Base(args[3])+" v1.0.0")
		self, err := os.Executable()
		if err != nil {
			return err
		}
		for _, built := range args[3:] {
			to := args[2]
			if strings.HasSuffix(to, "/") {
				to += filepath.Base(built)
			}
			if err := copyFile(filepath.Join(filepath.Dir(self), filepath.Base(built)), to); err != nil {
				return err
			}
		}
		return nil
	case len(args) > 1 && args[0] == "test":
		conn, err := pgx.Connect(context.Background(), os.Getenv(testdb.Variable))
		if err != nil {
			return err
		}
		fmt.Printf("tests: %q on port %d\n", args[1:], conn.Config().Port)
		return conn.Close(context.Background())
	}
	return fmt.Errorf("go %q is not expected here", args)
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	// As the go command does: in place of a program that runs there comes another.
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(to, text, 0o755)
}

// toolchain is a folder with everything built and the stand-in for go.
func toolchain(t *testing.T) string {
	t.Helper()
	dir := openFolder(t)
	packages := []string{"./knative/local", "./knative/tools", read(t).Migrate}
	for _, f := range read(t).Functions {
		packages = append(packages, f.Package)
	}
	c := exec.Command("go", append([]string{"build", "-o", dir + "/"}, packages...)...)
	c.Dir = "../.."
	output, err := c.CombinedOutput()
	require.NoError(t, err, string(output))
	require.NoError(t, copyFile(os.Args[0], filepath.Join(dir, "go")))
	return dir
}

// openFolder is one that every user can enter.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "product-service-machine-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// newcomer is somebody with a checkout of their own.
type newcomer struct {
	checkout   string
	env        []string
	credential *syscall.Credential // nil: who runs the tests
}

// arrive lays a checkout in a folder with spaces below a home that nobody else
// may enter.
func arrive(t *testing.T, toolchain, user string) newcomer {
	t.Helper()
	home := filepath.Join(openFolder(t), "home of "+user)
	n := newcomer{checkout: filepath.Join(home, "my work", "product service")}
	require.NoError(t, os.MkdirAll(n.checkout, 0o755))
	require.NoError(t, copyFile("../../Makefile", filepath.Join(n.checkout, "Makefile")))
	require.NoError(t, os.CopyFS(filepath.Join(n.checkout, "knative"), os.DirFS("..")))
	require.NoError(t, os.Chmod(home, 0o700))
	n.env = []string{"HOME=" + home, "PATH=" + toolchain + ":" + os.Getenv("PATH"), "GOCOVERDIR=" + os.Getenv("GOCOVERDIR")}
	if user == "nobody" {
		found, err := osuser.Lookup(user)
		require.NoError(t, err)
		uid, err := strconv.ParseUint(found.Uid, 10, 32)
		require.NoError(t, err)
		gid, err := strconv.ParseUint(found.Gid, 10, 32)
		require.NoError(t, err)
		n.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		require.NoError(t, filepath.WalkDir(home, func(path string, _ os.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(path, int(uid), int(gid)))
		}))
	}
	return n
}

func (n newcomer) command(env []string, args ...string) *exec.Cmd {
	c := exec.Command("make", args...)
	c.Dir, c.Env = n.checkout, append(n.env[:len(n.env):len(n.env)], env...)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: n.credential, Setpgid: true}
	return c
}

func (n newcomer) make(t *testing.T, env []string, args ...string) string {
	t.Helper()
	output, err := n.command(env, args...).CombinedOutput()
	require.NoError(t, err, "make %q: %s", args, output)
	return string(output)
}

// users are who runs the tests and, when that is root, an ordinary user too.
func users() []string {
	if os.Geteuid() == 0 {
		return []string{"root", "nobody"}
	}
	return []string{"me", "my-other-checkout"}
}

// Two newcomers at the same time, as root and as an ordinary user when root
// runs this test; make run and make test each.
func TestStackAndTestsRunForWhoeverStartsThemWhereverTheyAre(t *testing.T) {
	t.Parallel()
	tools := toolchain(t)
	for _, user := range users() {
		t.Run("the tests as "+user, func(t *testing.T) {
			t.Parallel()
			theTestsRun(t, tools, user)
		})
		t.Run("the stack as "+user, func(t *testing.T) {
			t.Parallel()
			n := arrive(t, tools, user)
			ports := []string{}
			for _, name := range []string{"FRONT", "CATALOG", "INVENTORY", "EVENTS", "ISSUER", "BROKER", "SINKS", "POSTGRES"} {
				ports = append(ports, "PORT_"+name+"="+freePort(t))
			}
			front := "http://localhost:" + strings.TrimPrefix(ports[0], "PORT_FRONT=")
			output := &awaited{text: "ready after", there: make(chan struct{})}
			run := n.command(ports, "run")
			run.Stdout, run.Stderr = output, output
			require.NoError(t, run.Start())
			ended := make(chan error, 1)
			go func() { ended <- run.Wait() }()
			t.Cleanup(func() { _ = syscall.Kill(-run.Process.Pid, syscall.SIGTERM) })
			select {
			case <-output.there:
			case err := <-ended:
				require.Fail(t, "it ended", "%v: %s", err, output)
			case <-time.After(4 * time.Minute):
				require.Fail(t, "it does not become ready", output.String())
			}
			require.Contains(t, output.String(), "go: downloading example.com/for/", "what is downloaded is told")
			require.Equal(t, user == "root", strings.Contains(output.String(), "who cannot enter"), "data elsewhere is told: %s", output)

			// In another terminal, which knows nothing of the ports.
			require.Equal(t, http.StatusOK, status(t, front+"/v1/products?limit=1", ""))
			token := strings.TrimSpace(n.make(t, nil, "-s", "token", "SCOPE=inventory:write"))
			token = token[strings.LastIndex(token, "\n")+1:]
			require.Equal(t, http.StatusOK, status(t, front+"/v1/stock:audit", token))
			folder := filepath.Join(n.checkout, "knative", "local", "my sample")
			require.NoError(t, os.CopyFS(folder, os.DirFS("sample")))
			require.Contains(t, n.make(t, nil, "import", "DIR="+folder), "stock")

			require.Contains(t, n.make(t, nil, "stop"), "the stack has stopped")
			select {
			case err := <-ended:
				require.NoError(t, err)
			case <-time.After(time.Minute):
				require.Fail(t, "it does not end")
			}
			n.make(t, nil, "clean")
			local := filepath.Join(n.checkout, ".local")
			require.NoDirExists(t, local)
			require.NoDirExists(t, pgserver.Elsewhere(filepath.Join(local, "postgres")))
		})
	}
}

func theTestsRun(t *testing.T, tools, user string) {
	n := arrive(t, tools, user)
	elsewhere := filepath.Join(filepath.Dir(n.checkout), "local folder")
	said := n.make(t, []string{"LOCAL_DIR=" + elsewhere}, "test", "PKG=./shared/web", "RUN=TestA|TestB c")
	require.Contains(t, said, `"TestA|TestB c" "./shared/web"`)
	require.NotContains(t, said, "on port "+adminPort(t))
	require.FileExists(t, filepath.Join(elsewhere, "bin", "local"))
	require.NoDirExists(t, filepath.Join(n.checkout, ".local"))
	require.NoDirExists(t, pgserver.Elsewhere(filepath.Join(elsewhere, "postgres")))

	said = n.make(t, []string{"DATABASE_URL=" + os.Getenv(testdb.Variable)}, "test")
	require.Contains(t, said, "using the server of DATABASE_URL")
	require.Contains(t, said, "on port "+adminPort(t))
}

func adminPort(t *testing.T) string {
	t.Helper()
	config, err := pgx.ParseConfig(os.Getenv(testdb.Variable))
	require.NoError(t, err)
	return strconv.Itoa(int(config.Port))
}

func freePort(t *testing.T) string {
	t.Helper()
	port, err := pgserver.FreePort(context.Background())
	require.NoError(t, err)
	return strconv.Itoa(port)
}

func status(t *testing.T, url, token string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := webtest.Client.Do(request)
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, response.Body)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

// awaited keeps what is printed and tells when a text is there.
type awaited struct {
	text  string
	there chan struct{}

	mu      sync.Mutex
	printed bytes.Buffer
	found   bool
}

func (a *awaited) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.printed.Write(p)
	if !a.found && strings.Contains(a.printed.String(), a.text) {
		a.found = true
		close(a.there)
	}
	return len(p), nil
}

func (a *awaited) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.printed.String()
}
