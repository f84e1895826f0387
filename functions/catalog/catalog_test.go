package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/importer"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

const write, drafts = "catalog:write", "catalog:read_drafts"

func start(t testing.TB) *servicetest.Server {
	t.Helper()
	return servicetest.Start(t, "catalog", &config{DefaultCurrency: "USD", StorefrontURL: "https://shop.example.com"}, routes)
}

// imports sends rows to an import and returns its result lines and summary.
func imports(t testing.TB, s *servicetest.Server, what, query string, body []byte, headers ...servicetest.Header) ([]importer.Result, importer.Summary) {
	t.Helper()
	headers = append([]servicetest.Header{s.Bearer(t, write), {Name: "Content-Type", Value: "application/x-ndjson"}}, headers...)
	a := s.Do(t, http.MethodPost, "/v1/"+what+":import"+query, body, headers...)
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	var results []importer.Result
	var last struct{ Summary *importer.Summary }
	lines := bufio.NewScanner(bytes.NewReader(a.Body))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		require.Nil(t, last.Summary, "the summary is the last line")
		if bytes.HasPrefix(lines.Bytes(), []byte(`{"summary"`)) {
			require.NoError(t, json.Unmarshal(lines.Bytes(), &last))
			continue
		}
		var r importer.Result
		require.NoError(t, json.Unmarshal(lines.Bytes(), &r))
		results = append(results, r)
	}
	require.NotNil(t, last.Summary)
	return results, *last.Summary
}
