package pgserver_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/internal/pgserver"
)

// installed is the folder of the programs of a server that this machine has.
func installed(t *testing.T) string {
	t.Helper()
	found, err := pgserver.Installed(context.Background(), folder(t), "/", os.Getenv("PATH"))
	require.NoError(t, err)
	if len(found) == 0 {
		t.Skip("this machine has no PostgreSQL of its own to lay out")
	}
	return found[0]
}

// Each layout is one that a package manager makes, with this machine's server
// in it.
func TestAServerIsFoundWhereverPackagesPutIt(t *testing.T) {
	t.Parallel()
	bin := installed(t)
	for name, at := range map[string]string{
		"Debian": "usr/lib/postgresql/15/bin", "Red Hat": "usr/pgsql-16/bin", "Alpine": "usr/libexec/postgresql17",
		"Homebrew on Apple silicon": "opt/homebrew/opt/postgresql@17/bin", "Homebrew on Intel": "usr/local/opt/postgresql@16/bin",
		"Homebrew without a version": "opt/homebrew/opt/postgresql/bin", "Homebrew on Linux": "home/linuxbrew/.linuxbrew/opt/postgresql@17/bin",
		"MacPorts": "opt/local/lib/postgresql17/bin", "Postgres.app": "Applications/Postgres.app/Contents/Versions/17/bin",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := folder(t)
			link(t, bin, filepath.Join(root, at))
			found, err := pgserver.Installed(context.Background(), folder(t), root, "")
			require.NoError(t, err)
			require.Equal(t, []string{filepath.Join(root, at)}, found)
		})
	}
	t.Run("PATH", func(t *testing.T) {
		t.Parallel()
		root, shims := folder(t), folder(t)
		link(t, filepath.Join(bin, "postgres"), filepath.Join(shims, "postgres"))
		found, err := pgserver.Installed(context.Background(), folder(t), root, filepath.Join(root, "none")+":"+shims)
		require.NoError(t, err)
		require.Equal(t, []string{bin}, found)
	})
}

// Homebrew's folders are links; the programs find their files all the same.
func TestAServerBehindALinkRuns(t *testing.T) {
	t.Parallel()
	root := folder(t)
	brew := filepath.Join(root, "opt/homebrew/opt/postgresql@17/bin")
	link(t, installed(t), brew)
	server, err := pgserver.Start(context.Background(), options(t, folder(t)).On(root, ""))
	require.NoError(t, err)
	require.NoError(t, server.Stop())
	require.Equal(t, brew, server.Programs)
}

func TestTheNewestUsableServerIsTaken(t *testing.T) {
	t.Parallel()
	root, dir := folder(t), folder(t)
	debian := func(version string) string { return filepath.Join(root, "usr/lib/postgresql", version, "bin") }
	pretend(t, debian("14"), "postgres (PostgreSQL) 14.9 (Debian)")
	pretend(t, debian("15"), "postgres (PostgreSQL) 15.18 (Debian)")
	pretend(t, debian("17"), "postgres (PostgreSQL) 17.2")
	pretend(t, debian("18"), "postgres (PostgreSQL) 18beta1")
	require.NoError(t, os.Remove(filepath.Join(debian("18"), "initdb")), "a client alone is no server")
	pretend(t, debian("16"), "postgres (PostgreSQL) 16.4")
	require.NoError(t, os.RemoveAll(filepath.Join(debian("16"), "share")), "contrib is packaged apart")
	found, err := pgserver.Installed(context.Background(), dir, root, "")
	require.NoError(t, err)
	require.Equal(t, []string{debian("17"), debian("15")}, found)
}

// Root's server is run by another user, who may not enter root's home.
func TestAServerThatItsUserCannotRunIsPassedOver(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root gives way to another user")
	}
	root, home := folder(t), t.TempDir()
	require.NoError(t, os.Chmod(home, 0o700))
	pretend(t, filepath.Join(home, "17"), "postgres (PostgreSQL) 17.2")
	found, err := pgserver.Installed(context.Background(), folder(t), root, filepath.Join(home, "17"))
	require.NoError(t, err)
	require.Empty(t, found)
}

// pretend makes programs that say a version.
func pretend(t *testing.T, bin, version string) {
	t.Helper()
	share := filepath.Join(bin, "share")
	require.NoError(t, os.MkdirAll(filepath.Join(share, "extension"), 0o755))
	for _, extension := range []string{"btree_gist", "pg_trgm", "unaccent"} {
		require.NoError(t, os.WriteFile(filepath.Join(share, "extension", extension+".control"), nil, 0o644))
	}
	for program, says := range map[string]string{"postgres": version, "initdb": "", "pg_config": share} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, program), []byte("#!/bin/sh\necho '"+says+"'\n"), 0o755))
	}
}

func link(t *testing.T, to, at string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
	require.NoError(t, os.Symlink(to, at))
}
