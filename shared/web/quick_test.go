package web_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/web"
)

func TestASmallBodyCanBeReadAgainWhetherItWasTakenOrNot(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	large := strings.Repeat("x", 100_000)
	for name, c := range map[string]struct {
		body   io.Reader
		length int64
		whole  bool
		again  string
		err    error
	}{
		"whole":          {strings.NewReader("body"), 4, true, "body", nil},
		"byte by byte":   {iotest.OneByteReader(strings.NewReader("body")), 4, true, "body", nil},
		"unknown length": {strings.NewReader("body"), -1, false, "body", nil},
		"empty":          {strings.NewReader(""), 0, false, "", nil},
		"large":          {strings.NewReader(large), int64(len(large)), false, large, nil},
		"cut":            {io.MultiReader(strings.NewReader("bo"), iotest.ErrReader(broken)), 4, false, "bo", broken},
		"late":           {iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("body"))), 4, false, "b", iotest.ErrTimeout},
		"short":          {strings.NewReader("bo"), 4, false, "bo", nil},
		"longer":         {strings.NewReader("body and more"), 4, false, "body and more", nil},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", c.body)
		r.ContentLength = c.length
		got, whole := web.SmallBody(httptest.NewRecorder(), r)
		require.Equal(t, c.whole, whole, name)
		if whole {
			require.Equal(t, c.again, string(got), name)
		}
		again, err := io.ReadAll(r.Body)
		require.ErrorIs(t, err, c.err, name)
		require.Equal(t, c.again, string(again), name)
		require.NoError(t, r.Body.Close())
	}
}
