package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/service/servicetest"
)

// versioned is bodies that hold, for every operation that changes what exists.
var versioned = map[string]string{
	"replace-product":           `{"name":"Other","variants":[{"sku":"S"}]}`,
	"patch-product":             `{"name":"Other"}`,
	"delete-product":            ``,
	"create-variant":            `{"sku":"S2"}`,
	"replace-variant":           `{"sku":"S","mpn":"other"}`,
	"patch-variant":             `{"mpn":"other"}`,
	"delete-variant":            ``,
	"set-price":                 `{"price":{"amount":1,"currency":"USD"}}`,
	"create-sale":               `{"price":{"amount":1,"currency":"USD"},"starts_at":"2098-03-01T00:00:00Z","ends_at":"2098-04-01T00:00:00Z"}`,
	"delete-sale":               ``,
	"delete-price":              ``,
	"replace-category":          `{"name":"Other"}`,
	"patch-category":            `{"name":"Other"}`,
	"delete-category":           ``,
	"move-category":             `{"parent":"home"}`,
	"set-category-filters":      `{"filters":["brand"]}`,
	"arrange-category-products": `{"products":["thing"]}`,
	"replace-attribute":         `{"code":"notes","name":"Other","type":"text"}`,
	"patch-attribute":           `{"name":"Other"}`,
	"delete-attribute":          ``,
}

// changesAny is whether an operation can change what somebody else may have
// changed meanwhile.
func changesAny(method, path string) bool {
	switch method {
	case "put", "patch", "delete":
		return true
	}
	return method == "post" && strings.Contains(path, "{")
}

func TestEveryChangeNamesTheVersionItMeans(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	token := s.Bearer(t, write, drafts)
	create1(t, s, `{"slug":"thing","name":"Thing","status":"active","categories":["garden"],"variants":[{"sku":"S","price":{"amount":500,"currency":"USD"}}]}`)
	names := map[string]string{"ref": "thing", "sku": "S", "slug": "garden", "code": "notes", "id": scheduled(t, s, token)}
	versions := func() (all []string) {
		for _, path := range []string{"/v1/products/thing", "/v1/variants/S", "/v1/categories/garden", "/v1/attributes/notes"} {
			a := s.Do(t, "GET", path, nil, token)
			require.Equal(t, 200, a.Status)
			all = append(all, a.Header.Get("ETag"))
		}
		return all
	}
	before := versions()
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
			RequestBody *struct{ Content map[string]json.RawMessage }
		}
	}
	s.Do(t, "GET", "/v1/openapi/catalog.json", nil).JSON(t, &doc)
	tried := 0
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if !changesAny(method, path) {
				continue
			}
			body, known := versioned[op.OperationID]
			require.True(t, known, "%s changes something: give it a body here", op.OperationID)
			address := path
			for name, value := range names {
				address = strings.ReplaceAll(address, "{"+name+"}", value)
			}
			headers := []servicetest.Header{token}
			if op.RequestBody != nil && op.RequestBody.Content[mergePatch] != nil {
				headers = append(headers, header("Content-Type", mergePatch))
			}
			if !strings.HasPrefix(op.OperationID, "create-") { // which only add, and may name a version
				a := s.Do(t, strings.ToUpper(method), address, body, headers...)
				require.Equal(t, http.StatusPreconditionRequired, a.Status, "%s without a version: %s", op.OperationID, a.Body)
			}
			a := s.Do(t, strings.ToUpper(method), address, body, append(headers, header("If-Match", `"977.x"`))...)
			require.Equal(t, http.StatusPreconditionFailed, a.Status, "%s of another version: %s", op.OperationID, a.Body)
			tried++
		}
	}
	require.Equal(t, len(versioned), tried)
	require.Equal(t, before, versions(), "nothing has changed")
}

// scheduled is the id of a sale that begins one day.
func scheduled(t testing.TB, s *servicetest.Server, token servicetest.Header) string {
	t.Helper()
	a := s.Do(t, "POST", "/v1/variants/S/sales", `{"price":{"amount":300,"currency":"USD"},"starts_at":"2098-01-01T00:00:00Z","ends_at":"2098-02-01T00:00:00Z"}`, token, anyVersionHeader)
	require.Equal(t, 201, a.Status, "%s", a.Body)
	var list struct{ Items []struct{ ID, Kind string } }
	s.Do(t, "GET", "/v1/variants/S/prices", nil, token).JSON(t, &list)
	for _, p := range list.Items {
		if p.Kind == "sale" {
			return p.ID
		}
	}
	require.Fail(t, "no sale")
	return ""
}
