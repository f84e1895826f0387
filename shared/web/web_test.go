package web_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/mallhive/product-service/shared/web/webtest"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/web"
)

func TestACursorBelongsToItsQuery(t *testing.T) {
	t.Parallel()
	type query struct{ Category, Currency string }
	text, err := web.EncodeCursor(query{"toys", "USD"}, []string{"a", "b"})
	require.NoError(t, err)
	var position []string
	require.NoError(t, web.DecodeCursor(text, query{"toys", "USD"}, &position))
	require.Equal(t, []string{"a", "b"}, position)
	for _, bad := range []string{"", "x", text + "AA", "e30"} {
		require.True(t, fault.Is(web.DecodeCursor(bad, query{"toys", "USD"}, &position), fault.Malformed), bad)
	}
	require.True(t, fault.Is(web.DecodeCursor(text, query{"toys", "EUR"}, &position), fault.Malformed))
	require.Equal(t, `</v1/products?category=toys&cursor=c>; rel="next"`, web.NextLink("/v1/products", url.Values{"category": {"toys"}, "cursor": {"old"}}, "c"))
	require.Empty(t, web.NextLink("/v1/products", nil, ""))
}

func TestIfNoneMatchComparesAllAndIfMatchTheVersion(t *testing.T) {
	t.Parallel()
	etag := web.ETag(7, "in_stock")
	other := web.ETag(7, "out_of_stock")
	require.NotEqual(t, etag, other)
	for _, same := range []string{etag, "W/" + etag, `"x", ` + etag, strings.TrimSuffix(etag, `"`) + `-gzip"`, "*"} {
		require.True(t, web.NotModified(same, etag), same)
	}
	require.False(t, web.NotModified(other, etag))
	require.False(t, web.NotModified("", etag))
	for _, same := range []string{etag, other, "*", strings.TrimSuffix(other, `"`) + `-gzip"`} {
		require.NoError(t, web.IfMatch(same, 7), same)
	}
	require.True(t, fault.Is(web.IfMatch(etag, 8), fault.Precondition))
	require.ErrorContains(t, web.IfMatch("", 8), "if_match_required")
	require.NoError(t, web.Expect("", "*").Create())
	require.True(t, fault.Is(web.Expect("", "*").Change(7), fault.Precondition))
	require.True(t, fault.Is(web.Expect(etag, "").Create(), fault.Precondition))
	require.NoError(t, web.Expect(etag, "").Change(7))
}

// rows posts a body to a handler that streams each row's text back.
func rows(t *testing.T, body io.Reader) ([]string, error) {
	t.Helper()
	var told []string
	var end error
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := web.OpenStream(w, r)
		if err != nil {
			t.Errorf("open: %v", err)
			return
		}
		for {
			_, line, err := s.Next()
			if err != nil && err != web.ErrRowTooLong { //nolint:errorlint // the very value
				end = err
				break
			}
			if err != nil {
				line = []byte("too long")
			}
			told = append(told, string(line))
			if err := s.Write(map[string]int{"row": len(told)}); err != nil {
				t.Errorf("write: %v", err)
			}
			if err := s.Flush(); err != nil {
				t.Errorf("flush: %v", err)
			}
		}
	}))
	defer server.Close()
	req, err := http.NewRequest(http.MethodPost, server.URL, body)
	require.NoError(t, err)
	res, err := webtest.Client.Do(req)
	require.NoError(t, err)
	answer, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, len(told), bytes.Count(answer, []byte("\n")))
	return told, end
}

func TestAStreamReadsEveryRowWhileItAnswers(t *testing.T) {
	t.Parallel()
	var body strings.Builder
	for range 3000 {
		body.WriteString(`{"sku":"` + strings.Repeat("x", 500) + "\"}\n")
	}
	told, end := rows(t, strings.NewReader(body.String()))
	require.Len(t, told, 3000)
	require.ErrorIs(t, end, io.EOF)
}

func TestARowThatIsTooLongIsOneFaultAndTheRestIsRead(t *testing.T) {
	t.Parallel()
	told, end := rows(t, strings.NewReader("\xef\xbb\xbffirst\r\n\n"+strings.Repeat("x", 3*web.MaxRow)+"\n last"))
	require.Equal(t, []string{"first", "too long", "last"}, told)
	require.ErrorIs(t, end, io.EOF)
}
