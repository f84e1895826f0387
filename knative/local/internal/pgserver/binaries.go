package pgserver

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// oldest is the oldest major version that the schema supports.
const oldest = 15

// installation is a folder with PostgreSQL's programs.
type installation struct {
	bin     string
	version string // such as 15.7
	major   int
}

// Folder holds the programs.
func (i installation) Folder() string { return i.bin }

func (i installation) program(name string) string { return filepath.Join(i.bin, name) }

// binaries finds a server that can read the data: installed, or downloaded.
func binaries(ctx context.Context, o Options, who user) (installation, error) {
	made, err := dataVersion(filepath.Join(who.dir, "data"))
	if err != nil {
		return installation{}, err
	}
	var found []installation
	if !o.downloadOnly {
		found = Installed(ctx)
	}
	if earlier, ok := inspect(ctx, filepath.Join(who.dir, "server", "bin")); ok {
		found = append(found, earlier)
	}
	if bin, ok := suitable(found, made); ok {
		return bin, nil
	}
	if major, _, _ := strings.Cut(string(downloadVersion), "."); made != "" && made != major {
		return installation{}, fmt.Errorf("data folder: it was made by PostgreSQL %s, which is not installed; install it, or make clean starts anew", made)
	}
	downloaded, err := download(ctx, o, who)
	if err != nil {
		return installation{}, fmt.Errorf("no PostgreSQL %d or newer is installed, and the download failed: %w "+
			"(install PostgreSQL, or set DATABASE_URL to a running server's administrator)", oldest, err)
	}
	return downloaded, nil
}

func suitable(found []installation, made string) (installation, bool) {
	for _, i := range found {
		if made == "" || made == strconv.Itoa(i.major) {
			return i, true
		}
	}
	return installation{}, false
}

// Installed lists the servers on this machine that are new enough and have the
// extensions' files, newest first.
func Installed(ctx context.Context) []installation {
	var folders []string
	if path, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			folders = append(folders, filepath.Dir(real))
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin", "/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		matches, _ := filepath.Glob(pattern)
		folders = append(folders, matches...)
	}
	var found []installation
	for _, folder := range folders {
		if i, ok := inspect(ctx, folder); ok {
			found = append(found, i)
		}
	}
	slices.SortStableFunc(found, func(a, b installation) int { return b.major - a.major })
	return found
}

func inspect(ctx context.Context, folder string) (installation, bool) {
	i := installation{bin: folder}
	if _, err := os.Stat(i.program("initdb")); err != nil {
		return i, false
	}
	output, err := exec.CommandContext(ctx, i.program("postgres"), "--version").Output()
	if err != nil {
		return i, false
	}
	version := regexp.MustCompile(`(\d+)(?:\.\d+|\w+)*`).FindStringSubmatch(string(output))
	if version == nil {
		return i, false
	}
	i.version = version[0]
	i.major, _ = strconv.Atoi(version[1])
	return i, i.major >= oldest && i.hasExtensions(ctx)
}

// hasExtensions looks for contrib, which some systems package apart.
func (i installation) hasExtensions(ctx context.Context) bool {
	output, err := exec.CommandContext(ctx, i.program("pg_config"), "--sharedir").Output()
	if err != nil {
		return true
	}
	share := string(output[:max(0, len(output)-1)])
	for _, extension := range []string{"btree_gist", "pg_trgm", "unaccent"} {
		if _, err := os.Stat(filepath.Join(share, "extension", extension+".control")); err != nil {
			return false
		}
	}
	return true
}
