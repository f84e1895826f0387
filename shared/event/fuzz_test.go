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

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
)

// names are an event's, without the space around them that the SDK drops.
func names(e event.Event) []string {
	all := []string{e.ID, e.Source, e.Type, e.Subject}
	for i, name := range all {
		all[i] = strings.TrimSpace(name)
	}
	return all
}

// again holds what was read to what can be written: it comes back the same.
func again(t *testing.T, e event.Event) {
	t.Helper()
	text, err := json.Marshal(e)
	require.NoError(t, err)
	var back event.Event
	require.NoError(t, json.Unmarshal(text, &back), "%s", text)
	require.Equal(t, names(e), names(back))
	require.True(t, e.Time.Equal(back.Time), "%v %v", e.Time, back.Time)
}

func FuzzStructured(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `[]`, `null`, `{"specversion":"1.0","id":"1","source":"/s","type":"t"}`, `{"specversion":"0.3","id":"1","source":"/s","type":"t"}`,
		`{"specversion":"1.0","id":"1","source":"/s","type":"t","time":"2024-01-01T00:00:00Z","data":{"a":1},"sequence":"00000000000000000001"}`,
		`{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"AA=="}`, `{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":1}`,
		`{"specversion":"1.0","id":"1","source":"/s","type":"t","time":"9999-12-31T23:59:59-23:59"}`, `{"specversion":"1.0","id":"","source":"%zz","type":"t","x":{}}`,
		`{"datacontenttype":null,"specversion":"1.0","id":"1","source":"/s","type":"t","data":{},"x":1.5}`, `{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"a/b+json","data":[1e9],"x":5}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/cloudevents+json")
		e, err := event.FromRequest(r)
		if err != nil {
			require.True(t, fault.Is(err, fault.Malformed), "%v", err)
		} else {
			again(t, e)
		}
		events, faults, err := event.FromBatch(append(append([]byte("["), body...), ']'))
		if err == nil {
			for i, e := range events {
				if faults[i] == nil {
					again(t, e)
				}
			}
		}
	})
}

func FuzzBinary(f *testing.F) {
	f.Add("1", "/s", "t", "", "2024-01-01T00:00:00Z", "application/json", "1", []byte(`{}`))
	f.Add("%31", "%zz", "t t", "é", "9999-12-31T23:59:59-23:59", "text/plain", "-1", []byte("\x00"))
	f.Add("", "", "", "\"a\\\"b\"", "yesterday", "application/x;=", "99999999999999999999", []byte(nil))
	f.Fuzz(func(t *testing.T, id, source, typ, subject, time, form, sequence string, data []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(data))
		for name, v := range map[string]string{"Ce-Specversion": "1.0", "Ce-Id": id, "Ce-Source": source, "Ce-Type": typ, "Ce-Subject": subject, "Ce-Time": time, "Ce-Sequence": sequence, "Content-Type": form} {
			r.Header.Set(name, v)
		}
		e, err := event.FromRequest(r)
		if err != nil {
			require.True(t, fault.Is(err, fault.Malformed), "%v", err)
			return
		}
		again(t, e)
		out, err := e.NewRequest(context.Background(), "http://localhost/")
		require.NoError(t, err)
		for name, values := range out.Header {
			for _, v := range values {
				require.NotContains(t, v, "\n", name)
			}
		}
		back, err := event.FromRequest(out)
		require.NoError(t, err)
		require.Equal(t, names(e), names(back))
		require.Equal(t, string(e.Data), string(back.Data))
		_, _ = event.FromResponse(&http.Response{Header: out.Header, Body: io.NopCloser(bytes.NewReader(data))})
	})
}
