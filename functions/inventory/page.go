package main

import (
	"net/url"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/web"
)

// pageOf cuts what was read with one row more than the limit, and makes the
// cursor of the next page from the last row that stays.
func pageOf[T any](found []T, limit int, query any, position func(T) any) ([]T, *string, error) {
	if len(found) <= limit {
		return found, nil, nil
	}
	next, err := web.EncodeCursor(query, position(found[limit-1]))
	return found[:limit], &next, err
}

// afterID reads a cursor whose position is an id; no cursor is the beginning.
func afterID(cursor string, query any) (string, error) {
	var after string
	if cursor == "" {
		return after, nil
	}
	err := web.DecodeCursor(cursor, query, &after)
	if err == nil && !stock.ValidID(after) {
		err = fault.New(fault.Malformed, "bad_cursor", "the cursor is not one of this query; begin again without it")
	}
	return after, err
}

func nextLink(path string, query url.Values, next *string) string {
	if next == nil {
		return ""
	}
	return web.NextLink(path, query, *next)
}
