package main

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/listing"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

type listed struct {
	Items      []product.Item
	NextCursor *string `json:"next_cursor"`
	Total      *struct {
		Value int
		Exact bool
	}
	Facets []listing.Facet
}

func list(t testing.TB, s *servicetest.Server, query string) listed {
	t.Helper()
	a := s.Do(t, "GET", "/v1/products?"+query, nil)
	require.Equal(t, 200, a.Status, "%s: %s", query, a.Body)
	var l listed
	a.JSON(t, &l)
	return l
}

func slugs(l listed) []string {
	names := []string{}
	for _, d := range l.Items {
		names = append(names, d.Slug)
	}
	return names
}

// pages follows the cursors of a query to its end.
func pages(t testing.TB, s *servicetest.Server, query string) []string {
	t.Helper()
	l := list(t, s, query)
	names := slugs(l)
	for n := 0; l.NextCursor != nil; n++ {
		require.Less(t, n, 1000, "the pages end")
		l = list(t, s, query+"&cursor="+url.QueryEscape(*l.NextCursor))
		require.NotEmpty(t, l.Items, "no page is empty but an empty result's")
		names = append(names, slugs(l)...)
	}
	return names
}
