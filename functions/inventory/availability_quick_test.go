package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"github.com/mallhive/product-service/functions/inventory/internal/availability"
	"github.com/mallhive/product-service/shared/auth"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/money"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/web"
)

// onlyToken is an authenticator that knows one.
type onlyToken struct{}

func (onlyToken) Verify(_ context.Context, token string) (auth.Caller, error) {
	if token != "good" {
		return auth.Caller{}, fault.New(fault.Unauthenticated, "invalid_token", "it is unknown")
	}
	return auth.Caller{Subject: "buyer"}, nil
}

// twins answers the operation on two paths: as it is, and by huma alone.
type twins struct {
	*httptest.Server
	quick atomic.Int64 // that the first answered without huma
}

func startTwins(t testing.TB, db postgres.DB) *twins {
	t.Helper()
	tw := &twins{}
	api := web.New(web.Options{Function: "f", Title: "f", Version: "1", Authenticator: onlyToken{}})
	checker := availability.NewChecker(db)
	op := func(id, path string) huma.Operation { return operation(id, "POST", path, "x", "x", web.Public()) }
	quick := quickAvailability(checker, "USD")
	web.Register(api, web.Quickly(op("quick", "/quick"), func(ctx context.Context, w http.ResponseWriter, r *http.Request) bool {
		answered := quick(ctx, w, r)
		if answered {
			tw.quick.Add(1)
		}
		return answered
	}), checkAvailability(checker, "USD"))
	web.Register(api, op("plain", "/plain"), checkAvailability(checker, "USD"))
	handler, err := web.Edge{Log: zap.NewNop(), AllowedOrigins: []string{"https://cart.example"}, RequestTimeout: 10 * time.Second}.Handler(api)
	require.NoError(t, err)
	tw.Server = httptest.NewServer(handler)
	t.Cleanup(tw.Close)
	return tw
}

type sent struct {
	query   string
	headers map[string]string
	body    []byte
	chunked bool
}

func (s sent) to(tw *twins, path string) (status int, header http.Header, body string, err error) {
	var reader io.Reader = bytes.NewReader(s.body)
	if s.chunked {
		reader = io.MultiReader(reader) // of a length that is not known
	}
	req, err := http.NewRequest(http.MethodPost, tw.URL+path+s.query, reader)
	if err != nil {
		return 0, nil, "", err
	}
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("X-Request-Id", "same")
	req.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	for k, v := range s.headers {
		req.Header.Set(k, v)
	}
	res, err := tw.Client().Do(req)
	if err != nil {
		return 0, nil, "", err
	}
	defer func() { _ = res.Body.Close() }()
	var text []byte
	if res.Header.Get("Content-Encoding") == "gzip" {
		var zipped *gzip.Reader
		if zipped, err = gzip.NewReader(res.Body); err == nil {
			text, err = io.ReadAll(zipped)
		}
	} else {
		text, err = io.ReadAll(res.Body)
	}
	for _, name := range []string{"Date", "Content-Length"} {
		res.Header.Del(name)
	}
	return res.StatusCode, res.Header, string(text), err
}

// alike holds both answers to each other; the time of the reads may differ, and
// of several faults the order.
func (s sent) alike(t require.TestingT, tw *twins) (status int) {
	status, header, body, err := s.to(tw, "/quick")
	require.NoError(t, err)
	wantStatus, wantHeader, wantBody, err := s.to(tw, "/plain")
	require.NoError(t, err)
	require.Equal(t, wantStatus, status, "%s: %s and %s", s.body, wantBody, body)
	require.Equal(t, wantHeader, header, "%s", s.body)
	require.Equal(t, said(t, wantBody), said(t, body), "%s", s.body)
	return status
}

// said is an answer without its time, which is checked, and with faults in a
// map, as which huma finds them.
func said(t require.TestingT, body string) map[string]any {
	var doc map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &doc), "%s", body)
	if at, there := doc["checked_at"]; there {
		checked, err := time.Parse(time.RFC3339Nano, fmt.Sprint(at))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), checked, time.Hour)
		delete(doc, "checked_at")
	}
	if faults, there := doc["errors"].([]any); there {
		set := map[string]int{}
		for _, f := range faults {
			set[fmt.Sprint(f)]++
		}
		doc["errors"] = set
	}
	return doc
}

