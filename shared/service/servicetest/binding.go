package servicetest

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/event/conformance"
)

// Binding sends a handler what the HTTP binding and the JSON format of
// CloudEvents demand of a receiver, each case with the sample. What is malformed
// is refused with a reason and a 400, but where refused names another status;
// taken judges the answer to the rest.
func Binding(t *testing.T, s *Server, path string, sample event.Event, refused map[string]int, taken func(*testing.T, conformance.Case, Answer)) {
	t.Helper()
	cases := conformance.Cases(sample)
	names := map[string]bool{}
	for _, c := range cases {
		names[c.Name()] = true
		t.Run(c.Name(), func(t *testing.T) {
			a := s.Send(t, c.Request(t.Context(), s.URL+path))
			require.Empty(t, Unclear(a))
			if c.Want != nil {
				taken(t, c, a)
				return
			}
			want := http.StatusBadRequest
			if other, named := refused[c.Name()]; named {
				want = other
			}
			require.Equal(t, want, a.Status, "%s", a.Body)
			var problem struct {
				Detail string
				Errors []any
			}
			require.NoError(t, json.Unmarshal(a.Body, &problem))
			require.True(t, problem.Detail != "" || len(problem.Errors) > 0, "%s", a.Body)
		})
	}
	for name := range refused {
		require.True(t, names[name], "%s is no case", name)
	}
}
