package main

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/listing"
	"github.com/mallhive/product-service/shared/web"
)

func TestNoInputMakesAnInternalError(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	create1(t, s, pan)
	token := s.Bearer(t, write)
	hostile := []string{"\x00", "a\x00b", "\xff\xfe", "'; drop table catalog.products; --", "../..", "%", "a b", "𝕏", "null", "0", "00000000-0000-0000-0000-00000000000g"}
	for _, h := range hostile {
		e := url.PathEscape(h)
		q := url.QueryEscape(h)
		for _, path := range []string{
			"/v1/products/" + e, "/v1/variants/" + e, "/v1/categories/" + e, "/v1/categories/" + e + "/filters", "/v1/attributes/" + e,
			"/v1/products?q=" + q, "/v1/products?category=" + q, "/v1/products?brand=" + q, "/v1/products?currency=" + q, "/v1/products?sort=" + q,
			"/v1/products?attr." + q + "=1", "/v1/products?attr." + q + ".min=1", "/v1/products?attr.colour=" + q, "/v1/products?attr.weight=" + q,
			"/v1/products?attr.weight.min=" + q, "/v1/products?price_min=" + q, "/v1/products?cursor=" + q, "/v1/attributes?cursor=" + q, "/v1/products?" + q + "=1",
		} {
			require.Less(t, s.Do(t, "GET", path, nil).Status, 500, "%q", path)
		}
		text, err := json.Marshal(h)
		require.NoError(t, err)
		for _, w := range [][3]string{
			{"POST", "/v1/products", `{"name":` + string(text) + `,"brand":` + string(text) + `,"categories":[` + string(text) + `],"attributes":{` + string(text) + `:1,"colour":` + string(text) + `},"options":[` + string(text) + `],"variants":[{"sku":` + string(text) + `,"mpn":` + string(text) + `,"options":{` + string(text) + `:` + string(text) + `}}]}`},
			{"POST", "/v1/categories", `{"slug":"x","name":` + string(text) + `,"parent":` + string(text) + `,"filters":[` + string(text) + `]}`},
			{"POST", "/v1/attributes", `{"code":` + string(text) + `,"name":` + string(text) + `,"type":"text"}`},
			{"POST", "/v1/products:lookup", `{"refs":[` + string(text) + `]}`},
			{"PUT", "/v1/variants/" + e + "/price", `{"price":{"amount":1,"currency":"USD"}}`},
			{"PATCH", "/v1/products/" + e, `{"name":"x"}`},
			{"PATCH", "/v1/products/iron-pan", `{"attributes":{` + string(text) + `:` + string(text) + `}}`},
			{"DELETE", "/v1/products/" + e, ``}, {"DELETE", "/v1/attributes/" + e, ``}, {"DELETE", "/v1/categories/" + e, ``},
			{"DELETE", "/v1/categories/garden?reassign_to=" + q, ``},
		} {
			require.Less(t, s.Do(t, w[0], w[1], w[2], token, header("If-Match", `"1"`)).Status, 500, "%s %q %s", w[0], w[1], w[2])
		}
	}
}

func TestAForgedCursorIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	create1(t, s, `{"name":"A","status":"active","variants":[{"sku":"A"}]}`)
	for _, keys := range [][]string{{"someday"}, {}, {"1", "2"}, {"\x00"}, {"2024-01-01'; drop"}} {
		cursor, err := web.EncodeCursor(url.Values{}, place{Position: listing.Position{Keys: keys}})
		require.NoError(t, err)
		code, _ := refused(t, s.Do(t, "GET", "/v1/products?cursor="+cursor, nil), 400)
		require.Equal(t, "bad_cursor", code)
	}
}
