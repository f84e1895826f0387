package servicetest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Sample is what makes a request of an operation hold, so that a hostile value
// in one place of it gets as far as that place is looked at.
type Sample struct {
	Headers []Header
	Body    string            // JSON; of a stream one row
	Queries []string          // queries to try as they are, beside those made of the declared parameters
	Names   map[string]string // parameters of the path that differ from the others'
}

// Walk sends each operation of the function's OpenAPI document requests with
// one hostile value each, in every parameter, header, cursor and place of the
// body. Whatever is sent, the answer is never a 5xx, and a refusal is a problem
// document that tells nothing of what is inside. Names are the path's
// parameters; deletions come last, for they take away what others name.
func Walk(t *testing.T, s *Server, function string, token Header, names map[string]string, samples map[string]Sample) {
	t.Helper()
	var doc document
	s.Do(t, http.MethodGet, "/v1/openapi/"+function+".json", nil).JSON(t, &doc)
	ops := doc.operations()
	require.NotEmpty(t, ops)
	for id := range samples {
		require.True(t, slices.ContainsFunc(ops, func(o *operation) bool { return o.ID == id }), "a sample for %s, which is no operation", id)
	}
	for _, op := range ops {
		t.Run(op.ID, func(t *testing.T) {
			w := &walk{t: t, server: s, doc: &doc, op: op, token: token, names: names, sample: samples[op.ID]}
			w.parameters()
			w.cursors()
			w.bodies()
			require.Empty(t, w.broken)
		})
	}
}

type walk struct {
	t      *testing.T
	server *Server
	doc    *document
	op     *operation
	token  Header
	names  map[string]string
	sample Sample
	sent   int
	broken []string // at most a few: the first are enough to work on
}

// path is the operation's with its parameters filled in.
func (w *walk) path(changed, value string) string {
	p := w.op.path
	for _, param := range w.op.Parameters {
		if param.In != "path" {
			continue
		}
		v := w.names[param.Name]
		if own := w.sample.Names[param.Name]; own != "" {
			v = own
		}
		if param.Name == changed {
			v = value
		}
		p = strings.ReplaceAll(p, "{"+param.Name+"}", url.PathEscape(v))
	}
	return p
}

func (w *walk) parameters() {
	body := w.sample.Body
	for _, p := range w.op.Parameters {
		for _, value := range append(texts(), numbersAsText()...) {
			switch p.In {
			case "path":
				if value != "" && value != "." && value != ".." { // those are another path
					w.send(p.Name, w.path(p.Name, value), body)
				}
			case "query":
				q := url.Values{p.Name: {value}}
				w.send(p.Name, w.path("", "")+"?"+q.Encode(), body)
				q.Add(p.Name, value+"x")
				w.send(p.Name+" twice", w.path("", "")+"?"+q.Encode(), body)
			case "header":
				if strings.IndexFunc(value, func(r rune) bool { return r < ' ' }) < 0 && len(value) < 10_000 {
					w.send(p.Name, w.path("", ""), body, Header{p.Name, value}, Header{p.Name, `W/"` + value + `.x-gzip", *`})
				}
			}
		}
	}
	for _, q := range w.sample.Queries {
		w.send("query "+q, w.path("", "")+"?"+q, body)
	}
	for _, q := range []string{"%00=1", "%ff=%fe", "a=%zz", ";;", "=", strings.Repeat("a=b&", 2000), strings.Repeat("x", 20_000)} {
		w.send("query", w.path("", "")+"?"+q, body)
	}
}

// cursors bends the position inside a cursor that the operation gave.
func (w *walk) cursors() {
	if !slices.ContainsFunc(w.op.Parameters, func(p parameter) bool { return p.Name == "cursor" }) {
		return
	}
	orders := append([]string{""}, w.sample.Queries...)
	for _, q := range orders[:min(len(orders), 8)] {
		q = strings.TrimSuffix("limit=1&"+q, "&")
		a := w.request(w.path("", "")+"?"+q, nil)
		var page struct {
			Next *string `json:"next_cursor"`
		}
		if a.Status != http.StatusOK || json.Unmarshal(a.Body, &page) != nil || page.Next == nil {
			continue
		}
		for _, bent := range bentCursors(w.t, *page.Next) {
			w.send("cursor of "+q, w.path("", "")+"?"+q+"&cursor="+url.QueryEscape(bent), "")
		}
	}
}