func offeredShop(t *testing.T) *shop {
	s := stocked(t, map[string]int{"A": 500, "FEW": 2, "DRAFT": 10, "LIMITED": 10, "LATER": 1})
	price := map[string]int64{"USD": 1999, "EUR": 1799}
	s.offer("A", `Kettle <"&\ é>`+"\u2028", "active", price)
	s.offer("FEW", "Teapot", "active", price)
	s.offer("DRAFT", "Secret", "draft", price)
	s.offer("LIMITED", "Cup", "active", price)
	s.offer("LATER", "Pan", "active", price)
	s.policy("LIMITED", members{"max_per_order": 1})
	s.policy("LATER", members{"when_out_of_stock": "backorder", "backorder_limit": 10, "available_on": "2999-01-02T03:04:05.678Z"})
	return s
}

func TestACartIsAnsweredQuicklyAsItIsByHuma(t *testing.T) {
	t.Parallel()
	s := offeredShop(t)
	tw := startTwins(t, s.DB.Pool(t, "inventory"))
	for body, status := range map[string]int{
		`{"lines":[{"sku":"A","quantity":2}]}`: 200,
		` {"currency":"EUR", "lines":[{"quantity":2,"sku":"A","expected_price":{"currency":"EUR","amount":0}}]} `:      200,
		`{"lines":[{"sku":"A","quantity":1},{"sku":"FEW","quantity":3},{"sku":"DRAFT","quantity":1}]}`:                 200,
		`{"lines":[{"sku":"LIMITED","quantity":9},{"sku":"LATER","quantity":3},{"sku":"NONE","quantity":1000000000}]}`: 200,
		`{"lines":[` + strings.Repeat(`{"sku":"A","quantity":1},`, 249) + `{"sku":"B","quantity":1}]}`:                 200,
	} {
		before := tw.quick.Load()
		require.Equal(t, status, sent{body: []byte(body)}.alike(t, tw), body)
		require.Equal(t, before+1, tw.quick.Load(), "huma was asked for %s", body)
		require.Equal(t, status, sent{body: []byte(body), headers: map[string]string{"Accept-Encoding": "gzip"}}.alike(t, tw), body)
	}
}

func TestWhatIsUnusualIsLeftToHuma(t *testing.T) {
	t.Parallel()
	s := offeredShop(t)
	tw := startTwins(t, s.DB.Pool(t, "inventory"))
	usual := `{"lines":[{"sku":"A","quantity":2}]}`
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(usual))
	_ = z.Close()
	headers := func(pairs ...string) map[string]string {
		all := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			all[pairs[i]] = pairs[i+1]
		}
		return all
	}
	for i, c := range []struct {
		sent
		want int
	}{
		{sent{body: zipped.Bytes(), headers: headers("Content-Encoding", "gzip")}, 200},
		{sent{body: []byte(usual), headers: headers("Content-Encoding", "gzip")}, 400},
		{sent{body: []byte(usual), headers: headers("Content-Encoding", "br")}, 415},
		{sent{body: []byte(usual), chunked: true}, 200},
		{sent{body: []byte(usual), query: "?a=1"}, 422},
		{sent{body: []byte(usual), query: "?%zz"}, 400},
		{sent{body: []byte(usual), headers: headers("Content-Type", "text/plain")}, 415},
		{sent{body: []byte(usual), headers: headers("Accept", "text/html")}, 406},
		{sent{body: []byte(usual), headers: headers("Authorization", "Bearer bad")}, 401},
		{sent{body: nil}, 400},
		{sent{body: []byte(`{"lines":[` + strings.Repeat(" ", 70<<10) + `{"sku":"A","quantity":2}]}`)}, 200},
		{sent{body: []byte(`{"lines":[` + strings.Repeat(" ", 2<<20) + `{"sku":"A","quantity":2}]}`)}, 413},
		{sent{body: []byte(`{"lines":[{"sku":"A","quantity":2.0}]}`)}, 422},
		{sent{body: []byte(`{"lines":[{"sku":"\u0041","quantity":2}]}`)}, 200},
		{sent{body: []byte(`{"lines":[{"sku":"A\u0000","quantity":2}]}`)}, 422},
		{sent{body: []byte(`{"lines":[{"sku":"a b","quantity":2}]}`)}, 200},
		{sent{body: []byte(`{"lines":[{"sku":"A","quantity":2}]} x`)}, 400},
		{sent{body: []byte(`{"currency":"usd","lines":[{"sku":"A","quantity":2}]}`)}, 422},
		{sent{body: []byte(`{"currency":"XXX","lines":[{"sku":"A","quantity":2}]}`)}, 422},
	} {
		require.Equal(t, c.want, c.alike(t, tw), "case %d: %.100s", i, c.body)
		require.Zero(t, tw.quick.Load(), "case %d", i)
	}
	for i, also := range []map[string]string{
		headers("Origin", "https://cart.example"), headers("Origin", "https://other.example"), headers("Authorization", "Bearer good"),
		headers("Accept", "text/html, */*;q=0.1"), headers("Content-Type", "application/json; charset=utf-8"),
	} {
		require.Equal(t, 200, sent{body: []byte(usual), headers: also}.alike(t, tw), "%v", also)
		require.EqualValues(t, i+1, tw.quick.Load(), "huma was asked with %v", also)
	}
}

