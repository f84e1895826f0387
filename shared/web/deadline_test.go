package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/mallhive/product-service/shared/web"
)

// A proxy in front keeps its connections for ever: what one request suffers
// must not be suffered by those that come after it.
func TestARequestThatRanOutOfTimeSpoilsNoLaterOneOnItsConnection(t *testing.T) {
	t.Parallel()
	api := web.New(web.Options{Function: "f", Title: "f", Version: "1"})
	wait := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		// As long as it takes to give a query up.
		<-time.After(50 * time.Millisecond)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	quick := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Err() != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	api.Mount("/wait", wait)
	api.Mount("GET /quick", quick)
	handler, err := web.Edge{Log: zap.NewNop(), RequestTimeout: 100 * time.Millisecond}.Handler(api)
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	defer server.Close()
	client := server.Client()
	client.Transport = &http.Transport{MaxConnsPerHost: 1}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		for range 3 {
			body := ""
			if method == http.MethodPost {
				body = "x"
			}
			req, err := http.NewRequest(method, server.URL+"/wait", strings.NewReader(body))
			require.NoError(t, err)
			res, err := client.Do(req)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			res, err = client.Get(server.URL + "/quick")
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			require.Equal(t, http.StatusOK, res.StatusCode, "after a %s that ran out of time", method)
		}
	}
}
