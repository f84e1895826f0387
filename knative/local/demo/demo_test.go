package demo

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func tell(t *testing.T, answer http.HandlerFunc) (string, error) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	var out bytes.Buffer
	err := Run(t.Context(), Options{FrontURL: server.URL, BrokerURL: server.URL, SinksURL: server.URL, Token: "pass", Out: &out})
	return out.String(), err
}

func TestTheStoryStopsAtTheFirstThingThatIsNotAsTold(t *testing.T) {
	t.Parallel()
	out, err := tell(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	require.ErrorContains(t, err, "chapter 1 (The warehouse counts its shelf): GET /v1/products/"+productSlug+" answered 404, not 200")
	require.Contains(t, out, "not as told")
	require.NotContains(t, out, "2. ")
}

func TestAnAnswerWithTheRightStatusAndTheWrongContentIsNotAsTold(t *testing.T) {
	t.Parallel()
	_, err := tell(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_, _ = fmt.Fprint(w, `{"summary":{"rows":1,"failed":1}}`)
			return
		}
		w.Header().Set("Etag", `"1.x"`)
		_, _ = fmt.Fprint(w, `{"id":"1","variants":[{"sku":"A"}]}`)
	})
	require.ErrorContains(t, err, "the count was not taken")
}

func TestWhatIsShownIsShortAndReadable(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"{ \"a\": \"x \\u0026 y\",\n \"b\": 1 }": `{"a":"x & y","b":1}`,
		`{"a":"far too long for one line"}`:      `{"a":"far too long f…`,
	} {
		require.Equal(t, want, shorten([]byte(given), 20))
	}
	require.Equal(t, "84.05 USD", money(amount{8405, "USD"}))
}
