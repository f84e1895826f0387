package pgserver_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/internal/pgserver"
)

func options(t *testing.T, dir string) pgserver.Options {
	t.Helper()
	return pgserver.Options{Dir: dir, Port: port(t), Throwaway: true, Say: t.Logf}
}

func TestASecondStartKeepsTheData(t *testing.T) {
	t.Parallel()
	ctx, dir := context.Background(), folder(t)
	first, err := pgserver.Start(ctx, options(t, dir))
	require.NoError(t, err)
	require.True(t, first.Fresh)
	exec(t, first.URL(), "create table kept (letters text); insert into kept values ('äöü')")
	require.NoError(t, first.Stop())
	<-first.Exited()

	second, err := pgserver.Start(ctx, options(t, dir))
	require.NoError(t, err)
	defer func() { require.NoError(t, second.Stop()) }()
	require.False(t, second.Fresh)
	require.Equal(t, first.DataDir, second.DataDir)
	exec(t, second.URL(), "insert into kept select letters from kept")
}

func TestTheLocaleKnowsLettersBeyondASCII(t *testing.T) {
	t.Parallel()
	require.NoError(t, pgserver.WithThrowaway(context.Background(), pgserver.Options{Say: t.Logf}, func(url string) error {
		conn, err := pgx.Connect(context.Background(), url)
		require.NoError(t, err)
		defer func() { _ = conn.Close(context.Background()) }()
		var upper string
		require.NoError(t, conn.QueryRow(context.Background(), "select upper('é')").Scan(&upper))
		require.Equal(t, "É", upper)
		return nil
	}))
}

func TestADurableThrowawayServerWritesForGood(t *testing.T) {
	t.Parallel()
	for durable, want := range map[bool]string{true: "on", false: "off"} {
		o := pgserver.Options{Durable: durable, Say: t.Logf}
		require.NoError(t, pgserver.WithThrowaway(context.Background(), o, func(url string) error {
			conn, err := pgx.Connect(context.Background(), url)
			require.NoError(t, err)
			defer func() { _ = conn.Close(context.Background()) }()
			for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
				var value string
				require.NoError(t, conn.QueryRow(context.Background(), "select current_setting($1)", setting).Scan(&value))
				require.Equal(t, want, value, setting)
			}
			return nil
		}))
	}
}

func TestAFolderThatIsNoDataFolderIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	precious := filepath.Join(dir, "data", "precious.txt")
	require.NoError(t, os.MkdirAll(filepath.Dir(precious), 0o755))
	require.NoError(t, os.WriteFile(precious, []byte("x"), 0o600))
	_, err := pgserver.Start(context.Background(), options(t, dir))
	require.ErrorContains(t, err, "not a PostgreSQL data folder")
	require.FileExists(t, precious)
}

func TestDataOfAnotherVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "data"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("9.6\n"), 0o600))
	_, err := pgserver.Start(context.Background(), options(t, dir))
	require.ErrorContains(t, err, "made by PostgreSQL 9.6")
	require.FileExists(t, filepath.Join(dir, "data", "PG_VERSION"))
}

func TestABrokenDataFolderIsToldInOneLine(t *testing.T) {
	t.Parallel()
	ctx, dir := context.Background(), folder(t)
	server, err := pgserver.Start(ctx, options(t, dir))
	require.NoError(t, err)
	require.NoError(t, server.Stop())
	require.NoError(t, os.Remove(filepath.Join(server.DataDir, "global", "pg_control")))
	_, err = pgserver.Start(ctx, options(t, dir))
	require.ErrorContains(t, err, "pg_control")
	require.ErrorContains(t, err, "make clean")
	require.NotContains(t, err.Error(), "\n")
}

func TestALostPasswordIsToldAtOnce(t *testing.T) {
	t.Parallel()
	ctx, dir := context.Background(), folder(t)
	server, err := pgserver.Start(ctx, options(t, dir))
	require.NoError(t, err)
	require.NoError(t, server.Stop())
	require.NoError(t, os.Remove(filepath.Join(dir, "password")))
	_, err = pgserver.Start(ctx, options(t, dir))
	require.ErrorContains(t, err, "make clean")
}

// folder is one that the server's user can enter, also when root runs the test.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgserver-test-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func exec(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(context.Background(), sql)
	require.NoError(t, err)
}

func port(t *testing.T) int {
	t.Helper()
	p, err := pgserver.FreePort(context.Background())
	require.NoError(t, err)
	return p
}
