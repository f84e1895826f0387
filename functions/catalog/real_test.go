package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

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
