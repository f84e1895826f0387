package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/bench/drive"
)

// partRows is how many products go into one request.
const partRows = 50_000

// loading is what an import took.
type loading struct {
	products int
	elapsed  time.Duration
	server   time.Duration // CPU time of the catalog
	machine  time.Duration
	resident int64 // the most memory the catalog had, in bytes
}

func (l loading) rate() float64 { return float64(l.products) / l.elapsed.Seconds() }

// load sends the whole world through the imports that every caller has.
func load(ctx context.Context, s *drive.Server, token string, w *world, products, most int) (loading, error) {
	l := loading{products: products}
	if err := drive.ImportRows(ctx, s, token, "attributes", len(w.attributes), func(i int) any { return w.attributes[i] }); err != nil {
		return l, err
	}
	if err := drive.ImportRows(ctx, s, token, "categories", len(w.categories), func(i int) any { return w.categories[i] }); err != nil {
		return l, err
	}
	began, server, machine := time.Now(), drive.CPUOf(s.PID), drive.MachineCPU()
	for from := 0; from < products; from += partRows {
		n := min(partRows, products-from)
		if err := drive.ImportRows(ctx, s, token, "products", n, func(i int) any { return w.product(from+i, most) }); err != nil {
			return l, err
		}
		done := from + n
		fmt.Fprintf(os.Stderr, "  imported %d of %d products, %.0f a second\n", done, products, float64(done)/time.Since(began).Seconds())
	}
	l.elapsed, l.server, l.machine, l.resident = time.Since(began), drive.CPUOf(s.PID)-server, drive.MachineCPU()-machine, s.Resident()
	return l, nil
}

type stockRow struct {
	SKU      string `json:"sku"`
	Location string `json:"location"`
	OnHand   int    `json:"on_hand"`
}

// loadStock counts what is there of the products that are read one by one, so
// that their availability is not the word of an empty table.
func loadStock(ctx context.Context, s *drive.Server, token string, w *world, products int) error {
	var rows []stockRow
	for i := range min(products, coldSlugs) {
		for _, v := range w.product(i, 0).Variants {
			rows = append(rows, stockRow{SKU: v.SKU, Location: "bench", OnHand: i % 90})
		}
	}
	if err := drive.PutLocation(ctx, s, token, "bench"); err != nil {
		return err
	}
	return drive.ImportRows(ctx, s, token, "stock", len(rows), func(i int) any { return rows[i] })
}

// generation names what a database was filled by; another one is filled anew.
const generation = "bench-catalog 3"

const markSQL = `
create schema if not exists bench;
create table bench.loaded (generation text, products int, seconds float8, server float8, machine float8, resident bigint);
create table bench.answers (name text primary key, body bytea);
create table bench.rows (slug text primary key, body bytea);
grant usage on schema bench to catalog_fn;
grant select on bench.answers, bench.rows to catalog_fn`

// markLoaded notes that the database is filled, and lets PostgreSQL do what
// autovacuum does in its own time.
func markLoaded(ctx context.Context, conn *pgx.Conn, l loading) error {
	if _, err := conn.Exec(ctx, markSQL); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "  vacuum, as autovacuum would in its time")
	if _, err := conn.Exec(ctx, "vacuum (analyze)"); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, "insert into bench.loaded values ($1, $2, $3, $4, $5, $6)",
		generation, l.products, l.elapsed.Seconds(), l.server.Seconds(), l.machine.Seconds(), l.resident)
	return err
}

// loaded is what filled the database before, false when nothing did.
func loaded(ctx context.Context, conn *pgx.Conn, products int) (loading, bool) {
	l := loading{products: products}
	var elapsed, server, machine float64
	err := conn.QueryRow(ctx, "select seconds, server, machine, resident from bench.loaded where generation = $1 and products = $2",
		generation, products).Scan(&elapsed, &server, &machine, &l.resident)
	l.elapsed, l.server, l.machine = seconds(elapsed), seconds(server), seconds(machine)
	return l, err == nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
