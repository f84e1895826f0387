package deadletter

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
)

// Whatever a broker may deliver can be kept, and comes back as what it was.
func FuzzLetter(f *testing.F) {
	f.Add("application/json", "500", "http://inventory/", "no\nanswer", "7", []byte(`{"sku":"A"}`))
	f.Add("text/plain", "-1", "%ff", "\"quoted \\\" \"", "x", []byte("\x00\xff"))
	f.Add("application/cloudevents+json", "", "", "", "", []byte(`{"specversion":"1.0","id":"1","source":"/s","type":"t","knativeerrorcode":422,"knativeerrordata":true,"data_base64":"AA=="}`))
	f.Fuzz(func(t *testing.T, form, code, destination, reason, ttl string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/dead-letters", bytes.NewReader(body))
		for name, v := range map[string]string{"Ce-Specversion": "1.0", "Ce-Id": "1", "Ce-Source": "/s", "Ce-Type": "t", "Content-Type": form,
			"Ce-Knativeerrorcode": code, "Ce-Knativeerrordest": destination, "Ce-Knativeerrordata": reason, "Ce-Knativebrokerttl": ttl, "Ce-Other": ttl} {
			r.Header.Set(name, v)
		}
		e, err := event.FromRequest(r)
		if err != nil {
			return
		}
		l := FromBroker(e)
		require.True(t, l.Status >= 0 && l.Status < 1000)
		for name := range l.Event.Extensions {
			require.False(t, strings.HasPrefix(name, attributesOfKnative), name)
		}
		kept, err := json.Marshal(l.Event)
		require.NoError(t, err)
		var back event.Event
		require.NoError(t, json.Unmarshal(kept, &back), "%s", kept)
		if l.Event.IsJSON() && json.Valid(l.Event.Data) {
			require.JSONEq(t, string(l.Event.Data), string(back.Data))
		} else {
			require.Equal(t, string(l.Event.Data), string(back.Data))
		}
		if len(l.Event.Data) > 0 { // without data its form says nothing
			require.Equal(t, l.Event.ContentType, back.ContentType)
		}
		require.True(t, maps.Equal(l.Event.Extensions, back.Extensions), "%v %v", l.Event.Extensions, back.Extensions)
	})
}
