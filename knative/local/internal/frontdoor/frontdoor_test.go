package frontdoor_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mallhive/product-service/shared/web/webtest"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/internal/frontdoor"
	"github.com/mallhive/product-service/knative/local/manifest"
)

// door puts handler behind the shipped routes, as all three functions.
func door(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	function := httptest.NewServer(handler)
	t.Cleanup(function.Close)
	stack, err := manifest.Read("../../..")
	require.NoError(t, err)
	h, err := frontdoor.New(stack.Routes, func(string) (string, error) { return function.URL, nil })
	require.NoError(t, err)
	front := httptest.NewServer(h)
	t.Cleanup(front.Close)
	return front.URL
}

func TestRequestsArriveAsTheyDoBehindTheLoadBalancer(t *testing.T) {
	t.Parallel()
	front := door(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s %s %s|%s|%s", r.Method, r.Host, r.URL.RequestURI(), r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Forwarded-Host"))
	})
	response, err := webtest.Client.Post(front+"/v1/products:lookup?x=a%2Fb", "application/json", strings.NewReader("{}"))
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, "POST catalog.product-service.svc.cluster.local /v1/products:lookup?x=a%2Fb|127.0.0.1|", string(body))
}

func TestWhereEventsAreDeliveredCannotBeReachedFromOutside(t *testing.T) {
	t.Parallel()
	front := door(t, func(http.ResponseWriter, *http.Request) { t.Error("reached a function") })
	for _, path := range []string{"/", "/dead-letters", "//", "/v1/../dead-letters", "/healthz"} {
		response, err := webtest.Client.Post(front+path, "application/json", strings.NewReader("{}"))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusNotFound, response.StatusCode, path)
		require.Equal(t, "application/problem+json", response.Header.Get("Content-Type"))
	}
}

// A streamed import answers row after row while it is still being sent.
func TestAStreamFlowsBothWaysAtOnce(t *testing.T) {
	t.Parallel()
	const rows = 3000
	front := door(t, func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex()
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			_, _ = fmt.Fprintln(w, "got", lines.Text())
			_ = control.Flush()
		}
	})
	body, feed := io.Pipe()
	response := make(chan *http.Response, 1)
	go func() {
		r, err := webtest.Client.Post(front+"/v1/products:import", "application/x-ndjson", body)
		if err != nil {
			_ = body.CloseWithError(err)
			close(response)
			return
		}
		response <- r
	}()
	_, err := fmt.Fprintln(feed, 0)
	require.NoError(t, err)
	r := <-response
	require.NotNil(t, r)
	defer func() { _ = r.Body.Close() }()
	answers := bufio.NewScanner(r.Body)
	for i := range rows {
		require.True(t, answers.Scan(), "row %d: %v", i, answers.Err())
		require.Equal(t, fmt.Sprint("got ", i), answers.Text())
		_, err := fmt.Fprintln(feed, i+1)
		require.NoError(t, err)
	}
	require.NoError(t, feed.Close())
}

func TestAFunctionThatIsDownIsABadGateway(t *testing.T) {
	t.Parallel()
	h, err := frontdoor.New([]manifest.Route{{Path: "/v1/*", Host: "x"}}, func(string) (string, error) { return "http://localhost:1", nil })
	require.NoError(t, err)
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/v1/products", http.NoBody))
	require.Equal(t, http.StatusBadGateway, recorder.Code)
	require.Equal(t, "application/problem+json", recorder.Header().Get("Content-Type"))
}
