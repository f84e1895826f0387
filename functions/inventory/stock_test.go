package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/service/servicetest"
)

func TestAnImportCountsEveryRowAndARerunChangesNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.location("main", 1)
	var rows strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&rows, `{"sku":"S%d","location":"main","on_hand":%d}`+"\n", i, i)
	}
	results, summary := s.imported("?dry_run=true", rows.String())
	require.Len(t, results, 3000)
	require.Equal(t, importSummary{Rows: 3000, Created: 3000}, summary)
	s.call("GET", "/v1/stock/S7", nil, 404)
	_, summary = s.imported("", rows.String())
	require.Equal(t, importSummary{Rows: 3000, Created: 3000}, summary)
	results, summary = s.imported("?results=failed", rows.String())
	require.Empty(t, results)
	require.Equal(t, importSummary{Rows: 3000, Unchanged: 3000}, summary)
	require.EqualValues(t, 2999, s.stock("S2999").OnHand)
	require.Empty(t, s.announced(), "first counts cross no threshold")
	s.sound()
}

func TestABadRowFailsAloneWithAllItsFaults(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 1})
	results, summary := s.imported("", strings.Join([]string{
		`{"sku":"A","location":"main","on_hand":5}`,
		`{"sku":"bad sku","location":"moon","on_hand":-1}`,
		`nonsense`,
		`{"sku":"B","location":"main"}`,
		`{"sku":"B","location":"main","on_hand":1.5,"colour":"red"}`,
		``,
		`{"sku":"A","location":"main","on_hand":6}`,
		`{"sku":"C","location":"main","on_hand":0}`,
		`{"sku":"` + strings.Repeat("x", 300_000) + `"}`,
		`{"sku":"D","location":"main","on_hand":4}`,
	}, "\n"))
	require.Equal(t, importSummary{Rows: 9, Created: 2, Updated: 2, Failed: 5}, summary)
	codes := map[int][]string{}
	for _, r := range results {
		for _, f := range r.Errors {
			codes[r.Row] = append(codes[r.Row], f.Pointer+" "+f.Code)
		}
	}
	require.Equal(t, map[int][]string{
		2: {"/on_hand out_of_range", "/sku format", "/location unknown_location"},
		3: {" malformed"},
		4: {"/on_hand required"},
		5: {"/on_hand wrong_type", "/colour unknown_field"},
		9: {" too_large"},
	}, codes)
	require.EqualValues(t, 6, s.stock("A").OnHand)
	s.sound()
}

func TestAnImportThatEndsEarlyIsIncompleteNotDone(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.location("main", 1)
	row := `{"sku":"A","location":"main","on_hand":5}` + "\n" + `{"sku":"B","loc`
	answer := s.halfSent("/v1/stock:import", row)
	require.Contains(t, answer, `"incomplete":true`)
	require.Contains(t, answer, `"row":1,`, "what came whole is answered")
	gzipped := "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\x56\x2a" // begins, and does not end
	a := s.call("POST", "/v1/stock:import", gzipped, 200,
		servicetest.Header{Name: "Content-Type", Value: "application/x-ndjson"}, servicetest.Header{Name: "Content-Encoding", Value: "gzip"})
	require.Contains(t, string(a.Body), `"incomplete":true`)
	s.call("POST", "/v1/stock:import?resutls=failed", "", 422, servicetest.Header{Name: "Content-Type", Value: "application/x-ndjson"})
	s.call("POST", "/v1/stock:import", "", 415, servicetest.Header{Name: "Content-Type", Value: "text/csv"})
}

// halfSent sends a body that its sender never ends, and is what the server
// says to it.
func (s *shop) halfSent(path, body string) string {
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", strings.TrimPrefix(s.URL, "http://"))
	require.NoError(s.t, err)
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s: %s\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n",
		path, s.staff.Name, s.staff.Value, len(body), body)
	require.NoError(s.t, err)
	require.NoError(s.t, conn.(*net.TCPConn).CloseWrite())
	answer, err := io.ReadAll(conn)
	require.NoError(s.t, err)
	return string(answer)
}

func (s *shop) announced() []string {
	s.t.Helper()
	rows, err := s.DB.Owner(s.t).Query(context.Background(), `select type || ' ' || subject from events.outbox where type like '%.stock.%' order by position`)
	require.NoError(s.t, err)
	var all []string
	for rows.Next() {
		var one string
		require.NoError(s.t, rows.Scan(&one))
		all = append(all, strings.TrimPrefix(one, "com.mallhive.stock."))
	}
	return all
}

