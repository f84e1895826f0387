// Package testdb gives each test a database of its own: a clone of a template
// that was migrated once. Tests run in parallel and leave nothing behind.
package testdb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/schema"
)

// Variable names the administrator's connection string of the server to use.
const Variable = "TEST_DATABASE_URL"

const password = "test"

// Database is one test's own.
type Database struct {
	name  string
	admin string
	test  testing.TB
	once  sync.Once
	owner *pgxpool.Pool
}

// New clones the template and drops the clone when the test ends.
func New(t testing.TB) *Database {
	t.Helper()
	admin := os.Getenv(Variable)
	if admin == "" {
		t.Fatalf("%s is not set: run the tests with make test, or one package with make test PKG=./shared/web", Variable)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, admin)
	require.NoError(t, err, "connect to %s", Variable)
	defer func() { _ = conn.Close(context.Background()) }()
	template := ensureTemplate(ctx, t, conn, admin)
	name := "test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	// WAL_LOG copies page by page, which is quicker for a small template.
	_, err = conn.Exec(ctx, fmt.Sprintf("create database %s template %s strategy wal_log", name, template))
	require.NoError(t, err)
	// A clone has not the template's rights, but what everybody has by default.
	_, err = conn.Exec(ctx, fmt.Sprintf("revoke all on database %s from public", name))
	require.NoError(t, err)
	_, err = conn.Exec(ctx, fmt.Sprintf("grant connect on database %s to product_owner, catalog_fn, inventory_fn, events_fn", name))
	require.NoError(t, err)
	t.Cleanup(func() { drop(t, admin, name) })
	return &Database{name: name, admin: admin, test: t}
}

// Pool connects as a login member of the function's role, so that every test
// has the rights that production has and no more.
func (d *Database) Pool(t testing.TB, function string) *postgres.Pool {
	t.Helper()
	o := postgres.Options{
		Logins: postgres.Fixed(d.URL(function)), Application: function,
		MaxConns: 16, StatementTimeout: 30 * time.Second,
	}
	if function == "inventory" {
		o.Planning = postgres.ByIndex
	}
	pool, err := postgres.Open(context.Background(), o)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// URL is the connection string of the function's login, or of the owner's.
func (d *Database) URL(role string) string {
	u, _ := url.Parse(d.admin)
	u.Path = "/" + d.name
	u.User = url.UserPassword("test_"+role, password)
	return u.String()
}

// Owner connects as the owner of all objects: to age rows and to look. It is one
// pool for the database, whoever asks.
func (d *Database) Owner(t testing.TB) *pgxpool.Pool {
	t.Helper()
	d.once.Do(func() {
		cfg, err := pgxpool.ParseConfig(d.URL("owner"))
		require.NoError(t, err)
		cfg.ConnConfig.RuntimeParams["role"] = "product_owner"
		cfg.MaxConns = 8 // more than one test holds open at a time
		d.owner, err = pgxpool.NewWithConfig(context.Background(), cfg)
		require.NoError(t, err)
		d.test.Cleanup(d.owner.Close)
	})
	return d.owner
}

func ensureTemplate(ctx context.Context, t testing.TB, conn *pgx.Conn, admin string) string {
	t.Helper()
	name := "template_" + fingerprint(t)
	_, err := conn.Exec(ctx, `select pg_advisory_lock(hashtext('product-service test template'))`)
	require.NoError(t, err)
	defer func() {
		_, _ = conn.Exec(context.Background(), `select pg_advisory_unlock(hashtext('product-service test template'))`)
	}()
	var there bool
	require.NoError(t, conn.QueryRow(ctx, `select exists (select from pg_database where datname = $1)`, name).Scan(&there))
	if there {
		return name
	}
	// Built under another name, so that an interrupted build is never used.
	building := name + "_building"
	for _, sql := range []string{"drop database if exists " + building + " with (force)", "create database " + building} {
		_, err = conn.Exec(ctx, sql)
		require.NoError(t, err)
	}
	u, err := url.Parse(admin)
	require.NoError(t, err)
	u.Path = "/" + building
	require.NoError(t, schema.Roles(ctx, u.String()))
	require.NoError(t, schema.Migrate(ctx, u.String(), func(schema.Step) {}))
	for _, role := range []string{"catalog", "inventory", "events", "owner"} {
		_, err = conn.Exec(ctx, login(role))
		require.NoError(t, err)
	}
	_, err = conn.Exec(ctx, fmt.Sprintf("alter database %s rename to %s", building, name))
	require.NoError(t, err)
	return name
}

func login(role string) string {
	group := role + "_fn"
	if role == "owner" {
		group = "product_owner"
	}
	return fmt.Sprintf(`do $$ begin
		if not exists (select from pg_roles where rolname = 'test_%[1]s') then
			create role test_%[1]s login password '%[2]s' in role %[3]s;
		end if;
	end $$`, role, password, group)
}

// fingerprint changes with the migrations and the roles: each version of the
// schema has a template of its own.
func fingerprint(t testing.TB) string {
	t.Helper()
	sum := sha256.New()
	_ = fs.WalkDir(schema.Files(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(schema.Files(), path)
		sum.Write([]byte(path))
		sum.Write(b)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

func drop(t testing.TB, admin, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, admin)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(ctx, fmt.Sprintf("drop database if exists %s with (force)", name))
	require.NoError(t, err)
}
