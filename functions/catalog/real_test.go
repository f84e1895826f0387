package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/importer"
)

// realRows reads the first rows of a file of real data, which lies beside the
// checkout and is no part of it.
func realRows(t testing.TB, file string, most int) []byte {
	t.Helper()
	dir := os.Getenv("REAL_DATA")
	if dir == "" {
		dir = "../../../shared/data"
	}
	f, err := os.Open(filepath.Join(dir, file))
	if err != nil {
		t.Skipf("real data is not here (%s); REAL_DATA names its folder", file)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	var rows bytes.Buffer
	for n := 0; n < most && lines.Scan(); n++ {
		rows.Write(lines.Bytes())
		rows.WriteByte('\n')
	}
	require.NoError(t, lines.Err())
	return rows.Bytes()
}

func TestRealDataIsImportedAndARerunChangesNothing(t *testing.T) {
	t.Parallel()
	s := start(t)
	results, sum := imports(t, s, "attributes", "?results=failed", realRows(t, "icecat/attributes.ndjson.gz", 10000))
	require.Empty(t, results)
	require.Equal(t, importer.Summary{Rows: 5354, Created: 5354}, sum)
	rows := realRows(t, "icecat/products.ndjson.gz", 500)
	results, sum = imports(t, s, "products", "?results=failed", rows)
	require.Empty(t, results)
	require.Equal(t, importer.Summary{Rows: 500, Created: 500}, sum)
	_, sum = imports(t, s, "products", "", rows)
	require.Equal(t, importer.Summary{Rows: 500, Unchanged: 500}, sum)
}

// TestSpeed says how fast this machine is with real data; it judges nothing.
func TestSpeed(t *testing.T) {
	if os.Getenv("SPEED") == "" {
		t.Skip("SPEED=1 measures")
	}
	s := start(t)
	imports(t, s, "attributes", "?results=failed", realRows(t, "icecat/attributes.ndjson.gz", 10000))
	rows := realRows(t, "icecat/products.ndjson.gz", 20000)
	for range 2 {
		began := time.Now()
		results, sum := imports(t, s, "products", "?results=failed", rows)
		for _, r := range results[:min(3, len(results))] {
			t.Logf("%+v", r)
		}
		t.Logf("%+v %s %.0f/s", sum, time.Since(began), float64(sum.Rows)/time.Since(began).Seconds())
	}
	for _, query := range []string{
		"", "facets=true&total=true", "q=laptop", "q=laptop&facets=true&total=true", "q=black+hp+toner", "sort=price", "sort=-price&brand=HP",
		"attr.product_colour=Black&attr.touchscreen=false&price_min=10000&price_max=50000&facets=true&total=true", "in_stock=true",
	} {
		took := make([]time.Duration, 15)
		for i := range took {
			began := time.Now()
			list(t, s, query)
			took[i] = time.Since(began)
		}
		slices.Sort(took)
		t.Logf("%-40s median %s, worst %s", query, took[len(took)/2], took[len(took)-1])
	}
}
