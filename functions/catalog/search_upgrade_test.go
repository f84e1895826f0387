package main

import (
	"context"
	"io/fs"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/schema"
)

// What the release before wrote of a product for its search.
const beforeSQL = `
update catalog.search_documents d
set words = setweight(to_tsvector('catalog.english', p.name), 'A')
        || setweight(to_tsvector('catalog.english', coalesce(p.brand, '')), 'B')
        || setweight(to_tsvector('catalog.english', p.description), 'D'),
    codes = array['br/17 x', 'a-1', '4006381333931']
from catalog.products p
where p.id = d.product_id`

func TestAnUpgradeFindsWhatThereIs(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := start(t)
	create1(t, s, `{"slug":"a","name":"Café grinders, 12 inch","brand":"Brewster & Co","description":"Whistles","status":"active","variants":[{"sku":"A-1","mpn":"BR/17 X","gtins":["4006381333931"]}]}`)
	admin := administrator(t, s)
	file, err := fs.ReadFile(schema.Files(), "migrations/00041_search.sql")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(file), "-- backfill begins\n")
	require.True(t, found)
	backfill, _, found := strings.Cut(rest, "-- backfill ends\n")
	require.True(t, found)
	for _, sql := range []string{`delete from catalog.search_names`, beforeSQL, backfill} {
		_, err := admin.Exec(ctx, sql)
		require.NoError(t, err, sql)
	}
	for _, q := range []string{"cafe grinder", "brewster", "brewster grinders", "grin", "whistle", "whistling grinder", "grindr", "A-1", "br/17 x", "4006381333931", `"grinders"`} {
		require.Equal(t, []string{"a"}, slugs(list(t, s, "q="+url.QueryEscape(q))), q)
	}
	require.Equal(t, []string{"brand Brewster & Co", "product Café grinders, 12 inch"}, completions(suggests(t, s, "q=brew")))
	require.Equal(t, []string{"product Café grinders, 12 inch"}, completions(suggests(t, s, "q=caf")))
}
