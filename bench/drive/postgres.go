package drive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres is the server as a benchmark sees it: its administrator's connection
// to a database, and the CPU time of its processes.
type Postgres struct {
	Conn *pgx.Conn
	Disk string // what the data lies on

	pid int // of the postmaster; 0 on another machine
}

// OpenPostgres connects as NewPostgres wants it.
func OpenPostgres(ctx context.Context, url string) (*Postgres, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	p, err := NewPostgres(ctx, conn)
	if err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return p, nil
}

// NewPostgres looks at the server behind a connection, and refuses one that can
// lose what it confirmed.
func NewPostgres(ctx context.Context, conn *pgx.Conn) (*Postgres, error) {
	p := &Postgres{Conn: conn, Disk: "a disk of another machine"}
	return p, p.look(ctx)
}

// Close ends the connection.
func (p *Postgres) Close() { _ = p.Conn.Close(context.Background()) }

func (p *Postgres) look(ctx context.Context) error {
	for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		var value string
		if err := p.Conn.QueryRow(ctx, "select current_setting($1)", setting).Scan(&value); err != nil {
			return err
		}
		if value != "on" {
			return fmt.Errorf("%s is %s: figures of a server that can lose what it confirmed say nothing; "+
				"make starts a durable one, or set it to on and try again", setting, value)
		}
	}
	var pid, dir string
	if err := p.Conn.QueryRow(ctx, "select split_part(pg_read_file('postmaster.pid'), e'\\n', 1), current_setting('data_directory')").Scan(&pid, &dir); err != nil {
		return fmt.Errorf("the administrator's login may not read the server's files: %w", err)
	}
	name, _ := os.ReadFile(filepath.Join("/proc", pid, "comm"))
	if strings.TrimSpace(string(name)) == "postgres" {
		p.pid, _ = strconv.Atoi(pid)
		p.Disk = fileSystem(dir)
	}
	return nil
}

// fileSystem is the kind of the mount that a folder lies on.
func fileSystem(dir string) string {
	text, _ := os.ReadFile("/proc/mounts")
	kind, longest := "an unknown file system", -1
	for row := range strings.Lines(string(text)) {
		fields := strings.Fields(row)
		if len(fields) < 3 {
			continue
		}
		inside, err := filepath.Rel(fields[1], dir)
		if err == nil && filepath.IsLocal(inside) && len(fields[1]) > longest {
			kind, longest = fields[2], len(fields[1])
		}
	}
	return kind
}

// CPU is the time that the server's processes have used; 0 on another machine.
func (p *Postgres) CPU() time.Duration {
	if p.pid == 0 {
		return 0
	}
	return FamilyCPU(p.pid)
}

// Checkpoint lets no window pay for another's pages.
func (p *Postgres) Checkpoint(ctx context.Context) error {
	_, err := p.Conn.Exec(ctx, "checkpoint")
	return err
}
