package balance_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/internal/balance"
)

func instance(t *testing.T, do http.HandlerFunc) (*httptest.Server, string) {
	t.Helper()
	server := httptest.NewServer(do)
	t.Cleanup(server.Close)
	return server, strings.TrimPrefix(server.URL, "http://")
}

func echo(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }

func post(t *testing.T, h http.Handler) (int, string) {
	t.Helper()
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/", strings.NewReader("body")))
	return answer.Code, answer.Body.String()
}

func TestInstancesTakeTurns(t *testing.T) {
	t.Parallel()
	_, a := instance(t, echo)
	_, b := instance(t, echo)
	both := balance.New(a, b)
	for range 10 {
		status, body := post(t, both)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "body", body)
	}
	require.ElementsMatch(t, []balance.Share{{Address: a, Requests: 5}, {Address: b, Requests: 5}}, both.Shares())
}

func TestAnInstanceThatIsAwayIsPassedOver(t *testing.T) {
	t.Parallel()
	gone, a := instance(t, echo)
	_, b := instance(t, echo)
	both := balance.New(a, b)
	gone.Close()
	for range 10 {
		status, body := post(t, both)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "body", body)
	}
	require.ElementsMatch(t, []balance.Share{{Address: a}, {Address: b, Requests: 10}}, both.Shares())
}

// Who has taken a request may have done what it says: it is not told another.
func TestWhatAnInstanceTookIsNotGivenToAnother(t *testing.T) {
	t.Parallel()
	_, a := instance(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, b := instance(t, echo)
	both := balance.New(a, b)
	statuses := map[int]int{}
	for range 10 {
		status, _ := post(t, both)
		statuses[status]++
	}
	require.Equal(t, map[int]int{http.StatusOK: 5, http.StatusBadGateway: 5}, statuses)
}
