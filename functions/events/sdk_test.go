package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
)

// message is a delivery as the SDK takes it.
type message struct {
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

func TestTheJavaScriptSDKSendsInteractionsAndReadsDeliveries(t *testing.T) {
	t.Parallel()
	client := os.Getenv("CLOUDEVENTS_CLIENT")
	if client == "" {
		t.Skip("make check-asyncapi runs it, where Node is")
	}
	b := startBroker(t)
	var mu sync.Mutex
	var sent []message
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		m := message{Headers: map[string]string{}, Body: string(body)}
		for name := range r.Header {
			m.Headers[strings.ToLower(name)] = r.Header.Get(name)
		}
		mu.Lock()
		sent = append(sent, m)
		mu.Unlock()
		r.Body = io.NopCloser(strings.NewReader(m.Body))
		b.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	s := start(t, &recorder{URL: front.URL})
	node(t, nil, client, "interactions", s.URL)
	low := stockLow(t, "A", 1)
	appended(t, s, low)
	wake(t, s)

	took := b.took()
	require.Len(t, took, 6)
	ids := map[string]string{}
	for _, e := range took[:5] {
		require.Equal(t, event.InteractionSaved, e.Type)
		ids[e.ID] = dataOf(t, e).SessionID
	}
	require.Equal(t, map[string]string{
		"binary": "session of binary", "structured": "session of structured",
		"batch-1": "session of batch-1", "batch-2": "session of batch-2", "beacon": "",
	}, ids)
	require.Equal(t, low.ID, took[5].ID)

	mu.Lock()
	defer mu.Unlock()
	input, err := json.Marshal(sent)
	require.NoError(t, err)
	var read []event.Event
	require.NoError(t, json.Unmarshal(node(t, input, client, "read"), &read))
	require.Len(t, read, len(sent))
	found := map[string]event.Event{}
	for _, e := range read {
		found[e.ID] = e
	}
	for _, e := range took {
		require.JSONEq(t, string(e.Data), string(found[e.ID].Data))
		e.Data = found[e.ID].Data
		// The SDK writes times in milliseconds.
		require.WithinDuration(t, e.Time, found[e.ID].Time, 1e6)
		e.Time = found[e.ID].Time
		require.Equal(t, e, found[e.ID])
	}
}

func node(t *testing.T, input []byte, args ...string) []byte {
	t.Helper()
	c := exec.CommandContext(t.Context(), "node", args...)
	c.Stdin = strings.NewReader(string(input))
	var trouble strings.Builder
	c.Stderr = &trouble
	out, err := c.Output()
	require.NoError(t, err, "%s", trouble.String())
	return out
}
