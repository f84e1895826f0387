package event_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
)

func TestASinkThatAsksForATokenGetsTheNewestOne(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	want := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wanted := <-want
		if r.Header.Get("Authorization") != wanted {
			w.WriteHeader(http.StatusUnauthorized)
		}
		want <- wanted
	}))
	t.Cleanup(server.Close)
	s := sender(t, event.SenderOptions{Sink: server.URL, TokenFile: file})
	send := func(expected string) event.Receipt {
		want <- expected
		defer func() { <-want }()
		return s.Send(context.Background(), whole())
	}

	require.Equal(t, event.Delivered, send("").Outcome, "there is no token yet, and none is asked for")
	require.Equal(t, event.Retry, send("Bearer first").Outcome, "its event waits")
	require.NoError(t, os.WriteFile(file, []byte("first\n"), 0o600))
	require.Equal(t, event.Delivered, send("Bearer first").Outcome, "it looks again after a refusal")
	require.NoError(t, os.WriteFile(file, []byte("second"), 0o600))
	require.Equal(t, event.Retry, send("Bearer second").Outcome)
	require.Equal(t, event.Delivered, send("Bearer second").Outcome)

	named := whole()
	named.Extensions = map[string]string{"own": "x"}
	require.Equal(t, event.Delivered, func() event.Receipt {
		want <- "Bearer second"
		defer func() { <-want }()
		return s.Send(context.Background(), named)
	}().Outcome, "an event that is not plain too")
}
