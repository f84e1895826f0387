package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/mallhive/product-service/shared/web/webtest"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/importer"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

func outcomes(results []importer.Result) []string {
	var list []string
	for _, r := range results {
		list = append(list, fmt.Sprintf("%d %s %s", r.Row, r.Key, r.Result))
	}
	return list
}

func TestABadRowFailsAloneAndEveryRowIsAnsweredInOrder(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	rows := strings.Join([]string{
		`{"external_id":"a","name":"A","variants":[{"sku":"A"}]}`,
		`{"name":`,
		``,
		`{"slug":"b","name":"B","categories":["nowhere"]}`,
		`{"slug":"c","name":"C","variants":[{"sku":"C"}]}`,
		`{"external_id":"d","name":"D","variants":[{"sku":"A"}]}`,
		`{"name":"E","variants":[{"sku":"E"}]}`,
		`{"name":"long","description":"` + strings.Repeat("x", 300<<10) + `"}`,
		`{"external_id":"a","name":"A again","variants":[{"sku":"A"}]}`,
	}, "\n")
	results, sum := imports(t, s, "products", "", []byte(rows))
	require.Equal(t, []string{
		"1 a created", "2  failed", "4 b failed", "5 c created", "6 d failed", "7 E created", "8  failed", "9 a updated",
	}, outcomes(results))
	require.Equal(t, importer.Summary{Rows: 8, Created: 3, Updated: 1, Failed: 4}, sum)
	require.Equal(t, "/categories/0", results[2].Errors[0].Pointer)
	require.Equal(t, "/variants/0/sku", results[4].Errors[0].Pointer)
	require.Equal(t, "malformed", results[1].Errors[0].Code)
	require.Equal(t, "too_long", results[6].Errors[0].Code)
	results, sum = imports(t, s, "products", "?results=failed", []byte(rows))
	require.Equal(t, []string{"2  failed", "4 b failed", "6 d failed", "8  failed"}, outcomes(results))
	require.Equal(t, 2, sum.Unchanged)
	require.Equal(t, 2, sum.Updated, "the first row and its later contradiction")
}

func TestLargeRowsAreTakenFewAtATime(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	long := strings.Repeat("long ", 4000)
	var rows strings.Builder
	for i := range 60 {
		fmt.Fprintf(&rows, `{"external_id":"p%d","name":"P","attributes":{"notes":["%s1","%s2","%s3","%s4","%s5","%s6"]}}`+"\n", i, long, long, long, long, long, long)
	}
	_, sum := imports(t, s, "products", "?results=failed", []byte(rows.String()))
	require.Equal(t, importer.Summary{Rows: 60, Failed: 60}, sum, "a value has at most 20,000 characters")
	_, sum = imports(t, s, "products", "?results=failed", []byte(strings.ReplaceAll(rows.String(), "long long long ", "long ")))
	require.Equal(t, importer.Summary{Rows: 60, Created: 60}, sum)
}

func TestARowIsKeyedByExternalIDThenSlugThenSKU(t *testing.T) {
	t.Parallel()
	s := start(t)
	_, sum := imports(t, s, "products", "", []byte(`{"external_id":"e","slug":"by-external","name":"A","variants":[{"sku":"A"}]}
{"slug":"by-slug","name":"B","variants":[{"sku":"B"}]}
{"name":"By SKU","variants":[{"sku":"C"}]}`))
	require.Equal(t, 3, sum.Created)
	results, _ := imports(t, s, "products", "", []byte(`{"external_id":"e","slug":"renamed","name":"A2","variants":[{"sku":"A"},{"sku":"A2"}]}
{"slug":"by-slug","name":"B2","variants":[{"sku":"B2"}]}
{"name":"C2","variants":[{"sku":"C"}]}`))
	require.Equal(t, []string{"1 e updated", "2 by-slug updated", "3 C updated"}, outcomes(results))
	d, _ := get(t, s, "/v1/products/by-sku", s.Bearer(t, drafts))
	require.Equal(t, "C2", d.Name, "a product keeps its slug when none is given")
	require.Equal(t, 308, s.Do(t, "GET", "/v1/products/by-external", nil).Status)
}

