package importer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// shop answers imports as the service does: a row with "bad" fails, a row seen
// before is unchanged, every row's result is streamed while rows still arrive.
type shop struct {
	mu        sync.Mutex
	seen      map[string]bool
	calls     []string
	forms     []string
	locations []string
	cutAfter  int // rows of a part after which the body counts as ended early
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, r.Method+" "+r.URL.Path)
	if r.Method == http.MethodPut {
		s.putLocation(w, r)
		return
	}
	if r.Header.Get("Authorization") != "Bearer pass" {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = fmt.Fprint(w, `{"status":401,"code":"unauthenticated","detail":"no token"}`)
		return
	}
	s.forms = append(s.forms, r.Header.Get("Content-Type"))
	s.importRows(w, r)
}

func (s *shop) putLocation(w http.ResponseWriter, r *http.Request) {
	code := strings.TrimPrefix(r.URL.Path, "/v1/locations/")
	if r.Header.Get("If-None-Match") != "*" || code == "known" {
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	s.locations = append(s.locations, code)
	w.WriteHeader(http.StatusCreated)
}

func (s *shop) importRows(w http.ResponseWriter, r *http.Request) {
	flow := http.NewResponseController(w)
	_ = flow.EnableFullDuplex()
	answer := json.NewEncoder(w)
	var sum partResult
	rows := bufio.NewScanner(r.Body)
	for rows.Scan() {
		sum.Rows++
		switch row := rows.Text(); {
		case strings.Contains(row, "bad"):
			sum.Failed++
			_ = answer.Encode(map[string]any{"row": sum.Rows, "key": "k", "result": "failed",
				"errors": []rowError{{Pointer: "/name", Code: "required", Detail: "a name is needed"}}})
			_ = flow.Flush()
		case s.seen[r.URL.Path+row]:
			sum.Unchanged++
		default:
			s.seen[r.URL.Path+row] = true
			sum.Created++
		}
		if s.cutAfter > 0 && int(sum.Rows) == s.cutAfter {
			sum.Incomplete = true
			break
		}
	}
	_ = answer.Encode(map[string]any{"summary": sum})
}

func newShop(t *testing.T) (*shop, string) {
	t.Helper()
	s := &shop{seen: map[string]bool{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		data := []byte(text)
		if strings.HasSuffix(name, ".gz") {
			var packed bytes.Buffer
			zip := gzip.NewWriter(&packed)
			_, err := zip.Write(data)
			require.NoError(t, err)
			require.NoError(t, zip.Close())
			data = packed.Bytes()
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	return dir
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		_, _ = fmt.Fprintf(&b, `{"name":"row %d"}`+"\n", i)
	}
	return b.String()
}

func TestFilesAreSentInTheOrderTheyReferToEachOther(t *testing.T) {
	t.Parallel()
	shop, url := newShop(t)
	dir := folder(t, map[string]string{
		"stock.ndjson":       `{"sku":"A","location":"annex","on_hand":1}` + "\n" + `{"sku":"A","location":"main","on_hand":1}` + "\n" + `{"sku":"B","location":"known","on_hand":1}`,
		"products.ndjson.gz": numbered(3), "categories.ndjson": numbered(2), "attributes.ndjson": numbered(1), "prices.ndjson": numbered(1),
	})
	require.NoError(t, Run(t.Context(), Options{Dir: dir, FrontURL: url, Token: "pass"}))
	require.Equal(t, []string{
		"POST /v1/attributes:import", "POST /v1/categories:import", "POST /v1/products:import", "POST /v1/prices:import",
		"PUT /v1/locations/main", "PUT /v1/locations/annex", "PUT /v1/locations/known", "POST /v1/stock:import",
	}, shop.calls)
	require.Equal(t, []string{"main", "annex"}, shop.locations)
}

func TestALongFileGoesInPartsAndNoRowIsLostBetweenThem(t *testing.T) {
	t.Parallel()
	shop, url := newShop(t)
	options := Options{Dir: folder(t, map[string]string{"products.ndjson.gz": numbered(2500)}), FrontURL: url, Token: "pass", PartRows: 1000}
	tallies, err := Import(t.Context(), options)
	require.NoError(t, err)
	require.Len(t, shop.calls, 3)
	require.Equal(t, int64(2500), tallies[0].Created)

	var out bytes.Buffer
	options.Out = &out
	tallies, err = Import(t.Context(), options)
	require.NoError(t, err)
	require.Equal(t, int64(2500), tallies[0].Unchanged)
	require.Contains(t, out.String(), "unchanged")
}

func TestASheetGoesWholeAndAsItStands(t *testing.T) {
	t.Parallel()
	shop, url := newShop(t)
	sheet := "Handle,Title\na,\"two\n\nlines\"\n" + strings.Repeat("b,B\n", 30)
	tallies, err := Import(t.Context(), Options{Dir: folder(t, map[string]string{"attributes.ndjson": numbered(1), "products.csv.gz": sheet}),
		FrontURL: url, Token: "pass", PartRows: 10})
	require.NoError(t, err)
	require.Equal(t, []string{"application/x-ndjson", "text/csv"}, shop.forms, "in one request")
	require.True(t, shop.seen["/v1/products:import"], "a blank line within a cell is kept")
	require.Equal(t, int64(34), tallies[1].Rows)
}

func TestARefusedRowFailsAloneAndIsNamedByItsPlaceInTheFile(t *testing.T) {
	t.Parallel()
	_, url := newShop(t)
	rows := numbered(15) + `{"name":"bad"}` + "\n" + numbered(2)
	var out bytes.Buffer
	tallies, err := Import(t.Context(), Options{Dir: folder(t, map[string]string{"products.ndjson": rows}),
		FrontURL: url, Token: "pass", PartRows: 10, Out: &out})
	require.ErrorIs(t, err, ErrFailed)
	require.Equal(t, int64(1), tallies[0].Failed)
	require.Equal(t, int64(18), tallies[0].Rows)
	require.Contains(t, out.String(), "products row 16 (k) failed: /name required: a name is needed")
}

func TestAPartTheServiceDidNotSeeWholeIsAFailure(t *testing.T) {
	t.Parallel()
	shop, url := newShop(t)
	shop.cutAfter = 4
	tallies, err := Import(t.Context(), Options{Dir: folder(t, map[string]string{"products.ndjson": numbered(9)}), FrontURL: url, Token: "pass"})
	require.ErrorIs(t, err, ErrFailed)
	require.True(t, tallies[0].Incomplete)
}

func TestAnAnswerWithoutSummaryIsAnError(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, `{"row":1,"result":"created"}`)
	}))
	t.Cleanup(server.Close)
	err := Run(t.Context(), Options{Dir: folder(t, map[string]string{"products.ndjson": numbered(2)}), FrontURL: server.URL, Token: "pass"})
	require.ErrorContains(t, err, "before its summary")
}

func TestARefusalIsToldInTheServicesWords(t *testing.T) {
	t.Parallel()
	_, url := newShop(t)
	err := Run(t.Context(), Options{Dir: folder(t, map[string]string{"products.ndjson": numbered(20_000)}), FrontURL: url})
	require.ErrorContains(t, err, "answered 401 unauthenticated no token")
}

func TestABrokenFileIsAnErrorNotAShortImport(t *testing.T) {
	t.Parallel()
	_, url := newShop(t)
	dir := folder(t, map[string]string{"products.ndjson.gz": numbered(5000)})
	path := filepath.Join(dir, "products.ndjson.gz")
	packed, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, packed[:len(packed)/2], 0o600))
	require.ErrorContains(t, Run(t.Context(), Options{Dir: dir, FrontURL: url, Token: "pass"}), "unexpected EOF")
}

func TestAFolderWithoutFilesIsRefused(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, Run(t.Context(), Options{Dir: t.TempDir()}), "holds none of")
	require.ErrorContains(t, Run(t.Context(), Options{Dir: "no/such/place"}), "is not a folder")
}
