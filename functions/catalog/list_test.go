package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

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
	Facets     []listing.Facet
	DidYouMean string `json:"did_you_mean"`
}

func list(t testing.TB, s *servicetest.Server, query string) listed {
	a := s.Do(t, "GET", "/v1/products?"+query, nil)
	require.Equal(t, 200, a.Status, "%s: %s", query, a.Body)
	var l listed
	require.NoError(t, json.Unmarshal(a.Body, &l))
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

// drawAsk makes each condition seldom, so that most results are not empty.
func drawAsk(t *rapid.T) ask {
	seldom := func(name string) bool { return rapid.IntRange(0, 3).Draw(t, name+"?") == 0 }
	some := func(name string, from ...string) []string {
		if !seldom(name) {
			return nil
		}
		return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, 2, rapid.ID).Draw(t, name)
	}
	number := func(name string, most int) *int {
		if !seldom(name) {
			return nil
		}
		n := rapid.IntRange(0, most).Draw(t, name)
		return &n
	}
	a := ask{
		category: rapid.SampledFrom([]string{"", "", "home", "kitchen", "pans", "garden"}).Draw(t, "category"),
		brands:   some("brands", "Smith", "Jones", "Nobody"), colours: some("colours", "Black", "Grey", "Red"), sizes: some("sizes", "S", "M", "L"),
		wireless: rapid.SampledFrom([]string{"", "", "", "true", "false"}).Draw(t, "wireless"),
		inStock:  seldom("in_stock"), featured: seldom("featured"), min: number("min", 900), max: number("max", 1200),
		sort: rapid.SampledFrom([]string{"newest", "price", "-price", "name", "featured", "position"}).Draw(t, "sort"),
	}
	if n := number("heavy", 5); n != nil {
		heavy := float64(*n)
		a.heavy = &heavy
	}
	if n := number("light", 6); n != nil {
		light := float64(*n)
		a.light = &light
	}
	return a
}

func shop(t testing.TB) (*servicetest.Server, []goods) {
	t.Helper()
	s := start(t)
	seed(t, s)
	all := made()
	var rows strings.Builder
	levels := map[string]int{}
	for _, g := range all {
		require.NoError(t, json.NewEncoder(&rows).Encode(g))
		for _, w := range g.Variants {
			if w.stocked {
				levels[w.SKU] = 5
			}
		}
	}
	_, sum := imports(t, s, "products", "", []byte(rows.String()))
	require.Equal(t, len(all), sum.Created)
	stock(t, s, levels)
	return s, all
}

func TestAListingIsWhatBruteForceFinds(t *testing.T) {
	t.Parallel()
	s, all := shop(t)
	rapid.Check(t, func(rt *rapid.T) {
		a := drawAsk(rt)
		want := a.answer(all)
		limit := rapid.IntRange(1, 20).Draw(rt, "limit")
		query := a.query() + "&limit=" + strconv.Itoa(limit)
		require.Equal(rt, want, pages(t, s, query), "pages of %s", query)
		first := list(t, s, query+"&total=true")
		require.Equal(rt, len(want), first.Total.Value)
		require.True(rt, first.Total.Exact)
		for _, item := range first.Items {
			g := all[slices.IndexFunc(all, func(g goods) bool { return g.Slug == item.Slug })]
			if low := lowest(a.variants(g, "")); low == nil {
				require.Nil(rt, item.Price)
			} else {
				require.EqualValues(rt, *low, item.Price.Amount, "the lowest of its matching variants")
			}
		}
	})
}

func TestFacetsCountWhatBruteForceCounts(t *testing.T) {
	t.Parallel()
	s, all := shop(t)
	rapid.Check(t, func(rt *rapid.T) {
		a := drawAsk(rt)
		a.category = rapid.SampledFrom([]string{"", "kitchen"}).Draw(rt, "facets of")
		for _, f := range list(t, s, a.query()+"&facets=true&limit=1").Facets {
			require.True(rt, f.Exact)
			a.compare(rt, f, all)
		}
	})
}

// compare counts one facet by hand.
func (a ask) compare(t *rapid.T, f listing.Facet, all []goods) {
	counts := map[string]int64{}
	var numbers []float64
	for _, g := range all {
		matching := a.variants(g, f.Code)
		if len(matching) == 0 {
			continue
		}
		values := map[string]bool{}
		switch f.Code {
		case "brand":
			if g.Brand != nil {
				values[*g.Brand] = true
			}
		case "colour":
			for _, c := range colours(g) {
				values[c] = true
			}
		case "wireless":
			values[fmt.Sprint(g.Attributes["wireless"])] = true
		case "size":
			for _, w := range matching {
				values[w.Options["size"]] = true
			}
		case "weight":
			if n, weighed := g.Attributes["weight"].(float64); weighed {
				numbers = append(numbers, n)
			}
		case "price":
			for _, w := range matching {
				if w.usd != nil {
					numbers = append(numbers, float64(*w.usd))
				}
			}
		}
		for v := range values {
			counts[v]++
		}
	}
	if f.Type == "number" || f.Type == "price" {
		require.InDelta(t, slices.Min(numbers), *f.Min, 0, f.Code)
		require.InDelta(t, slices.Max(numbers), *f.Max, 0, f.Code)
		return
	}
	got := map[string]int64{}
	for _, v := range f.Values {
		got[v.Value] = v.Count
	}
	require.Equal(t, counts, got, f.Code)
}
