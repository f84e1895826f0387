package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/bench/drive"
	"github.com/mallhive/product-service/bench/stage"
	"github.com/mallhive/product-service/knative/local/issuer"
)

// result is all that was measured with one number of products.
type result struct {
	products  int
	loading   loading
	duels     []duel
	latencies []latency
	pgbench   float64
}

// measure fills a database with products, unless it is filled, and measures.
func measure(ctx context.Context, dir string, products, most int, keep bool, only string) (result, error) {
	r := result{products: products}
	name := fmt.Sprintf("bench_catalog_%d", products)
	if most > 0 {
		name += fmt.Sprintf("_%d", most)
	}
	s, err := stage.Open(ctx, stage.Options{Admin: os.Getenv("TEST_DATABASE_URL"), Name: name, Keep: keep})
	if err != nil {
		return r, err
	}
	defer s.Close()
	if err := stage.BuildAsShipped(ctx, dir, "functions/catalog", "functions/inventory"); err != nil {
		return r, err
	}
	own, err := drive.Serve(ctx, "catalog", filepath.Join(dir, "catalog"), append(s.Env("catalog", s.Login("catalog")), "PUBLIC_RATE_LIMIT=0"))
	if err != nil {
		return r, err
	}
	defer own.Stop()
	conn, err := pgx.Connect(ctx, s.URL(nil))
	if err != nil {
		return r, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	w := newWorld(products, 1)
	if err := r.fill(ctx, s, conn, own, w, most, filepath.Join(dir, "inventory")); err != nil {
		return r, err
	}
	return r, r.run(ctx, s, conn, own, w, only)
}

func (r *result) fill(ctx context.Context, s *stage.Stage, conn *pgx.Conn, own *drive.Server, w *world, most int, inventory string) error {
	var there bool
	if r.loading, there = loaded(ctx, conn, r.products); there {
		fmt.Fprintf(os.Stderr, "%d products: filled before, used again\n", r.products)
		return nil
	}
	fmt.Fprintf(os.Stderr, "%d products: filling the database\n", r.products)
	token, err := s.Issuer.Token(issuer.Claims{Scopes: []string{"catalog:write", "inventory:write"}})
	if err != nil {
		return err
	}
	if r.loading, err = load(ctx, own, token, w, r.products, most); err != nil {
		return err
	}
	counts, err := drive.Serve(ctx, "inventory", inventory, s.Env("inventory", s.Login("inventory")))
	if err != nil {
		return err
	}
	defer counts.Stop()
	if err := loadStock(ctx, counts, token, w, r.products); err != nil {
		return err
	}
	return markLoaded(ctx, conn, r.loading)
}

func (r *result) run(ctx context.Context, s *stage.Stage, conn *pgx.Conn, own *drive.Server, w *world, only string) error {
	if err := r.fightAll(ctx, s, conn, own, w, only); err != nil {
		return err
	}
	for _, c := range []struct {
		name string
		list []question
	}{
		{"category page, cold", w.plainPages()},
		{"category page, two attributes and a price range, cold", w.narrowPages()},
		{"text search, cold", w.searches(r.products)},
	} {
		if !strings.Contains(c.name, only) {
			continue
		}
		l, err := interrogate(ctx, c.name, own, c.list)
		if err != nil {
			return err
		}
		r.latencies = append(r.latencies, l)
	}
	return nil
}

// fightAll measures what has its like in the bare program.
func (r *result) fightAll(ctx context.Context, s *stage.Stage, conn *pgx.Conn, own *drive.Server, w *world, only string) error {
	page := "/v1/products?" + url.Values{"category": {w.kinds[3].slug}, "brand": {w.brands[0], w.brands[1]}, "facets": {"true"}, "limit": {"24"}}.Encode()
	hot := "/v1/products/" + slugOf(7)
	n := min(r.products, coldSlugs)
	if err := copyAnswers(ctx, conn, own, n, map[string]string{"product": hot, "page": page}); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	bare, err := drive.Serve(ctx, "bare", self, []string{"DATABASE_URL=" + s.Login("catalog")}, "-bare")
	if err != nil {
		return err
	}
	defer bare.Stop()
	always := func(target string) func(int64) string { return func(int64) string { return target } }
	order := rand.New(rand.NewPCG(1, 1)).Perm(n) //nolint:gosec // repeatable, not secret
	slug := func(i int64) string { return slugOf(order[i%int64(n)]) }
	for _, c := range []struct {
		name      string
		own, bare func(int64) string
	}{
		{"one product, hot", always(hot), always("/bytes/product")},
		{"one product, cold", func(i int64) string { return "/v1/products/" + slug(i) }, func(i int64) string { return "/row/" + slug(i) }},
		{"category page, hot", always(page), always("/bytes/page")},
	} {
		if !strings.Contains(c.name, only) {
			continue
		}
		d, err := fight(ctx, c.name, own, bare, c.own, c.bare)
		if err != nil {
			return err
		}
		r.duels = append(r.duels, d)
	}
	r.pgbench, err = pgbench(ctx, s.URL(url.UserPassword(s.Name+"_catalog", s.Password())))
	return err
}

// copyAnswers lets the bare program have the very bytes that the catalog sends.
func copyAnswers(ctx context.Context, conn *pgx.Conn, own *drive.Server, products int, answers map[string]string) error {
	line, err := drive.Dial(ctx, own.Address)
	if err != nil {
		return err
	}
	defer line.Close()
	if _, err := conn.Exec(ctx, "truncate bench.answers, bench.rows"); err != nil {
		return err
	}
	for name, target := range answers {
		var body bytes.Buffer
		if err := line.Get(target, &body); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, "insert into bench.answers values ($1, $2)", name, body.Bytes()); err != nil {
			return err
		}
	}
	_, err = conn.CopyFrom(ctx, pgx.Identifier{"bench", "rows"}, []string{"slug", "body"}, pgx.CopyFromSlice(products, func(i int) ([]any, error) {
		var body bytes.Buffer
		err := line.Get("/v1/products/"+slugOf(i), &body)
		return []any{slugOf(i), body.Bytes()}, err
	}))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "analyze bench.rows")
	return err
}

