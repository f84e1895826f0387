package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/knative/local/issuer"
	"github.com/mallhive/product-service/shared/schema"
)

// stage is what the programs are started on: a migrated database with logins of
// their own, and a server that is issuer, broker and AWS.
type stage struct {
	admin    string
	name     string // of the database, and the beginning of its logins
	password string
	behind   string // address by which the programs reach the database, if not the server's
	version  string
	auth     string // how the server lets a login in
	issuer   *issuer.Issuer
	server   *httptest.Server // issuer, broker and AWS
}

const slug = "cold-start-kettle"

func openStage(ctx context.Context, admin string) (*stage, error) {
	if admin == "" {
		return nil, errors.New("TEST_DATABASE_URL is not set: make bench-cold gives it a server")
	}
	s := &stage{admin: admin, name: "cold_" + strings.ToLower(rand.Text()[:12]), password: rand.Text()}
	if err := s.onServer(ctx, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "create database "+s.name); err != nil {
			return err
		}
		return conn.QueryRow(ctx, "show server_version").Scan(&s.version)
	}); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) prepare(ctx context.Context) error {
	own := s.url(nil)
	if err := errors.Join(schema.Roles(ctx, own), schema.Migrate(ctx, own, func(schema.Step) {})); err != nil {
		return err
	}
	if err := s.onServer(ctx, func(conn *pgx.Conn) error {
		for _, function := range functions() {
			sql := fmt.Sprintf("create role %[1]s_%[2]s login password '%[3]s' in role %[2]s_fn", s.name, function, s.password)
			if _, err := conn.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	var err error
	if s.auth, err = s.authentication(ctx); err != nil {
		return err
	}
	mux := http.NewServeMux()
	s.server = httptest.NewServer(mux)
	if s.issuer, err = issuer.New(s.server.URL); err != nil {
		return err
	}
	mux.Handle("/", s.issuer.Handler())
	mux.HandleFunc("POST /secrets", s.answerSecret)
	mux.HandleFunc("POST /sts", answerRole)
	mux.HandleFunc("POST /broker", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	return nil
}

// authentication says whether the server asks for the password: a start on a
// trusting server is quicker than one in production.
func (s *stage) authentication(ctx context.Context) (string, error) {
	wrong := s.url(url.UserPassword(s.name+"_catalog", "wrong"))
	conn, err := pgx.Connect(ctx, wrong)
	if err != nil {
		return "password authentication", nil //nolint:nilerr // to be refused is the answer
	}
	return "trust", conn.Close(ctx)
}

func functions() []string { return []string{"catalog", "inventory", "events"} }

// url is the stage's database, as the administrator or as another.
func (s *stage) url(who *url.Userinfo) string {
	u, err := url.Parse(s.admin)
	if err != nil {
		return s.admin
	}
	u.Path = "/" + s.name
	if who != nil {
		u.User = who
	}
	return u.String()
}

func (s *stage) login(function string) string {
	u, err := url.Parse(s.url(url.UserPassword(s.name+"_"+function, s.password)))
	if err == nil && s.behind != "" {
		u.Host = s.behind
	}
	return u.String()
}

func (s *stage) onServer(ctx context.Context, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, s.admin)
	if err != nil {
		return fmt.Errorf("TEST_DATABASE_URL: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return do(conn)
}

func (s *stage) close() {
	if s.server != nil {
		s.server.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := s.onServer(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "drop database if exists "+s.name+" with (force)")
		for _, function := range functions() {
			_, dropped := conn.Exec(ctx, fmt.Sprintf("drop role if exists %s_%s", s.name, function))
			err = errors.Join(err, dropped)
		}
		return err
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "cold: the database is left behind:", err)
	}
}

// fill writes the product that is asked for, through the API.
func (s *stage) fill(ctx context.Context, catalog string) error {
	token, err := s.issuer.Token(issuer.Claims{Scopes: []string{"catalog:write"}})
	if err != nil {
		return err
	}
	p := program{name: "catalog", path: catalog, env: s.env("catalog", s.login("catalog")), method: http.MethodGet, target: "/v1/categories"}
	body := `{"slug":"` + slug + `","name":"Kettle","status":"active","options":["size"],"variants":[` +
		`{"sku":"COLD-1","options":{"size":"1 l"},"price":{"amount":1999,"currency":"USD"}},` +
		`{"sku":"COLD-2","options":{"size":"2 l"},"price":{"amount":2999,"currency":"USD"}}]}`
	_, err = p.run(ctx, func(_ *http.Request, session *session, _ *started) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, session.url+"/v1/products", bytes.NewReader([]byte(body)))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+token)
		return session.ask(req)
	})
	return err
}

// env is what a function is given in a cluster, but for the addresses.
func (s *stage) env(function, database string) []string {
	env := []string{
		"DATABASE_URL=" + database, "DATABASE_MAX_CONNS=4", "AUTH_ISSUERS=" + s.server.URL, "GOMEMLIMIT=150MiB", "GOGC=400",
		"K_SINK=" + s.server.URL + "/broker",
		"AUTH_SUBJECT_SCOPES=system:serviceaccount:order:order-service=inventory:lock",
		"K_SERVICE=" + function, "K_REVISION=" + function + "-00001",
	}
	if function != "catalog" {
		env = append(env, "EVENT_AUTH=oidc", "EVENT_AUDIENCE=product-service", "EVENT_SUBJECTS=system:serviceaccount:product-service:trigger")
	}
	return env
}

// programs are the functions, each with its request; then each with its login
// from Secrets Manager.
func (s *stage) programs(dir string) (bare program, others []program) {
	bare = program{name: "bare", path: filepath.Join(dir, "bare"), env: []string{"DATABASE_URL=" + s.login("catalog"), "GOMEMLIMIT=150MiB", "GOGC=400"},
		method: http.MethodGet, target: "/database"}
	asks := map[string]program{
		"catalog":   {method: http.MethodGet, target: "/v1/products/" + slug},
		"inventory": {method: http.MethodPost, target: "/v1/availability", body: `{"currency":"USD","lines":[{"sku":"COLD-1","quantity":1}]}`},
		"events": {method: http.MethodPost, target: "/v1/interactions",
			body: `{"interactions":[{"type":"view","sku":"COLD-1","session_id":"cold","consent":true}]}`},
	}
	for _, function := range functions() {
		p := asks[function]
		p.name, p.path, p.env = function, filepath.Join(dir, function), s.env(function, s.login(function))
		others = append(others, p)
	}
	for _, function := range functions() {
		p := asks[function]
		p.name, p.path = function+" by secret", filepath.Join(dir, function)
		p.env = append(s.env(function, ""), s.awsEnv(dir, function)...)
		others = append(others, p)
	}
	return bare, others
}

// address is where the database's server listens.
func (s *stage) address() string {
	u, err := url.Parse(s.admin)
	if err != nil {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = "5432"
	}
	return net.JoinHostPort(u.Hostname(), port)
}