func (w *walk) bodies() {
	if w.op.RequestBody == nil {
		return
	}
	for _, raw := range wholeBodies() {
		w.send("whole body", w.path("", ""), raw)
	}
	if w.sample.Body == "" {
		return
	}
	a := w.request(w.path("", ""), []byte(w.sample.Body))
	there := a.Status == http.StatusConflict && bytes.Contains(a.Body, []byte(`"code":"duplicate"`))
	require.True(w.t, a.Status < 400 || there, "the sample does not hold: %s", a.Body)
	all := w.doc.mutations(w.t, w.op.schema(w.doc), w.sample.Body)
	if w.op.streams() {
		rows := make([]string, len(all))
		for i, m := range all {
			rows[i] = m.body
		}
		w.send("rows", w.path("", ""), strings.Join(rows, "\n"))
		return
	}
	for _, m := range all {
		w.send(m.where, w.path("", ""), m.body)
	}
}

func (w *walk) request(path string, body []byte, headers ...Header) Answer {
	w.sent++
	// Each request under a key of its own: else only the first would be judged.
	all := append([]Header{w.token, {"If-Match", "*"}, {"Idempotency-Key", strconv.Itoa(w.sent)}}, w.sample.Headers...)
	if body == nil {
		return w.server.Do(w.t, w.op.method, path, nil, append(all, headers...)...)
	}
	if w.op.RequestBody != nil {
		all = append([]Header{{"Content-Type", w.op.form()}}, all...)
	}
	return w.server.Do(w.t, w.op.method, path, body, append(all, headers...)...)
}

func (w *walk) send(where, path, body string, headers ...Header) {
	var sent []byte
	if w.op.RequestBody != nil {
		sent = []byte(body)
	}
	if len(w.broken) >= 5 {
		return
	}
	if fault := Unclear(w.request(path, sent, headers...)); fault != "" {
		w.broken = append(w.broken, fmt.Sprintf("%s %s, %s, %s: %s", w.op.method, short(path), where, short(body), fault))
	}
}

// Unclear says what is wrong with an answer to hostile input; "" is nothing.
func Unclear(a Answer) string {
	switch {
	case a.Status == http.StatusServiceUnavailable && bytes.Contains(a.Body, []byte(`"code":"order_not_arrived"`)):
		return "" // SPEC's answer to a step that overtakes its order
	case a.Status >= 500:
		return fmt.Sprintf("%d %s", a.Status, short(string(a.Body)))
	case a.Status < 400:
		for line := range bytes.Lines(a.Body) {
			if bytes.Contains(line, []byte(`"code":"internal"`)) || bytes.Contains(line, []byte(`"code":"unavailable"`)) || bytes.Contains(line, []byte(`"incomplete":true`)) {
				return "a row failed by our fault: " + short(string(line))
			}
		}
		return ""
	}
	body := a.Body
	if a.Header.Get("Content-Encoding") == "gzip" {
		return "compressed without being asked"
	}
	var p struct {
		Status               int
		Code, Instance, Type string
	}
	switch err := json.Unmarshal(body, &p); {
	case a.Header.Get("Content-Type") != "application/problem+json" || err != nil:
		return fmt.Sprintf("%d is no problem document: %s", a.Status, short(string(body)))
	case p.Status != a.Status || p.Code == "" || p.Instance == "" || p.Type == "":
		return "an incomplete problem document: " + short(string(body))
	case len(body) > 256<<10:
		return fmt.Sprintf("%d bytes to say no", len(body))
	}
	for _, inside := range []string{"SQLSTATE", "pgx", "goroutine", ".go:", "catalog.", "inventory.stock", "panic"} {
		if bytes.Contains(body, []byte(inside)) {
			return "tells of the inside: " + short(string(body))
		}
	}
	return ""
}

func short(s string) string {
	if len(s) > 400 {
		s = s[:200] + "…" + s[len(s)-100:]
	}
	return fmt.Sprintf("%q", s)
}

// Bomb is n zero bytes, compressed.
func Bomb(t testing.TB, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	require.NoError(t, err)
	chunk := bytes.Repeat([]byte(" "), 1<<20)
	for left := n; left > 0; left -= len(chunk) {
		_, err := z.Write(chunk[:min(left, len(chunk))])
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