func TestADryRunSaysTheSameAndWritesNothing(t *testing.T) {
	t.Parallel()
	s := start(t)
	var rows strings.Builder
	for i := range 450 {
		fmt.Fprintf(&rows, `{"external_id":"p%d","name":"Same name","status":"active","variants":[{"sku":"S%d","price":{"amount":%d,"currency":"USD"}}]}`+"\n", i, i%440, i)
	}
	dry, drySum := imports(t, s, "products", "?dry_run=true", []byte(rows.String()))
	require.Equal(t, importer.Summary{Rows: 450, Created: 440, Failed: 10}, drySum)
	require.Empty(t, list(t, s, "").Items)
	wet, wetSum := imports(t, s, "products", "", []byte(rows.String()))
	require.Equal(t, drySum, wetSum)
	require.Equal(t, dry, wet)
	_, categories := imports(t, s, "categories", "?dry_run=true", []byte(`{"slug":"a","name":"A"}
{"slug":"b","name":"B","parent":"a"}`))
	require.Equal(t, 2, categories.Created, "a row may rest on an earlier one")
	require.Equal(t, 404, s.Do(t, "GET", "/v1/categories/a", nil).Status)
}

func TestProductsOfOneNameGetSlugsOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := start(t)
	imports(t, s, "products", "", []byte(`{"name":"Mug","status":"active","variants":[{"sku":"M1"}]}
{"name":"Mug","status":"active","variants":[{"sku":"M2"}]}
{"name":"mug!","status":"active","variants":[{"sku":"M3"}]}
{"name":"日本","status":"active","variants":[{"sku":"M4"}]}`))
	require.ElementsMatch(t, []string{"mug", "mug-m2", "mug-m3", "product"}, slugs(list(t, s, "")))
}

func TestAStreamThatBreaksOffIsIncomplete(t *testing.T) {
	t.Parallel()
	s := start(t)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	for i := range 2000 {
		_, err := fmt.Fprintf(z, `{"external_id":"p%d","name":"P %d"}`+"\n", i, i*7919)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	gz := header("Content-Encoding", "gzip")
	_, sum := imports(t, s, "products", "?results=failed", zipped.Bytes()[:zipped.Len()/2], gz)
	require.True(t, sum.Incomplete)
	require.Positive(t, sum.Created)
	require.Less(t, sum.Rows, 2000)
	_, sum = imports(t, s, "products", "?results=failed", zipped.Bytes(), gz)
	require.False(t, sum.Incomplete)
	require.Equal(t, 2000, sum.Created+sum.Unchanged)
}

func TestResultsArriveWhileRowsAreStillSent(t *testing.T) {
	t.Parallel()
	s := start(t)
	in, out := io.Pipe()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.URL+"/v1/products:import", in)
	require.NoError(t, err)
	token := s.Bearer(t, write)
	req.Header.Set(token.Name, token.Value)
	req.Header.Set("Content-Type", "application/x-ndjson")
	go func() { _, _ = io.WriteString(out, `{"name":"First"}`+"\n") }()
	res, err := webtest.Client.Do(req)
	require.NoError(t, err, "the answer begins before the rows end")
	defer func() { _ = res.Body.Close() }()
	line := make([]byte, 64)
	n, err := res.Body.Read(line)
	require.NoError(t, err)
	require.Contains(t, string(line[:n]), `"created"`)
	_, _ = io.WriteString(out, `{"name":"Second"}`+"\n")
	require.NoError(t, out.Close())
	rest, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Contains(t, string(rest), `"rows":2`)
}

