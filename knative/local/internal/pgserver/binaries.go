package pgserver

import (
	"context"
	"fmt"
	"os"
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

func (i installation) program(name string) string { return filepath.Join(i.bin, name) }

// layout is where a machine keeps its PostgreSQL.
type layout struct {
	root string // of the file system
	path string // as in PATH
}

func thisMachine() *layout { return &layout{root: "/", path: os.Getenv("PATH")} }

// folders are where Debian, Red Hat, Alpine, Homebrew, MacPorts and
// Postgres.app put the programs of each version.
func folders() []string {
	return []string{
		"usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "usr/libexec/postgresql*", "opt/local/lib/postgresql*/bin",
		"opt/homebrew/opt/postgresql*/bin", "usr/local/opt/postgresql*/bin", "home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
		"Applications/Postgres.app/Contents/Versions/*/bin",
	}
}

// binaries finds a server that can read the data: installed, or downloaded.
func binaries(ctx context.Context, o Options, who user) (installation, error) {
	made, err := dataVersion(filepath.Join(who.dir, "data"))
	if err != nil {
		return installation{}, err
	}
	if bin, ok := suitable(o.machine.installed(ctx, who), made); ok {
		return bin, nil
	}
	keep := who
	if o.keep != "" {
		if keep, err = runAs(o.keep); err != nil {
			return installation{}, err
		}
	}
	if earlier, ok := inspect(ctx, filepath.Join(keep.dir, "server", "bin"), who); ok {
		if bin, ok := suitable([]installation{earlier}, made); ok {
			return bin, nil
		}
	}
	if major, _, _ := strings.Cut(string(downloadVersion), "."); made != "" && made != major {
		return installation{}, fmt.Errorf("data folder: it was made by PostgreSQL %s, which is not installed; install it, or make clean starts anew", made)
	}
	downloaded, err := download(ctx, o, keep)
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

// installed lists the servers that are new enough, have the extensions' files
// and can be run by this user, newest first.
func (l layout) installed(ctx context.Context, who user) []installation {
	var candidates []string
	for _, folder := range filepath.SplitList(l.path) {
		if real, err := filepath.EvalSymlinks(filepath.Join(folder, "postgres")); err == nil {
			candidates = append(candidates, filepath.Dir(real))
		}
	}
	for _, pattern := range folders() {
		matches, _ := filepath.Glob(filepath.Join(l.root, pattern))
		candidates = append(candidates, matches...)
	}
	var found []installation
	for _, folder := range candidates {
		if i, ok := inspect(ctx, folder, who); ok {
			found = append(found, i)
		}
	}
	slices.SortStableFunc(found, func(a, b installation) int { return b.major - a.major })
	return found
}

// inspect asks the programs as the user that would run them: what lies below
// somebody's home may be out of reach.
func inspect(ctx context.Context, folder string, who user) (installation, bool) {
	i := installation{bin: folder}
	if _, err := os.Stat(i.program("initdb")); err != nil {
		return i, false
	}
	output, err := run(ctx, who.command(i.program("postgres"), "--version"))
	if err != nil {
		return i, false
	}
	version := regexp.MustCompile(`(\d+)(?:\.\d+|\w+)*`).FindStringSubmatch(string(output))
	if version == nil {
		return i, false
	}
	i.version = version[0]
	i.major, _ = strconv.Atoi(version[1])
	return i, i.major >= oldest && i.hasExtensions(ctx, who)
}

// hasExtensions looks for contrib, which some systems package apart.
func (i installation) hasExtensions(ctx context.Context, who user) bool {
	output, err := run(ctx, who.command(i.program("pg_config"), "--sharedir"))
	if err != nil {
		return true
	}
	share := strings.TrimSpace(string(output))
	for _, extension := range []string{"btree_gist", "pg_trgm", "unaccent"} {
		if _, err := os.Stat(filepath.Join(share, "extension", extension+".control")); err != nil {
			return false
		}
	}
	return true
}