func TestADeadDatabaseIsAnsweredAlike(t *testing.T) {
	t.Parallel()
	db := offeredShop(t).DB.Pool(t, "inventory")
	tw := startTwins(t, db)
	db.Close()
	require.Equal(t, 503, sent{body: []byte(`{"lines":[{"sku":"A","quantity":2}]}`)}.alike(t, tw))
	require.EqualValues(t, 1, tw.quick.Load())
}

// pieces are of what carts are made, well and badly.
var (
	skuPieces      = []string{`"A"`, `"FEW"`, `"DRAFT"`, `"LIMITED"`, `"LATER"`, `"NONE"`, `"a b"`, `""`, `"\u0041"`, `"é"`, `7`, `null`, `"` + strings.Repeat("x", 65) + `"`}
	numberPieces   = []string{`1`, `2`, `3`, `100`, `1000000000`, `1000000001`, `0`, `-0`, `-1`, `1.0`, `1e2`, `1.5`, `01`, `"1"`, `null`, `99999999999999999999`}
	currencyPieces = []string{`"USD"`, `"EUR"`, `"usd"`, `"XXX"`, `"US"`, `""`, `"USDX"`, `null`, `1`}
	pricePieces    = []string{`{"amount":1999,"currency":"USD"}`, `{"currency":"EUR","amount":1799}`, `{"amount":0,"currency":"USD"}`, `{"amount":1}`, `{}`, `[]`,
		`{"amount":1,"currency":"USD","x":1}`, `{"amount":1000000000000001,"currency":"USD"}`, `{"amount":1,"amount":2,"currency":"USD"}`, `null`}
)

// drawCart makes a cart that is well formed often enough.
func drawCart(t *rapid.T) []byte {
	piece := func(name string, pieces []string, usual int) string {
		if rapid.IntRange(0, 9).Draw(t, name+" is usual") > 0 {
			pieces = pieces[:usual]
		}
		return rapid.SampledFrom(pieces).Draw(t, name)
	}
	odd := func(name string) bool { return rapid.IntRange(0, 29).Draw(t, name) == 0 }
	var lines []string
	for range rapid.IntRange(0, 4).Draw(t, "lines") {
		line := []string{`"sku":` + piece("sku", skuPieces, 6), `"quantity":` + piece("quantity", numberPieces, 5)}
		if rapid.Bool().Draw(t, "with a price") {
			line = append(line, `"expected_price":`+piece("price", pricePieces, 3))
		}
		if odd("another member") {
			line = append(line, rapid.SampledFrom([]string{`"x":1`, `"sku":"A"`, `"SKU":"A"`, `"\u0073ku":"A"`}).Draw(t, "member"))
		}
		if odd("a member is missing") {
			line = line[1:]
		}
		lines = append(lines, "{"+strings.Join(line, ",")+"}")
	}
	body := []string{`"lines":[` + strings.Join(lines, ", ") + `]`}
	if rapid.Bool().Draw(t, "with a currency") {
		body = append(body, `"currency":`+piece("currency", currencyPieces, 2))
	}
	text := "{" + strings.Join(rapid.Permutation(body).Draw(t, "members"), ",") + "}"
	if odd("damage") {
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		text = text[:at] + rapid.SampledFrom([]string{"", ",", "}", "\"", "\x00", "\xff", "\ufeff", " "}).Draw(t, "by") + text[at+1:]
	}
	return []byte(text)
}

