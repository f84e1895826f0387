package standin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mallhive/product-service/shared/web/webtest"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/internal/standin"
)

type page struct {
	Items []struct {
		ID   string          `json:"id"`
		Data json.RawMessage `json:"data"`
	} `json:"items"`
	Total    int   `json:"total"`
	Received int64 `json:"received"`
	Last     int64 `json:"last"`
}

func serve(t *testing.T, keep int) string {
	t.Helper()
	server := httptest.NewServer(standin.Handler(map[string]*standin.Service{"order": standin.New(keep)}))
	t.Cleanup(server.Close)
	return server.URL + "/order"
}

func send(t *testing.T, url, id, eventType, subject string) int {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(`{"n":1}`))
	require.NoError(t, err)
	for name, value := range map[string]string{"Specversion": "1.0", "Id": id, "Type": eventType, "Source": "/s", "Subject": subject} {
		request.Header.Set("Ce-"+name, value)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := webtest.Client.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode
}

func get(t *testing.T, url string) page {
	t.Helper()
	response, err := webtest.Client.Get(url)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	var p page
	require.NoError(t, json.NewDecoder(response.Body).Decode(&p))
	return p
}

func TestTheNewestAreKeptAndFound(t *testing.T) {
	t.Parallel()
	url := serve(t, 3)
	for i := range 5 {
		require.Equal(t, http.StatusAccepted, send(t, url, fmt.Sprint(i), "even"[:4-i%2], "s"+fmt.Sprint(i%2)))
	}
	all := get(t, url+"/received")
	require.Equal(t, 3, all.Total)
	require.EqualValues(t, 5, all.Received)
	require.Equal(t, "2", all.Items[0].ID)
	require.JSONEq(t, `{"n":1}`, string(all.Items[0].Data))
	require.Equal(t, 2, get(t, url+"/received?subject=s0").Total)
	require.Equal(t, 1, get(t, url+"/received?type=eve&subject=s1").Total)
	require.Empty(t, get(t, url+"/received?type=eve&subject=s0").Items)

	first := get(t, url+"/received?limit=1")
	require.Equal(t, 3, first.Total)
	require.Equal(t, "3", get(t, fmt.Sprintf("%s/received?limit=1&after=%d", url, first.Last)).Items[0].ID)
}

func TestWaitingEndsWhenTheEventArrives(t *testing.T) {
	t.Parallel()
	url := serve(t, 3)
	arrived := make(chan page)
	go func() {
		response, err := webtest.Client.Get(url + "/received?subject=awaited&wait=30s")
		var p page
		if err == nil {
			_ = json.NewDecoder(response.Body).Decode(&p)
			_ = response.Body.Close()
		}
		arrived <- p
	}()
	send(t, url, "1", "t", "other")
	send(t, url, "2", "t", "awaited")
	require.Equal(t, "2", (<-arrived).Items[0].ID)
}

func TestWhatIsNoCloudEventIsRefused(t *testing.T) {
	t.Parallel()
	response, err := webtest.Client.Post(serve(t, 3), "application/json", strings.NewReader("{}"))
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
}
