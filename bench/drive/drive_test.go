package drive_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/bench/drive"
)

func get(target string) func(*drive.Line, int64) error {
	return func(l *drive.Line, _ int64) error { return l.Get(target, nil) }
}

func TestTheDriverCountsAnswersAndReportsFailures(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/short", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("short")) })
	mux.HandleFunc("/chunked", func(w http.ResponseWriter, _ *http.Request) {
		for range 3 {
			_, _ = w.Write([]byte("some "))
			_ = http.NewResponseController(w).Flush()
		}
	})
	at := httptest.NewServer(mux)
	t.Cleanup(at.Close)
	s := &drive.Server{Name: "it", Address: strings.TrimPrefix(at.URL, "http://"), PID: os.Getpid()}

	line, err := drive.Dial(context.Background(), s.Address)
	require.NoError(t, err)
	t.Cleanup(line.Close)
	for target, want := range map[string]string{"/short": "short", "/chunked": "some some some "} {
		var body bytes.Buffer
		err := line.Get(target, &body)
		require.NoError(t, err)
		require.Equal(t, want, body.String())
	}
	w, err := drive.Drive(context.Background(), s, 4, 50*time.Millisecond, get("/short"))
	require.NoError(t, err)
	require.Positive(t, w.Requests)
	_, err = drive.Drive(context.Background(), s, 4, 50*time.Millisecond, get("/missing"))
	require.ErrorContains(t, err, "status 404")
}
