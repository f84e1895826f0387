// Package stage is what benchmarks run the shipped functions on: a migrated
// database with a login for each function, a server that is issuer and broker,
// and binaries built as the images have them.
package stage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/knative/local/issuer"
	"github.com/mallhive/product-service/shared/schema"
)

// Options say what a stage is made of.
type Options struct {
	Admin string // URL of a server on which databases and logins may be made
	Name  string // of the database, and the beginning of its logins; letters, digits, _
	Keep  bool   // a database that is there is used, and left behind
	// Handle adds to what the server answers, if not nil.
	Handle func(*http.ServeMux)
}

// Stage is a place to run functions in.
type Stage struct {
	Name    string
	Version string // of PostgreSQL
	Auth    string // how the server lets a login in
	Behind  string // address by which the functions reach the database, if not the server's
	Issuer  *issuer.Issuer
	Server  *httptest.Server

	options  Options
	password string
}

// Functions are the programs of the product.
func Functions() []string { return []string{"catalog", "inventory", "events"} }

// Open makes a stage; Close takes it down.
func Open(ctx context.Context, o Options) (*Stage, error) {
	if o.Admin == "" {
		return nil, errors.New("TEST_DATABASE_URL is not set: make gives it a server")
	}
	s := &Stage{Name: o.Name, options: o, password: rand.Text()}
	if err := s.onServer(ctx, func(conn *pgx.Conn) error {
		var there bool
		if err := conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1)", s.Name).Scan(&there); err != nil {
			return err
		}
		if !there {
			if _, err := conn.Exec(ctx, "create database "+s.Name); err != nil {
				return err
			}
		}
		return conn.QueryRow(ctx, "show server_version").Scan(&s.Version)
	}); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stage) prepare(ctx context.Context) error {
	own := s.URL(nil)
	if err := errors.Join(schema.Roles(ctx, own), schema.Migrate(ctx, own, func(schema.Step) {})); err != nil {
		return err
	}
	if err := s.onServer(ctx, s.makeLogins); err != nil {
		return err
	}
	var err error
	if s.Auth, err = s.authentication(ctx); err != nil {
		return err
	}
	mux := http.NewServeMux()
	s.Server = httptest.NewServer(mux)
	if s.Issuer, err = issuer.New(s.Server.URL); err != nil {
		return err
	}
	mux.Handle("/", s.Issuer.Handler())
	mux.HandleFunc("POST /broker", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	if s.options.Handle != nil {
		s.options.Handle(mux)
	}
	return nil
}

func (s *Stage) makeLogins(conn *pgx.Conn) error {
	ctx := context.Background()
	for _, function := range Functions() {
		sql := fmt.Sprintf("drop role if exists %[1]s_%[2]s; create role %[1]s_%[2]s login password '%[3]s' in role %[2]s_fn", s.Name, function, s.password)
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// authentication says whether the server asks for the password: a start on a
// trusting server is quicker than one in production.
func (s *Stage) authentication(ctx context.Context) (string, error) {
	wrong := s.URL(url.UserPassword(s.Name+"_catalog", "wrong"))
	conn, err := pgx.Connect(ctx, wrong)
	if err != nil {
		return "password authentication", nil //nolint:nilerr // to be refused is the answer
	}
	return "trust", conn.Close(ctx)
}

// URL is the stage's database, as the administrator or as another.
func (s *Stage) URL(who *url.Userinfo) string {
	u, err := url.Parse(s.options.Admin)
	if err != nil {
		return s.options.Admin
	}
	u.Path = "/" + s.Name
	if who != nil {
		u.User = who
	}
	return u.String()
}

// Password is every login's.
func (s *Stage) Password() string { return s.password }

// Login is the stage's database as a function reaches it.
func (s *Stage) Login(function string) string {
	u, err := url.Parse(s.URL(url.UserPassword(s.Name+"_"+function, s.password)))
	if err == nil && s.Behind != "" {
		u.Host = s.Behind
	}
	return u.String()
}

// Env is what a function is given in a cluster, but for the addresses.
func (s *Stage) Env(function, database string) []string {
	env := []string{
		"DATABASE_URL=" + database, "DATABASE_MAX_CONNS=4", "AUTH_ISSUERS=" + s.Server.URL, "GOMEMLIMIT=150MiB", "GOGC=400",
		"K_SINK=" + s.Server.URL + "/broker",
		"AUTH_SUBJECT_SCOPES=system:serviceaccount:order:order-service=inventory:lock",
		"K_SERVICE=" + function, "K_REVISION=" + function + "-00001",
	}
	if function != "catalog" {
		env = append(env, "EVENT_AUTH=oidc", "EVENT_AUDIENCE=product-service", "EVENT_SUBJECTS=system:serviceaccount:product-service:trigger")
	}
	return env
}

// Address is where the database's server listens.
func (s *Stage) Address() string {
	u, err := url.Parse(s.options.Admin)
	if err != nil {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = "5432"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func (s *Stage) onServer(ctx context.Context, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, s.options.Admin)
	if err != nil {
		return fmt.Errorf("TEST_DATABASE_URL: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return do(conn)
}

// Close takes the stage down; what it cannot remove it tells.
func (s *Stage) Close() {
	if s.Server != nil {
		s.Server.Close()
	}
	if s.options.Keep {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := s.onServer(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "drop database if exists "+s.Name+" with (force)")
		for _, function := range Functions() {
			_, dropped := conn.Exec(ctx, fmt.Sprintf("drop role if exists %s_%s", s.Name, function))
			err = errors.Join(err, dropped)
		}
		return err
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "the database "+s.Name+" is left behind:", err)
	}
}

// BuildAsShipped compiles packages of this module into dir as the images are
// built: no cgo, no paths, no symbols.
func BuildAsShipped(ctx context.Context, dir string, packages ...string) error {
	return Build(ctx, dir, []string{"-trimpath", "-ldflags=-s -w"}, packages, "CGO_ENABLED=0")
}

// Build compiles packages of this module into dir.
func Build(ctx context.Context, dir string, flags, packages []string, env ...string) error {
	const module = "github.com/mallhive/product-service/"
	args := slices.Concat([]string{"build", "-o", dir + string(filepath.Separator)}, flags)
	for _, p := range packages {
		args = append(args, module+p)
	}
	c := exec.CommandContext(ctx, "go", args...)
	c.Env = append(os.Environ(), env...)
	if output, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, strings.TrimSpace(string(output)))
	}
	return nil
}

// FreePort is one that nobody listens on now, below those that systems give to
// outgoing connections: one of these could be taken before it is used.
func FreePort(ctx context.Context) (int, error) {
	const first, count, tries = 12000, 20000, 100
	var err error
	for range tries {
		var listener net.Listener
		port := first + mathrand.IntN(count) //nolint:gosec // not secret
		if listener, err = new(net.ListenConfig).Listen(ctx, "tcp", ":"+strconv.Itoa(port)); err == nil {
			return port, listener.Close()
		}
	}
	return 0, err
}