func TestStockIsAnnouncedWhenItCrossesItsThreshold(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10}) // low at 5
	s.place("o1", 201, "A", 4)
	s.place("o2", 201, "A", 1)
	s.place("o3", 201, "A", 1)
	s.place("o4", 201, "A", 4)
	s.call("POST", "/v1/reservations/o4/release", nil, 200)
	s.count("main", map[string]int{"A": 20})
	require.Equal(t, []string{"low.v1 A", "depleted.v1 A", "replenished.v1 A", "replenished.v1 A"}, s.announced())
}

func TestTheLedgerTellsEverythingThatMoved(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10})
	s.place("o", 201, "A", 2)
	s.call("POST", "/v1/reservations/o/commit", nil, 200)
	s.call("POST", "/v1/reservations/o/release", map[string]any{"reason": "wrong size"}, 200)
	var first, rest movementList
	s.call("GET", "/v1/stock/A/movements?limit=2", nil, 200).JSON(t, &first)
	s.call("GET", "/v1/stock/A/movements?limit=2&cursor="+*first.NextCursor, nil, 200).JSON(t, &rest)
	type row struct {
		kind                      string
		onHand, reserved, now, in int64
		reason                    string
	}
	var got []row
	for _, m := range append(first.Items, rest.Items...) {
		require.Equal(t, "tester", m.Actor)
		got = append(got, row{m.Kind, m.OnHandDelta, m.ReservedDelta, m.OnHandAfter, m.ReservedAfter, m.Reason})
	}
	require.Equal(t, []row{
		{"return", 2, 0, 10, 0, "wrong size"},
		{"commit", -2, -2, 8, 0, ""},
		{"reserve", 0, 2, 10, 2, ""},
		{"count", 10, 0, 10, 0, "import"},
	}, got)
	require.Len(t, s.movements("o"), 3)
	s.call("GET", "/v1/stock/B/movements", nil, 404)
	s.call("GET", "/v1/movements", nil, 422)
}

func TestStockIsListedAndLookedUp(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 10, "B": 5, "C": 0})
	var page stockList
	s.call("GET", "/v1/stock?low=true", nil, 200).JSON(t, &page)
	require.Equal(t, []string{"B", "C"}, skusOf(page.Items))
	s.call("GET", "/v1/stock?limit=2", nil, 200).JSON(t, &page)
	require.Equal(t, []string{"A", "B"}, skusOf(page.Items))
	a := s.call("GET", "/v1/stock?limit=2&cursor="+*page.NextCursor, nil, 200)
	a.JSON(t, &page)
	require.Equal(t, []string{"C"}, skusOf(page.Items))
	var found stockLookup
	s.call("POST", "/v1/stock:lookup", map[string]any{"skus": []string{"C", "X", "A"}}, 200).JSON(t, &found)
	require.Equal(t, []string{"C", "A"}, skusOf(found.Items))
	require.Equal(t, []string{"X"}, found.Missing)
	require.Equal(t, "private, no-store", a.Header.Get("Cache-Control"))
}

func skusOf(items []stockDoc) []string {
	skus := []string{}
	for _, d := range items {
		skus = append(skus, d.SKU)
	}
	return skus
}

func TestALocationIsCreatedOnceAndChangedByItsVersion(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.location("main", 1)
	s.call("PUT", "/v1/locations/main", map[string]any{"name": "x", "priority": 1}, 412, servicetest.Header{Name: "If-None-Match", Value: "*"})
	s.call("PUT", "/v1/locations/main", map[string]any{"name": "x", "priority": 1}, 428)
	seen := s.call("GET", "/v1/locations/main", nil, 200).Header.Get("ETag")
	s.call("PUT", "/v1/locations/main", map[string]any{"name": "Main", "priority": 7}, 200, servicetest.Header{Name: "If-Match", Value: seen})
	s.call("PUT", "/v1/locations/main", map[string]any{"name": "Other", "priority": 8}, 412, servicetest.Header{Name: "If-Match", Value: seen})
	s.call("PUT", "/v1/locations/a%20b", map[string]any{"name": "x", "priority": 1}, 422, servicetest.Header{Name: "If-None-Match", Value: "*"})
	s.location("first", 0)
	var all locationList
	s.call("GET", "/v1/locations", nil, 200).JSON(t, &all)
	require.Equal(t, []string{"first", "main"}, []string{all.Items[0].Code, all.Items[1].Code})
	s.call("GET", "/v1/locations/nowhere", nil, 404)
}
