package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/internal/pgserver"
	"github.com/mallhive/product-service/knative/local/internal/process"
	"github.com/mallhive/product-service/knative/local/issuer"
	"github.com/mallhive/product-service/knative/local/manifest"
)

// variable says how often everything is broken.
const variable = "FAULTS"

const (
	// requestTimeout is short, so that a hung database is felt soon.
	requestTimeout = 3 * time.Second
	// maxConns is DATABASE_MAX_CONNS of each function.
	maxConns = 4
	// within bounds how long anything may take to come right again. It is a
	// bound for machines that are busy with other things, not an expectation.
	within = 60 * time.Second
)

// world is the whole service on this machine, with a way to break each part.
type world struct {
	t        *testing.T
	dir      string
	bin      string // the programs
	manifest *manifest.Stack
	issuer   *issuer.Issuer
	token    string

	pg     *pgserver.Server
	pgPort int
	link   *toxiproxy.Proxy // between the functions and PostgreSQL
	line   *line            // before the link
	owner  *pgxpool.Pool    // straight to PostgreSQL, as its administrator

	edge     *edge // in front of inventory
	gate     *gate // in front of the broker
	edgeURL  string
	gateURL  string
	recorder *recorder
	sinksURL string
	frontURL string

	instances map[string]int              // of functions that have more than one
	copies    int                         // how often the broker delivers an event at most
	functions map[string]*process.Process // by the names of instances
	ports     map[string]int
}

// newWorld starts everything; what it started ends with the test. prepare is
// done before anything is started.
func newWorld(t *testing.T, prepare ...func(w *world)) *world {
	t.Helper()
	w := &world{t: t, instances: map[string]int{}, functions: map[string]*process.Process{}, ports: map[string]int{}}
	// Not t.TempDir: PostgreSQL's user must be able to enter.
	var err error
	w.dir, err = os.MkdirTemp("", "product-service-faults-")
	require.NoError(t, err)
	t.Cleanup(func() {
		if !t.Failed() {
			_ = os.RemoveAll(w.dir)
		}
	})
	require.NoError(t, os.Chmod(w.dir, 0o755))
	w.manifest, err = manifest.Read("../..")
	require.NoError(t, err)
	w.bin, err = programs()
	require.NoError(t, err)
	for _, do := range prepare {
		do(w)
	}
	w.pgPort = w.freePort()
	w.startPostgres()
	t.Cleanup(func() { _ = w.pg.Stop() })
	w.prepareDatabase()
	w.startLink()
	w.startEdges()
	for _, f := range w.manifest.Functions {
		for _, name := range w.namesOf(f.Name) {
			w.start(name)
		}
	}
	t.Cleanup(func() {
		for _, p := range w.functions {
			if t.Failed() { // for its goroutines, which go to its log
				_ = syscall.Kill(p.Pid(), syscall.SIGQUIT)
			}
			p.Stop(10 * time.Second)
		}
		if t.Failed() {
			t.Logf("everything is kept in %s: logs, goroutines, data", w.dir)
		}
	})
	return w
}

// run is a part of the test that owns what fails in it.
func (w *world) run(name string, do func(t *testing.T)) {
	whole := w.t
	defer func() { w.t = whole }()
	whole.Run(name, func(t *testing.T) {
		w.t = t
		do(t)
	})
}

// programs compiles what the manifests name, once for all worlds.
var programs = sync.OnceValues(func() (string, error) {
	m, err := manifest.Read("../..")
	if err != nil {
		return "", err
	}
	packages := []string{m.Migrate}
	for _, f := range m.Functions {
		packages = append(packages, f.Package)
	}
	dir, err := os.MkdirTemp("", "product-service-faults-bin-")
	if err != nil {
		return "", err
	}
	output, err := exec.Command("go", append([]string{"build", "-o", dir + "/"}, packages...)...).CombinedOutput()
	if err != nil {
		return dir, fmt.Errorf("%w: %s", err, output)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	zerolog.SetGlobalLevel(zerolog.Disabled) // toxics tell all they do
	code := m.Run()
	if os.Getenv(variable) != "" {
		report.print(os.Stdout)
		dir, _ := programs()
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

func (w *world) freePort() int {
	port, err := pgserver.FreePort(context.Background())
	require.NoError(w.t, err)
	return port
}

// startPostgres starts the server, also on data that a crash left behind.
func (w *world) startPostgres() {
	w.t.Helper()
	options := pgserver.Options{Dir: filepath.Join(w.dir, "postgres"), Port: w.pgPort, Say: w.t.Logf}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	var err error
	w.eventually("PostgreSQL starts", func() bool { // what a killed one left in memory may be in use for a moment
		var server *pgserver.Server
		if server, err = pgserver.Start(ctx, options); err == nil {
			w.pg = server
		}
		return err == nil || ctx.Err() != nil
	})
	require.NoError(w.t, err)
	if w.owner != nil {
		w.owner.Reset() // what it had open ended with the server
	}
}

const password = "faults"

// recordSQL keeps the id of every event that a commit put into the outbox: an
// insert that is rolled back takes its note with it.
const recordSQL = `
create schema if not exists faults;
create table if not exists faults.appended (id text, type text);
create or replace function faults.note() returns trigger language plpgsql security definer as
    $$ begin insert into faults.appended values (new.id, new.type); return null; end $$;
create or replace trigger note after insert on events.outbox for each row execute function faults.note()`

func (w *world) prepareDatabase() {
	for _, step := range []string{"roles", "up"} {
		c := exec.Command(filepath.Join(w.bin, path.Base(w.manifest.Migrate)), step)
		c.Env = append(os.Environ(), "DATABASE_URL="+w.pg.URL(), "DATABASE_SECRET_ID=")
		output, err := c.CombinedOutput()
		require.NoError(w.t, err, "%s", output)
	}
	ctx := context.Background()
	var err error
	w.owner, err = pgxpool.New(ctx, w.pg.URL())
	require.NoError(w.t, err)
	w.t.Cleanup(w.owner.Close)
	w.exec(recordSQL)
	for _, f := range w.manifest.Functions {
		w.exec(fmt.Sprintf("create role %[1]s_app login password '%[2]s' in role %[1]s_fn", f.Name, password))
	}
}

func (w *world) exec(sql string) {
	w.t.Helper()
	_, err := w.owner.Exec(context.Background(), sql)
	require.NoError(w.t, err)
}

// count is a number that the database has.
func (w *world) count(sql string, args ...any) int {
	w.t.Helper()
	var n int
	w.eventually("the database counts", func() bool { // it may be standing up
		return w.owner.QueryRow(context.Background(), sql, args...).Scan(&n) == nil
	})
	return n
}