func TestAnImportAnswersBeforeItsFirstRow(t *testing.T) {
	t.Parallel()
	s := start(t)
	in, out := io.Pipe()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.URL+"/v1/products:import?results=failed", in)
	require.NoError(t, err)
	token := s.Bearer(t, write)
	req.Header.Set(token.Name, token.Value)
	res, err := webtest.Client.Do(req)
	require.NoError(t, err, "a row that is hours in coming keeps nobody on the way waiting")
	defer func() { _ = res.Body.Close() }()
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Empty(t, res.Header.Get("Content-Encoding"))
	_, err = io.WriteString(out, `{"name":"Only"}`+"\n")
	require.NoError(t, err)
	require.NoError(t, out.Close())
	rest, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.JSONEq(t, `{"summary":{"rows":1,"created":1,"updated":0,"unchanged":0,"failed":0,"incomplete":false}}`, string(rest))
	s.Stop()
	require.Empty(t, s.Logs.FilterMessageSnippet("superfluous").All())
}

func TestAnImporterWhoHangsUpHarmsNobody(t *testing.T) {
	t.Parallel()
	s := start(t)
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", strings.TrimPrefix(s.URL, "http://"))
	require.NoError(t, err)
	row := `{"external_id":"h","name":"Hang up"}` + "\n"
	_, err = fmt.Fprintf(conn, "POST /v1/products:import HTTP/1.1\r\nHost: x\r\n%s: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n",
		"Authorization", s.Bearer(t, write).Value, len(row), row)
	require.NoError(t, err)
	buffer := make([]byte, 256)
	_, err = conn.Read(buffer)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	s.Stop() // drains: the import has ended
}

func TestTwoImportsOfTheSameRowsAtOnceMakeEachProductOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	var rows strings.Builder
	for i := range 300 {
		fmt.Fprintf(&rows, `{"external_id":"p%d","name":"P","status":"active","attributes":{},"variants":[{"sku":"S%d"}]}`+"\n", i, i)
	}
	sums := make([]importer.Summary, 4)
	var all sync.WaitGroup
	for i := range sums {
		all.Go(func() { _, sums[i] = imports(t, s, "products", "?results=failed", []byte(rows.String())) })
	}
	all.Wait()
	created := 0
	for _, sum := range sums {
		require.Zero(t, sum.Failed)
		require.False(t, sum.Incomplete)
		created += sum.Created
	}
	require.Equal(t, 300, created)
	require.Len(t, pages(t, s, "limit=100"), 300)
}

func TestAnImportInAnotherFormIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	refused(t, s.Do(t, "POST", "/v1/products:import", `<products/>`, s.Bearer(t, write), header("Content-Type", "application/xml")), 415)
	refused(t, s.Do(t, "POST", "/v1/categories:import", `Handle,Title`, s.Bearer(t, write), header("Content-Type", "text/csv")), 415)
	for _, query := range []string{"dry_run=1", "results=none", "dryrun=true"} {
		refused(t, s.Do(t, "POST", "/v1/products:import?"+query, `{}`, s.Bearer(t, write), servicetest.Header{Name: "Content-Type", Value: "application/x-ndjson"}), 422)
	}
}

const waitingSQL = `
	select exists (
		select from pg_locks l join pg_stat_activity a on a.pid = l.pid
		where a.datname = current_database() and not l.granted)`

// release ends the holder's transaction when somebody waits for it and a set
// that does not wait has had time enough.
func release(ctx context.Context, owner *pgxpool.Pool, holder pgx.Tx) error {
	var waits, ahead bool
	var err error
	for range 20_000 {
		if err = owner.QueryRow(ctx, waitingSQL).Scan(&waits); err != nil || waits {
			break
		}
	}
	for range 300 {
		if err != nil || ahead {
			break
		}
		err = owner.QueryRow(ctx, `select exists (select from catalog.products where external_id = 'p250')`).Scan(&ahead)
	}
	return errors.Join(err, holder.Rollback(ctx))
}

