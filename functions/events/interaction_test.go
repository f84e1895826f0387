package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

type taken struct {
	Accepted int
	Rejected []struct {
		Index  int
		Reason string
	}
}

func interact(t *testing.T, s *servicetest.Server, body any, headers ...servicetest.Header) taken {
	t.Helper()
	answer := s.Do(t, "POST", "/v1/interactions", body, headers...)
	require.Equal(t, http.StatusAccepted, answer.Status, "%s", answer.Body)
	var got taken
	answer.JSON(t, &got)
	require.NotNil(t, got.Rejected)
	return got
}

func contentType(form string) servicetest.Header {
	return servicetest.Header{Name: "Content-Type", Value: form}
}

func dataOf(t *testing.T, e event.Event) event.InteractionData {
	t.Helper()
	require.NoError(t, event.NewSchemas().Check(e))
	var d event.InteractionData
	require.NoError(t, e.Decode(&d))
	return d
}

func TestAViewReachesTheBrokerAsOneEvent(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	product := newProduct(t, s)
	at := time.Now().UTC().Add(-time.Minute).Truncate(time.Millisecond)
	got := interact(t, s, map[string]any{"interactions": []any{map[string]any{
		"id": "click-7", "type": "view", "product_id": product, "session_id": "s", "user_id": "u", "occurred_at": at,
		"page": "https://products.mallhive.com/toner", "referrer": "https://homepage.mallhive.com", "list": "search",
		"position": 3, "query": "toner", "consent": true,
	}}}, servicetest.Header{Name: "Traceparent", Value: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
	require.Equal(t, 1, got.Accepted)
	require.Empty(t, got.Rejected)
	took := b.took()
	require.Len(t, took, 1)
	e := took[0]
	require.Equal(t, "click-7", e.ID, "the caller's id makes its retries recognisable")
	require.Equal(t, event.InteractionViewed, e.Type)
	require.Equal(t, event.FromEvents, e.Source)
	require.Equal(t, product.String(), e.Subject)
	require.Equal(t, at, e.Time)
	require.NotZero(t, e.Sequence)
	require.Contains(t, e.Traceparent, "4bf92f3577b34da6a3ce929d0e0e4736")
	require.Equal(t, "https://product.internal.mallhive.com/v1/event-types/"+e.Type, e.DataSchema)
	d := dataOf(t, e)
	require.True(t, *d.ProductKnown)
	require.Equal(t, "s", d.SessionID)
	require.Equal(t, "u", d.UserID)
	require.Equal(t, int64(3), *d.Position)
	require.Zero(t, waiting(t, s))
}

func TestWithoutConsentNobodyIsNamed(t *testing.T) {
	t.Parallel()
	data := `"sku":"A","session_id":"s-secret","user_id":"u-secret","page":"https://u:secret@shop/a?who=secret#secret","referrer":"https://shop/?secret","query":"toner"`
	ce := `{"specversion":"1.0","id":"i","source":"/secret","type":"save","userid":"secret","sessionid":"secret","partitionkey":"secret","sequence":"secret","data":{` + data + `}}`
	for form, body := range map[string]string{
		"application/json":                   `{"interactions":[{"type":"save",` + data + `}]}`,
		"text/plain;charset=UTF-8":           `{"interactions":[{"type":"save",` + data + `}]}`,
		"application/cloudevents+json":       ce,
		"application/cloudevents-batch+json": "[" + ce + "]",
	} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t)
			s := start(t, b)
			require.Equal(t, 1, interact(t, s, body, contentType(form)).Accepted)
			require.Len(t, b.took(), 1)
			e := b.took()[0]
			sent, err := json.Marshal(e)
			require.NoError(t, err)
			require.NotContains(t, string(sent), "secret")
			d := dataOf(t, e)
			require.False(t, d.Consent)
			require.Equal(t, "toner", d.Query)
			require.Equal(t, "https://shop/a", d.Page)
		})
	}
}

