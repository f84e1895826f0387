package main

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

	"github.com/mallhive/product-service/bench/drive"
)

// database is the server as the benchmark sees it.
type database struct {
	conn *pgx.Conn
	pid  int    // of the postmaster; 0 on another machine
	disk string // the kind of file system the data lies on, if it is known
}

func openDatabase(ctx context.Context, url string) (*database, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	d := &database{conn: conn}
	if err := d.look(ctx); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return d, nil
}

func (d *database) close() { _ = d.conn.Close(context.Background()) }

func (d *database) look(ctx context.Context) error {
	for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		var value string
		if err := d.conn.QueryRow(ctx, "select current_setting($1)", setting).Scan(&value); err != nil {
			return err
		}
		if value != "on" {
			return fmt.Errorf("%s is %s: figures of a server that can lose what it confirmed say nothing; "+
				"make bench-inventory starts a durable one, or set it to on and try again", setting, value)
		}
	}
	var pid, dir string
	if err := d.conn.QueryRow(ctx, "select split_part(pg_read_file('postmaster.pid'), e'\\n', 1), current_setting('data_directory')").Scan(&pid, &dir); err != nil {
		return fmt.Errorf("the administrator's login may not read the server's files: %w", err)
	}
	name, _ := os.ReadFile(filepath.Join("/proc", pid, "comm"))
	if strings.TrimSpace(string(name)) == "postgres" {
		d.pid, _ = strconv.Atoi(pid)
		d.disk = fileSystem(dir)
	}
	return nil
}

// fileSystem is the kind of the mount that a folder lies on; "" where /proc does
// not tell.
func fileSystem(dir string) string {
	text, _ := os.ReadFile("/proc/mounts")
	kind, longest := "", -1
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

func (d *database) cpu() time.Duration {
	if d.pid == 0 {
		return 0
	}
	return drive.FamilyCPU(d.pid)
}

// checkpoint lets no window pay for another's pages.
func (d *database) checkpoint(ctx context.Context) error {
	_, err := d.conn.Exec(ctx, "checkpoint")
	return err
}

// rows are what orders of a window have left in the tables of a schema.
type rows struct {
	locked, rejected, others int64
	lines, movements         int64
	transactions             int64 // that decided them
}

const countRows = `
select
	count(*) filter (where state = 'locked'),
	count(*) filter (where state = 'rejected'),
	count(*) filter (where state not in ('locked', 'rejected')),
	(select count(*) from %[1]s.reservation_lines where order_id >= $1 and order_id < $2 and held = 1),
	(select count(*) from %[1]s.movements where request >= $1 and request < $2 and kind = 'reserve'),
	count(distinct xmin::text)
from %[1]s.reservations
where order_id >= $1 and order_id < $2`

func (d *database) find(ctx context.Context, schema, window string) (rows, error) {
	var r rows
	err := d.conn.QueryRow(ctx, fmt.Sprintf(countRows, schema), window+"-", window+".").
		Scan(&r.locked, &r.rejected, &r.others, &r.lines, &r.movements, &r.transactions)
	if err != nil {
		return r, fmt.Errorf("count what %s left: %w", window, err)
	}
	return r, nil
}

const bookSQL = `
select coalesce(sum(l.reserved), 0)::bigint, coalesce(sum(r.held), 0)::bigint
from reference.levels l
full join (select sku, location, sum(held) as held from reference.reservation_lines group by sku, location) r using (sku, location)`

// auditReference makes sure that the reference has kept its books too.
func (d *database) auditReference(ctx context.Context) error {
	var reserved, held int64
	if err := d.conn.QueryRow(ctx, bookSQL).Scan(&reserved, &held); err != nil {
		return err
	}
	if reserved != held {
		return fmt.Errorf("the reference has %d reserved and %d held", reserved, held)
	}
	return nil
}