// setOf is how many rows the importer writes together.
const setOf = 500

// beside imports rows whose first set has to wait for somebody else who holds
// the product old-name, while the next may go on as far as it dares. The export
// says what became of them.
func beside(t *testing.T, rows func(i int) string) ([]importer.Result, []string) {
	t.Helper()
	ctx := context.Background()
	s := start(t)
	_, first := imports(t, s, "products", "", []byte(`{"external_id":"r","slug":"old-name","name":"R"}`))
	require.Equal(t, 1, first.Created)
	owner := s.DB.Owner(t)
	holder, err := owner.Begin(ctx)
	require.NoError(t, err)
	_, err = holder.Exec(ctx, `select from catalog.products where slug = 'old-name' for update`)
	require.NoError(t, err)
	var body strings.Builder
	body.WriteString(`{"external_id":"r","slug":"new-name","name":"R"}` + "\n")
	for i := range 2*setOf - 1 {
		body.WriteString(rows(i) + "\n")
	}
	released := make(chan error, 1)
	go func() { released <- release(ctx, owner, holder) }()
	results, sum := imports(t, s, "products", "", []byte(body.String()))
	require.NoError(t, <-released)
	require.Equal(t, importer.Summary{Rows: 2 * setOf, Created: 2*setOf - 1, Updated: 1}, sum)
	lines, _ := export(t, s, "")
	var slugs []string
	for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		_, slug, _ := strings.Cut(line, `"slug":"`)
		slug, _, _ = strings.Cut(slug, `"`)
		slugs = append(slugs, slug)
	}
	return results, slugs[1:]
}

func TestASetThatOvertakesAnotherEndsAsIfItHadComeAfterIt(t *testing.T) {
	t.Parallel()
	var expected []string
	results, made := beside(t, func(i int) string {
		slug := fmt.Sprintf("p-%d", i)
		if i == setOf+100 { // a name that the set before gives away
			slug = "old-name"
		}
		expected = append(expected, slug)
		return fmt.Sprintf(`{"external_id":"p%d","slug":"%s","name":"P","status":"active","variants":[{"sku":"S%d"}]}`, i, slug, i)
	})
	for i, r := range results {
		require.Equal(t, i+1, r.Row, "results are in the order of rows")
	}
	require.Equal(t, expected, made, "made in the order of rows")
}

func TestARowMayTakeANameThatAnEarlierOneGivesAway(t *testing.T) {
	t.Parallel()
	s := start(t)
	_, sum := imports(t, s, "products", "", []byte(`{"external_id":"r","slug":"wanted","name":"R"}`))
	require.Equal(t, 1, sum.Created)
	_, sum = imports(t, s, "products", "", []byte(`{"external_id":"r","slug":"other","name":"R"}`+"\n"+`{"external_id":"q","slug":"wanted","name":"Q"}`))
	require.Equal(t, importer.Summary{Rows: 2, Created: 1, Updated: 1}, sum)
}

func TestOfTwoSetsTheFirstGivesTheNames(t *testing.T) {
	t.Parallel()
	var expected []string
	_, made := beside(t, func(i int) string {
		slug := fmt.Sprintf("same-%d", i%7)
		if i >= 7 {
			slug += fmt.Sprintf("-s%d", i)
		}
		if i >= setOf-1 && i%7 == 2 { // the next set alone has these
			slug = fmt.Sprintf("late-s%d", i)
			if i == setOf-1 {
				slug = "late"
			}
		}
		expected = append(expected, slug)
		name := fmt.Sprintf("Same %d", i%7)
		if i >= setOf-1 && i%7 == 2 {
			name = "Late"
		}
		return fmt.Sprintf(`{"external_id":"p%d","name":"%s","status":"active","variants":[{"sku":"S%d"}]}`, i, name, i)
	})
	require.Equal(t, expected, made)
}