func TestWithoutConsentABinaryEventNamesNobody(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	one := event.Event{
		ID: "i", Source: "/secret", Type: "view", Data: json.RawMessage(`{"sku":"A","user_id":"secret"}`),
		Extensions: map[string]string{"userid": "secret"}, PartitionKey: "secret", DataSchema: "https://secret",
	}
	require.Equal(t, http.StatusAccepted, deliver(t, s, "/v1/interactions", one).Status)
	sent, err := json.Marshal(b.took()[0])
	require.NoError(t, err)
	require.NotContains(t, string(sent), "secret")
}

func TestNothingOfTheRequestItselfGoesOn(t *testing.T) {
	t.Parallel()
	var dump []byte
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dump, _ = httputil.DumpRequest(r, true)
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(sink.Close)
	s := start(t, &recorder{URL: sink.URL})
	token := s.Bearer(t)
	headers := []servicetest.Header{
		token, {Name: "User-Agent", Value: "secret-agent"}, {Name: "X-Forwarded-For", Value: "203.0.113.7"}, {Name: "Forwarded", Value: "for=203.0.113.7"},
		{Name: "Cookie", Value: "session=secret"}, {Name: "Referer", Value: "https://shop/?secret"}, {Name: "Origin", Value: "https://products.mallhive.com"},
	}
	require.Equal(t, 1, interact(t, s, `{"interactions":[{"type":"view","sku":"A","consent":true,"session_id":"s"}]}`, headers...).Accepted)
	for _, private := range []string{"secret", "203.0.113.7", "127.0.0.1:1", strings.TrimPrefix(token.Value, "Bearer ")} {
		require.NotContains(t, strings.ReplaceAll(string(dump), strings.TrimPrefix(sink.URL, "http://"), ""), private)
		for _, line := range s.Logs.All() {
			require.NotContains(t, fmt.Sprint(line.Message, line.ContextMap()), private)
		}
	}
}

func TestTheSameIDTwiceInOneRequestIsSaidSo(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	got := interact(t, s, `{"interactions":[{"id":"a","type":"view","sku":"A"},{"id":"b","type":"view","sku":"A"},{"id":"a","type":"click","sku":"B"}]}`)
	require.Equal(t, 2, got.Accepted)
	require.Len(t, got.Rejected, 1)
	require.Equal(t, 2, got.Rejected[0].Index)
	require.Equal(t, "id: item 0 has it", got.Rejected[0].Reason)
	require.Equal(t, map[string]bool{"a": true, "b": true}, ids(b.took()))
	require.Len(t, b.took(), 2)
}

func TestARetryKeepsItsID(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	body := `{"interactions":[{"id":"a","type":"view","sku":"A"}]}`
	interact(t, s, body)
	interact(t, s, body)
	took := b.took()
	require.Len(t, took, 2)
	require.Equal(t, took[0].ID, took[1].ID)
	require.Greater(t, took[1].Sequence, took[0].Sequence)
}

func TestEachItemIsJudgedAlone(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	got := interact(t, s, `{"interactions":[
		{"type":"view","sku":"A"},
		{"type":"buy","sku":"A"},
		{"type":"view"},
		{"type":"view","sku":"A","colour":"red"},
		{"type":"view","sku":"A","occurred_at":"yesterday"},
		{"type":"view","sku":"A","position":-1,"list":"`+strings.Repeat("x", 257)+`"},
		{"type":"view","sku":"A","query":"a\u0000b"},
		{"type":"view","sku":7},
		null,
		"view",
		{"type":"click","sku":"A"}]}`)
	require.Equal(t, 2, got.Accepted)
	reasons := map[int]string{}
	for _, r := range got.Rejected {
		reasons[r.Index] = r.Reason
	}
	require.Equal(t, map[int]string{
		1: "type: one of view, click, save",
		2: "product_id or sku is required",
		3: `unknown field "colour"`,
		4: "occurred_at: not an RFC 3339 time",
		5: "list: at most 256 characters; position: not negative",
		6: "query: control characters",
		7: "sku: not a string",
		8: "not an object",
		9: "not an object",
	}, reasons)
	require.Len(t, b.took(), 2)
}