func TestRandomCartsAreAnsweredAlike(t *testing.T) {
	t.Parallel()
	tw := startTwins(t, offeredShop(t).DB.Pool(t, "inventory"))
	rapid.Check(t, func(t *rapid.T) { sent{body: drawCart(t)}.alike(t, tw) })
	if !testing.Short() { // of few carts all may be odd
		require.Positive(t, tw.quick.Load())
	}
}

// What is read quickly is what huma and encoding/json would have read, and
// breaks no rule of the document.
func FuzzCart(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `{}`, `{"lines":[]}`, `{"lines":[{"sku":"A","quantity":1}]}`, `{"lines":[{"sku":"A","quantity":1}],"lines":[]}`,
		`{"currency":"EUR","lines":[{"expected_price":{"amount":1,"currency":"EUR"},"sku":"A","quantity":1000000000}]}`,
		`{"lines":[{"sku":"A","quantity":1e1}]}`, `{"lines":[{"sku":"A\u0000","quantity":1}]}`, `{"LINES":[{"sku":"A","quantity":1}]} `,
	} {
		f.Add([]byte(seed))
	}
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	schema := huma.SchemaFromType(registry, reflect.TypeFor[availabilityInput]().Field(0).Type)
	f.Fuzz(func(t *testing.T, body []byte) {
		cart, usual := readCart(body)
		if !usual {
			return
		}
		var value any
		require.NoError(t, json.Unmarshal(body, &value))
		if cart.holdsMoneyOf(cart.currency) || cart.currency == "" {
			require.Empty(t, web.Validate(registry, schema, value), "%s", body)
		}
		var in availabilityInput
		require.NoError(t, json.Unmarshal(body, &in.Body))
		require.Equal(t, in.Body.Currency, cart.currency)
		require.Len(t, cart.wishes, len(in.Body.Lines))
		for i, l := range in.Body.Lines {
			require.Equal(t, availability.Wish{SKU: l.SKU, Quantity: l.Quantity, ExpectedPrice: l.ExpectedPrice}, cart.wishes[i])
		}
	})
}

func TestAnAnswerIsWrittenAsByEncodingJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"<&>\u2028\x00\"\\/\x7f", "é\xff"}))
		at := func() time.Time {
			return time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanosecond")).UTC()
		}
		doc := availabilityDoc{Orderable: rapid.Bool().Draw(t, "orderable"), CheckedAt: at(), Lines: []availabilityLine{}}
		for range rapid.IntRange(0, 3).Draw(t, "lines") {
			l := availabilityLine{
				SKU: text.Draw(t, "sku"), Name: rapid.Ptr(text, true).Draw(t, "name"), Requested: rapid.Int64().Draw(t, "requested"),
				AvailableToOrder: rapid.Int64().Draw(t, "orderable"), Status: text.Draw(t, "status"),
				Reasons: rapid.SliceOfN(text, 0, 3).Draw(t, "reasons"),
			}
			if rapid.Bool().Draw(t, "all") {
				when, on := sending(text.Draw(t, "delivery")), at()
				l.UnitPrice = &money.Money{Amount: rapid.Int64().Draw(t, "amount"), Currency: text.Draw(t, "currency")}
				l.Delivery, l.AvailableOn = &when, &on
			}
			doc.Lines = append(doc.Lines, l)
		}
		want, err := json.Marshal(doc)
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(appendAvailability(nil, doc)))
	})
}

func TestHalfACartIsAnsweredAlike(t *testing.T) {
	t.Parallel()
	tw := startTwins(t, offeredShop(t).DB.Pool(t, "inventory"))
	said := func(path string) string {
		conn, err := net.Dial("tcp", tw.Listener.Addr().String())
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nX-Request-Id: same\r\nContent-Length: 50\r\n\r\n{\"lines\":[{\"sku\":\"A\"", path)
		require.NoError(t, err)
		require.NoError(t, conn.(*net.TCPConn).CloseWrite())
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Equal(t, 400, res.StatusCode)
		return string(body)
	}
	require.Equal(t, said("/plain"), said("/quick"))
	require.Zero(t, tw.quick.Load())
}
