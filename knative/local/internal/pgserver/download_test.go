package pgserver_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/internal/pgserver"
)

// TestMain lets this program be run again to fetch a server, as the local
// stack's program is.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == pgserver.FetchCommand {
		if err := pgserver.Fetch(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// The repository here serves the installed server, packed as the real one
// packs its own.
func TestAServerIsDownloadedWhenNoneIsInstalled(t *testing.T) {
	t.Parallel()
	jar := pack(t)
	repository := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, ".jar") {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(jar)
	}))
	defer repository.Close()
	said := make(chan string, 10)
	o := options(t, folder(t)).On(t.TempDir(), "")
	o.Repository, o.Program = repository.URL, os.Args[0]
	o.Say = func(format string, args ...any) { said <- fmt.Sprintf(format, args...) }
	server, err := pgserver.Start(context.Background(), o)
	require.NoError(t, err)
	exec(t, server.URL(), "create table t ()")
	require.NoError(t, server.Stop())
	require.Contains(t, <-said, "from "+repository.URL+" to "+filepath.Join(o.Dir, "server"))

	repository.Close()
	server, err = pgserver.Start(context.Background(), o)
	require.NoError(t, err, "what was downloaded is kept")
	require.NoError(t, server.Stop())
	require.NoError(t, pgserver.WithThrowaway(context.Background(), o, func(string) error { return nil }), "and used for tests")
	require.Empty(t, said)
	kept, err := os.ReadDir(o.Dir)
	require.NoError(t, err)
	for _, entry := range kept {
		require.Contains(t, []string{"data", "log", "password", "server"}, entry.Name(), "nothing else is left of the download")
	}
}

func TestAFailedDownloadSaysWhatToDo(t *testing.T) {
	t.Parallel()
	o := options(t, folder(t)).On(t.TempDir(), "")
	o.Repository, o.Program = "http://localhost:1", os.Args[0]
	_, err := pgserver.Start(context.Background(), o)
	require.ErrorContains(t, err, "DATABASE_URL")
	require.NotContains(t, err.Error(), "\n")
}

func pack(t *testing.T) []byte {
	t.Helper()
	bin := installed(t)
	if _, err := osexec.LookPath("xz"); err != nil {
		t.Skip("packing a server needs xz")
	}
	archive := filepath.Join(t.TempDir(), "server.txz")
	c := osexec.Command("tar", "-C", filepath.Dir(bin), "--exclude=bitcode", "--exclude=pgxs",
		"-cJf", archive, "bin/postgres", "bin/initdb", "bin/pg_ctl", "lib")
	c.Env = append(os.Environ(), "XZ_OPT=-0")
	output, err := c.CombinedOutput()
	require.NoError(t, err, string(output))
	text, err := os.ReadFile(archive)
	require.NoError(t, err)
	var jar bytes.Buffer
	w := zip.NewWriter(&jar)
	entry, err := w.Create("server.txz")
	require.NoError(t, err)
	_, err = entry.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return jar.Bytes()
}
