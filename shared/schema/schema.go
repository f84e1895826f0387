// Package schema owns the database's shape: roles, and migrations that are
// applied in order by the migration Job or make migrate, never by a function.
package schema

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed roles.sql
var rolesSQL string

//go:embed migrations/*.sql
var migrations embed.FS

// Files is the migrations, for those who need to know when they change.
func Files() fs.FS { return migrations }

// Roles creates the roles and extensions that migrations rest on. The login
// needs the right to create roles; it may be repeated.
func Roles(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("roles: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.PgConn().Exec(ctx, rolesSQL).ReadAll(); err != nil {
		return fmt.Errorf("roles: %w", err)
	}
	return nil
}

// Step is one migration and whether it has been applied.
type Step struct {
	Version int64
	Name    string
	Applied bool
}

// Migrate applies what is missing, one transaction each, and tells report
// about each before it starts. Only one migrates at a time; others wait.
func Migrate(ctx context.Context, url string, report func(Step)) error {
	return withProvider(ctx, url, func(p *goose.Provider) error {
		for {
			next, err := nextStep(ctx, p)
			if err != nil || next == nil {
				return err
			}
			report(*next)
			if _, err := p.UpByOne(ctx); err != nil {
				return fmt.Errorf("migration %s: %w", next.Name, err)
			}
		}
	})
}

// Status lists all migrations in order.
func Status(ctx context.Context, url string) ([]Step, error) {
	var steps []Step
	err := withProvider(ctx, url, func(p *goose.Provider) error {
		all, err := p.Status(ctx)
		for _, s := range all {
			steps = append(steps, Step{Version: s.Source.Version, Name: s.Source.Path, Applied: s.State == goose.StateApplied})
		}
		return err
	})
	return steps, err
}

func nextStep(ctx context.Context, p *goose.Provider) (*Step, error) {
	all, err := p.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("migration status: %w", err)
	}
	for _, s := range all {
		if s.State == goose.StatePending {
			return &Step{Version: s.Source.Version, Name: s.Source.Path}, nil
		}
	}
	return nil, nil
}

func withProvider(ctx context.Context, url string, do func(*goose.Provider) error) error {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	// One connection, so that the role and the lock hold for all statements.
	db := stdlib.OpenDB(*cfg)
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	if err := prepare(ctx, db); err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, dir, goose.WithTableName("migration.applied"))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	return do(p)
}

func prepare(ctx context.Context, db *sql.DB) error {
	const asOwner = `set role product_owner`
	if _, err := db.ExecContext(ctx, asOwner); err != nil {
		return fmt.Errorf("become product_owner (has an administrator run the roles step?): %w", err)
	}
	// Held until the connection closes.
	const oneAtATime = `select pg_advisory_lock(hashtext('product-service migrations'))`
	_, err := db.ExecContext(ctx, oneAtATime)
	return err
}