func TestUnknownProductsAreMarkedNotDropped(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	product := newProduct(t, s)
	body := fmt.Sprintf(`{"interactions":[{"id":"a","type":"view","product_id":"%s"},{"id":"b","type":"view","product_id":"%s"},
		{"id":"c","type":"view","sku":"ICE-1"},{"id":"d","type":"view","sku":"NONE"},{"id":"e","type":"view","product_id":"not-an-id"}]}`, product, uuid.New())
	known, subject := map[string]bool{}, map[string]string{}
	// A slow machine may leave them unchecked, which is no failure: ask again.
	require.Eventually(t, func() bool {
		before := len(b.took())
		interact(t, s, body)
		for _, e := range b.took()[before:] {
			if d := dataOf(t, e); d.ProductKnown != nil {
				known[e.ID], subject[e.ID] = *d.ProductKnown, e.Subject
			}
		}
		return len(known) == 5
	}, time.Minute, 20*time.Millisecond)
	require.Equal(t, map[string]bool{"a": true, "b": false, "c": true, "d": false, "e": false}, known)
	require.Equal(t, product.String(), subject["c"], "a SKU leads to its product")
	require.Equal(t, "NONE", subject["d"])
}

func TestAClockThatIsFarOffIsCorrectedAndMarked(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	interact(t, s, fmt.Sprintf(`{"interactions":[{"id":"past","type":"view","sku":"A","occurred_at":"2001-01-01T00:00:00Z"},
		{"id":"future","type":"view","sku":"A","occurred_at":"%s"},{"id":"near","type":"view","sku":"A","occurred_at":"%s"}]}`,
		time.Now().Add(25*time.Hour).UTC().Format(time.RFC3339), time.Now().Add(-23*time.Hour).UTC().Format(time.RFC3339)))
	for _, e := range b.took() {
		d := dataOf(t, e)
		require.Equal(t, e.ID != "near", d.ClaimedAt != nil, e.ID)
		if e.ID != "near" {
			require.WithinDuration(t, time.Now(), d.OccurredAt, time.Minute)
			require.Equal(t, d.OccurredAt, e.Time)
		}
	}
	require.Len(t, b.took(), 3)
}

func TestInteractionsComeInEveryForm(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	one := event.Event{ID: "ce", Source: "https://shop", Type: event.InteractionClicked, Subject: "ICE-9", Time: time.Now().UTC().Truncate(time.Second), Data: json.RawMessage(`{"sku":"ICE-9","consent":false}`)}
	structured, err := json.Marshal(one)
	require.NoError(t, err)
	items := `{"interactions":[{"id":"beacon","type":"save","sku":"ICE-9"}]}`

	require.Equal(t, 1, interact(t, s, items, contentType("text/plain;charset=UTF-8")).Accepted)
	require.Equal(t, 1, interact(t, s, "\xef\xbb\xbf"+items, contentType("application/json; charset=utf-8")).Accepted)
	require.Equal(t, 1, interact(t, s, structured, contentType("application/cloudevents+json")).Accepted)
	batch := interact(t, s, "["+string(structured)+`,{"specversion":"1.0"},{"specversion":"1.0","id":"x","source":"/s","type":"com.mallhive.order.placed.v1","data":{"sku":"A"}}]`, contentType("application/cloudevents-batch+json"))
	require.Equal(t, 1, batch.Accepted)
	require.Len(t, batch.Rejected, 2)
	binary := deliver(t, s, "/v1/interactions", one)
	require.Equal(t, http.StatusAccepted, binary.Status, "%s", binary.Body)

	took := b.took()
	require.Len(t, took, 5)
	for _, e := range took[2:] {
		require.Equal(t, "ce", e.ID)
		require.Equal(t, event.InteractionClicked, e.Type)
		require.Equal(t, one.Time, e.Time)
		require.Equal(t, "ICE-9", dataOf(t, e).SKU)
	}
}

func TestWhatIsNoListOfInteractionsIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, startBroker(t))
	item := `{"type":"view","sku":"A"}`
	for name, c := range map[string]struct {
		body, form string
		status     int
		code       string
	}{
		"not JSON":       {`{"interactions":[`, "application/json", 400, "malformed"},
		"an array":       {`[` + item + `]`, "application/json", 400, "malformed"},
		"other field":    {`{"interactions":[` + item + `],"x":1}`, "application/json", 422, "invalid"},
		"no list":        {`{}`, "application/json", 422, "invalid"},
		"null list":      {`{"interactions":null}`, "application/json", 422, "invalid"},
		"501 items":      {`{"interactions":[` + strings.Repeat(item+",", 500) + item + `]}`, "application/json", 422, "invalid"},
		"501 events":     {`[` + strings.Repeat(`{},`, 500) + `{}]`, "application/cloudevents-batch+json", 422, "invalid"},
		"more than 1MiB": {`{"interactions":[` + strings.Repeat(" ", 1<<20) + `]}`, "application/json", 413, "too_large"},
		"other form":     {"a,b", "text/csv", 415, "unsupported_media_type"},
		"half an event":  {`{"specversion":"1.0"}`, "application/cloudevents+json", 400, "unreadable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := s.Do(t, "POST", "/v1/interactions", c.body, contentType(c.form))
			require.Equal(t, c.status, answer.Status, "%s", answer.Body)
			var p struct{ Code, Instance string }
			answer.JSON(t, &p)
			require.NotEmpty(t, p.Instance)
			if c.code != "unreadable" {
				require.Equal(t, c.code, p.Code)
			}
		})
	}
}

func TestAParameterNobodyDeclaredIsRefused(t *testing.T) {
	t.Parallel()
	answer := start(t, nil).Do(t, "POST", "/v1/interactions?dry_run=true", `{"interactions":[]}`)
	require.Equal(t, http.StatusUnprocessableEntity, answer.Status)
	require.Contains(t, string(answer.Body), "/dry_run")
}

func TestInteractionsOutliveABrokerThatIsDown(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"answers 500": 500, "cuts the connection": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t)
			b.answers(always(status))
			s := start(t, b)
			var items []string
			for i := range 50 {
				items = append(items, fmt.Sprintf(`{"id":"i%d","type":"view","sku":"A"}`, i))
			}
			body := `{"interactions":[` + strings.Join(items, ",") + `]}`
			for range 2 { // a browser that tries again changes nothing
				require.Equal(t, 50, interact(t, s, body).Accepted)
			}
			require.Equal(t, int64(50), waiting(t, s))
			b.answers(nil)
			wake(t, s)
			require.Len(t, ids(b.took()), 50)
			require.Zero(t, waiting(t, s))
		})
	}
}

func TestInteractionsNeedNoDatabase(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	cfg := &config{}
	cfg.EventAuth, cfg.Sink, cfg.DatabaseURL = "network", b.URL, "postgres://nobody@127.0.0.1:1/none"
	s := servicetest.Start(t, "events", cfg, routes)
	require.Equal(t, 1, interact(t, s, `{"interactions":[{"type":"view","sku":"A"}]}`).Accepted)
	require.Nil(t, dataOf(t, b.took()[0]).ProductKnown, "nobody could say")

	b.answers(always(500))
	answer := s.Do(t, "POST", "/v1/interactions", `{"interactions":[{"type":"view","sku":"A"}]}`)
	require.Equal(t, http.StatusServiceUnavailable, answer.Status, "neither sent nor stored")
	require.NotEmpty(t, answer.Header.Get("Retry-After"))
}

func TestSequencesOfInteractionsRise(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	for range 20 {
		interact(t, s, `{"interactions":[{"type":"view","sku":"A"}]}`)
	}
	var last int64
	for _, e := range b.took() {
		require.Greater(t, e.Sequence, last)
		last = e.Sequence
	}
}