func (r result) print() error {
	w := drive.Table()
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	l := r.loading
	say("\n%d products\tproducts/s\tCPU ms a product, catalog\tmachine\tmost memory\t\n", r.products)
	say("import\t%.0f\t%s\t%s\t%.0f MiB\t\n", l.rate(), drive.MS(l.server/atLeastOne(l.products)), drive.MS(l.machine/atLeastOne(l.products)), float64(l.resident)/(1<<20))
	say("\n%d connections, %d rounds of %s\trequests/s\tbare\tof bare (lowest–highest)\tCPU µs a request\tbare\tmachine\tbare\t\n", connections, rounds, windowSpan)
	for _, d := range r.duels {
		own, bare := drive.Middle(d.own), drive.Middle(d.bare)
		say("%s\t%.0f\t%.0f\t%.2f (%.2f–%.2f)\t%d\t%d\t%d\t%d\t\n", d.name, own.Rate(), bare.Rate(), drive.Median(d.ratios), slices.Min(d.ratios), slices.Max(d.ratios),
			own.Each(own.Server).Microseconds(), bare.Each(bare.Server).Microseconds(), own.Each(own.Machine).Microseconds(), bare.Each(bare.Machine).Microseconds())
		if d.name == "one product, cold" && r.pgbench > 0 {
			say("  pgbench -M prepared, 4 clients, the bare program's select\t\t%.0f\t%.2f\t\t\t\t\t\n", r.pgbench, own.Rate()/r.pgbench)
		}
	}
	say("\none at a time, milliseconds\tquestions\tfind something\tmedian\t90 %%\tworst\tCPU of the machine\tworst question\t\n")
	for _, l := range r.latencies {
		say("%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t\n", l.name, len(l.questions), l.found, drive.MS(drive.Median(l.medians)), drive.MS(l.percentile(90)), drive.MS(slices.Max(l.medians)), drive.MS(l.machine), l.worst().label)
	}
	return w.Flush()
}

// printGrowth compares the largest number of products with the smallest.
func printGrowth(results []result) error {
	if len(results) < 2 {
		return nil
	}
	small, large := results[0], results[len(results)-1]
	if len(small.duels) != len(large.duels) || len(small.latencies) != len(large.latencies) {
		return errors.New("the results are not of the same measures")
	}
	w := drive.Table()
	_, _ = fmt.Fprintf(w, "\ntime at %d products in times of %d\t\t\n", large.products, small.products)
	for i, d := range large.duels {
		_, _ = fmt.Fprintf(w, "%s\t%.2f\t\n", d.name, drive.Middle(small.duels[i].own).Rate()/drive.Middle(d.own).Rate())
	}
	for i, l := range large.latencies {
		_, _ = fmt.Fprintf(w, "%s, median\t%.2f\t\n", l.name, float64(drive.Median(l.medians))/float64(drive.Median(small.latencies[i].medians)))
	}
	_, _ = fmt.Fprintf(w, "import, a product\t%.2f\t\n", small.loading.rate()/large.loading.rate())
	return w.Flush()
}
