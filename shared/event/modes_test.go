package event_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mallhive/product-service/shared/web/webtest"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
)

func whole() event.Event {
	return event.Event{
		ID: "e-1", Source: event.FromCatalog, Type: event.ProductUpdated, Subject: "Größe 50%", PartitionKey: "Größe 50%",
		Time: time.Date(2026, 11, 22, 16, 45, 0, 123456000, time.UTC), DataSchema: event.SchemaURL(base, event.ProductUpdated),
		Sequence: 42, Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Replay: true,
		Extensions: map[string]string{"knativeerrordata": "line one\nline \"two\""},
		Data:       json.RawMessage(`{"name":"Größe"}`),
	}
}

func post(contentType string, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func TestAnEventSurvivesBinaryModeOverHTTP(t *testing.T) {
	t.Parallel()
	got := make(chan event.Event, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, err := event.FromRequest(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if r.Header.Get("Ce-Sequence") != "00000000000000000042" || r.Header.Get("Ce-Subject") != "Gr%C3%B6%C3%9Fe%2050%25" {
			http.Error(w, "attributes are not as the binding wants them", http.StatusBadRequest)
			return
		}
		got <- e
	}))
	t.Cleanup(server.Close)
	req, err := whole().NewRequest(context.Background(), server.URL)
	require.NoError(t, err)
	resp, err := webtest.Client.Do(req)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode, string(body))
	require.Equal(t, whole(), <-got)
}

func TestAnEventSurvivesStructuredAndBatchMode(t *testing.T) {
	t.Parallel()
	body, err := json.Marshal(whole())
	require.NoError(t, err)
	one, err := event.FromRequest(post("application/cloudevents+json; charset=utf-8", "\xef\xbb\xbf"+string(body)))
	require.NoError(t, err)
	require.Equal(t, whole(), one)

	many, faults, err := event.FromBatch([]byte("[" + string(body) + `,{"specversion":"1.0"},` + string(body) + "]"))
	require.NoError(t, err)
	require.Equal(t, whole(), many[2])
	require.Len(t, faults, 1)
	require.True(t, fault.Is(faults[1], fault.Malformed))
}

func TestAReplySurvivesTheResponse(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := whole().WriteReply(r.Context(), w); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	t.Cleanup(server.Close)
	resp, err := webtest.Client.Get(server.URL)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	e, err := event.FromResponse(resp)
	require.NoError(t, err)
	require.Equal(t, whole(), e)
}

func TestAnEventWithoutOptionalAttributesIsTaken(t *testing.T) {
	t.Parallel()
	e, err := event.FromRequest(post("", "", "ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t", "CE-Other", "x"))
	require.NoError(t, err)
	require.Equal(t, event.Event{ID: "1", Source: "/s", Type: "t", Extensions: map[string]string{"other": "x"}}, e)
}

func TestDataThatIsNotJSONIsKeptAsItCame(t *testing.T) {
	t.Parallel()
	e, err := event.FromRequest(post("text/csv", "a,b\x00\xff", "ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t"))
	require.NoError(t, err)
	require.Equal(t, "text/csv", e.ContentType)
	stored, err := json.Marshal(e)
	require.NoError(t, err)
	var back event.Event
	require.NoError(t, json.Unmarshal(stored, &back))
	require.Equal(t, e, back)
}

func TestABodyIsReadWholeWhateverLengthItIsSaidToHave(t *testing.T) {
	t.Parallel()
	body := `{"a":"` + strings.Repeat("x", 200<<10) + `"}`
	for _, length := range []int64{-1, 0, 3, int64(len(body)), 1 << 40} {
		r := post("application/json", body, "ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t")
		r.ContentLength = length
		e, err := event.FromRequest(r)
		require.NoError(t, err)
		require.Equal(t, body, string(e.Data))
	}
}

func malformedRequests() map[string]*http.Request {
	structured := "application/cloudevents+json"
	return map[string]*http.Request{
		"empty":                     post("", ""),
		"plain JSON":                post("application/json", `{}`),
		"no id":                     post("", "", "ce-specversion", "1.0", "ce-source", "/s", "ce-type", "t"),
		"other specversion":         post("", "", "ce-specversion", "9", "ce-id", "1", "ce-source", "/s", "ce-type", "t"),
		"old specversion":           post("", "", "ce-specversion", "0.3", "ce-id", "1", "ce-source", "/s", "ce-type", "t"),
		"bad time":                  post("", "", "ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t", "ce-time", "yesterday"),
		"not UTF-8":                 post("", "", "ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t", "ce-subject", "%ff"),
		"structured, empty":         post(structured, ""),
		"structured, array":         post(structured, "[]"),
		"structured, null":          post(structured, "null"),
		"structured, cut":           post(structured, `{"specversion":"1.0","id":"1"`),
		"structured, two":           post(structured, `{"specversion":"1.0","id":"1","source":"/s","type":"t"}{}`),
		"structured, no version":    post(structured, `{"id":"1","source":"/s","type":"t"}`),
		"structured, number id":     post(structured, `{"specversion":"1.0","id":1,"source":"/s","type":"t"}`),
		"structured, base64 number": post(structured, `{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":1}`),
		"structured, bad base64":    post(structured, `{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"*"}`),
		"structured, object ext":    post(structured, `{"specversion":"1.0","id":"1","source":"/s","type":"t","ext":{}}`),
		"structured, odd ext name":  post(structured, `{"specversion":"1.0","id":"1","source":"/s","type":"t","a_b":"c"}`),
		"batch":                     post("application/cloudevents-batch+json", "[]"),
		"other format":              post("application/cloudevents+avro", "x"),
	}
}

func TestWhatIsNotAnEventIsMalformedWithAReason(t *testing.T) {
	t.Parallel()
	for name, r := range malformedRequests() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := event.FromRequest(r)
			require.True(t, fault.Is(err, fault.Malformed), "%v", err)
			require.NotEmpty(t, fault.As(err).Detail)
		})
	}
}

func FuzzNoBytesAreMoreThanRefused(f *testing.F) {
	f.Add("application/cloudevents+json", `{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"eA==","n":1}`, "a%20b")
	f.Add("application/json", `{"a":1}`, "\"q\"")
	f.Add("application/cloudevents+json", `{"data_base64":1,"specversion":"1.0"}`, "")
	f.Fuzz(func(t *testing.T, contentType, body, subject string) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader([]byte(body)))
		r.Header = http.Header{"Content-Type": {contentType}, "Ce-Specversion": {"1.0"}, "Ce-Id": {"1"}, "Ce-Source": {"/s"}, "Ce-Type": {"t"}, "Ce-Subject": {subject}}
		e, err := event.FromRequest(r)
		if err != nil {
			require.True(t, fault.Is(err, fault.Malformed), "%v", err)
			return
		}
		// Whatever was taken can be kept and sent on.
		stored, err := json.Marshal(e)
		require.NoError(t, err)
		var back event.Event
		require.NoError(t, json.Unmarshal(stored, &back), "%s", stored)
		require.Equal(t, e.Subject, back.Subject)
		_, err = e.NewRequest(context.Background(), "http://localhost/")
		require.NoError(t, err)
	})
}
