package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/service/servicetest"
)

// inventedAttributes is how many there are, of which a product has a few.
const inventedAttributes = 2000

// invented makes rows with so many attributes on average, of values that
// repeat as they do in a real catalogue.
func invented(rows, attributes int) (definitions, products []byte) {
	var defs, docs bytes.Buffer
	for i := range inventedAttributes {
		typ := []string{"text", "text", "number", "boolean"}[i%4]
		fmt.Fprintf(&defs, `{"code":"a%d","name":"A %d","type":"%s","filterable":true}`+"\n", i, i, typ)
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same rows each time
	often := func(n int) int { f := random.Float64(); return int(f * f * f * float64(n)) }
	encoder := json.NewEncoder(&docs)
	for i := range rows {
		values := map[string]any{}
		for range random.IntN(2*attributes + 1) {
			a := often(inventedAttributes)
			values[fmt.Sprintf("a%d", a)] = []any{fmt.Sprintf("Value %d", often(400)), fmt.Sprintf("Word %d more", often(5000)), often(3000), a%3 == 0}[a%4]
		}
		words := make([]string, 40)
		for n := range words {
			words[n] = fmt.Sprintf("w%d", often(20000))
		}
		_ = encoder.Encode(map[string]any{
			"external_id": fmt.Sprintf("b:%d", i), "slug": fmt.Sprintf("product-%d", i), "name": strings.Join(words[:6], " "), "description": strings.Join(words, " "),
			"brand": fmt.Sprintf("Brand %d", often(300)), "status": "active", "attributes": values,
			"media":    []any{map[string]any{"kind": "image", "url": fmt.Sprintf("https://images.example.com/%d.jpg", i)}},
			"variants": []any{map[string]any{"sku": fmt.Sprintf("B-%d", i), "mpn": fmt.Sprintf("MPN%d", i), "price": map[string]any{"amount": 100 + i, "currency": "USD"}}},
		})
	}
	return defs.Bytes(), docs.Bytes()
}

// BenchmarkImport is of new products. Beside the rate, which whatever else the
// machine does lowers, it reports the CPU time that a product costs: here
// (client and function) and in PostgreSQL.
//
//	make bench-import
func BenchmarkImport(b *testing.B) {
	const rows = 10_000
	for _, attributes := range []int{19, 5} {
		definitions, products := invented(rows, attributes)
		b.Run(fmt.Sprintf("attributes=%d", attributes), func(b *testing.B) { benchmarkImport(b, rows, definitions, products) })
	}
	b.Run("icecat", func(b *testing.B) {
		benchmarkImport(b, rows, realRows(b, "icecat/attributes.ndjson.gz", 10_000), realRows(b, "icecat/products.ndjson.gz", rows))
	})
}

func benchmarkImport(b *testing.B, rows int, definitions, products []byte) {
	var here, there, took time.Duration
	for range b.N {
		b.StopTimer()
		s := start(b)
		_, sum := imports(b, s, "attributes", "?results=failed", definitions)
		require.Zero(b, sum.Failed)
		cpu, backends, began := ownCPU(b), backendCPU(b, s), time.Now()
		b.StartTimer()
		send(b, s, products, rows)
		b.StopTimer()
		took += time.Since(began)
		here, there = here+ownCPU(b)-cpu, there+backendCPU(b, s)-backends
		s.Stop()
	}
	n := float64(rows * b.N)
	b.ReportMetric(n/took.Seconds(), "products/s")
	b.ReportMetric(float64(here.Microseconds())/n, "here-µs/product")
	b.ReportMetric(float64(there.Microseconds())/n, "postgres-µs/product")
	b.ReportMetric(0, "ns/op")
}

func send(b *testing.B, s *servicetest.Server, products []byte, rows int) {
	b.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.URL+"/v1/products:import?results=failed", bytes.NewReader(products))
	require.NoError(b, err)
	token := s.Bearer(b, write)
	req.Header.Set(token.Name, token.Value)
	req.Header.Set("Content-Type", "application/x-ndjson")
	a := s.Send(b, req)
	require.Contains(b, string(a.Body), fmt.Sprintf(`"created":%d,`, rows))
}

func ownCPU(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// backendCPU is what PostgreSQL's processes for the database have used; 0 where
// /proc does not tell.
func backendCPU(b *testing.B, s *servicetest.Server) time.Duration {
	b.Helper()
	rows, err := s.DB.Owner(b).Query(context.Background(), `select pid from pg_stat_activity where datname = current_database() and usename = 'test_catalog'`)
	require.NoError(b, err)
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	require.NoError(b, err)
	var ticks int64
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0
		}
		_, after, _ := strings.Cut(string(text), ") ")
		var user, system int64
		for i, field := range strings.Fields(after) {
			switch i {
			case 11:
				_, _ = fmt.Sscan(field, &user)
			case 12:
				_, _ = fmt.Sscan(field, &system)
			}
		}
		ticks += user + system
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
