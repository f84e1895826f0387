package main

import (
	"cmp"
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
	Facets []listing.Facet
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

// goods is the model that listings are compared with.
type goods struct {
	Slug       string         `json:"slug"`
	Name       string         `json:"name"`
	Brand      *string        `json:"brand"`
	Status     string         `json:"status"`
	Featured   bool           `json:"featured"`
	Published  string         `json:"published_at"`
	Categories []string       `json:"categories"`
	Attributes map[string]any `json:"attributes"`
	Options    []string       `json:"options"`
	Variants   []ware         `json:"variants"`
}

type ware struct {
	SKU     string            `json:"sku"`
	Options map[string]string `json:"options"`
	Prices  []map[string]any  `json:"prices"`
	usd     *int
	stocked bool
}

// made is 60 products that share few values, so that filters meet.
func made() []goods {
	var all []goods
	for i := range 60 {
		g := goods{
			Slug: fmt.Sprintf("p-%02d", i), Name: fmt.Sprintf("Name %d", i%7), Status: "active", Featured: i%5 == 0,
			Published: fmt.Sprintf("2024-01-%02dT00:00:00Z", 1+i%9), Attributes: map[string]any{}, Options: []string{"size"},
		}
		if i%3 > 0 {
			brand := []string{"", "Smith", "Jones"}[i%3]
			g.Brand = &brand
		}
		g.Categories = [][]string{{"pans"}, {"kitchen"}, {"home"}, {"garden"}, {"garden", "pans"}, {}}[i%6]
		if i%2 == 0 {
			g.Attributes["colour"] = [][]any{{"Black"}, {"Black", "Grey"}, {"Grey"}, {"Red"}}[i%4]
		}
		if i%4 != 1 {
			g.Attributes["weight"] = float64(i%6) + 0.5
		}
		g.Attributes["wireless"] = i%2 == 1
		for j := range 1 + i%3 {
			w := ware{SKU: fmt.Sprintf("S-%d-%d", i, j), Options: map[string]string{"size": []string{"S", "M", "L"}[j]}, Prices: []map[string]any{}}
			if (i+j)%5 != 0 {
				amount := 100 * (1 + (i*7+j*3)%11)
				w.usd = &amount
				w.Prices = append(w.Prices, map[string]any{"price": map[string]any{"amount": amount, "currency": "USD"}})
			}
			w.stocked = (i+j)%3 == 0
			g.Variants = append(g.Variants, w)
		}
		all = append(all, g)
	}
	return all
}

// ask is one random query, for the service and for the model.
type ask struct {
	category          string
	brands, colours   []string
	sizes             []string
	min, max          *int
	heavy, light      *float64
	wireless          string
	inStock, featured bool
	sort              string
}

func (a ask) query() string {
	q := url.Values{"brand": a.brands, "attr.colour": a.colours, "attr.size": a.sizes}
	set := func(name, value string, given bool) {
		if given {
			q.Set(name, value)
		}
	}
	set("category", a.category, a.category != "")
	set("attr.wireless", a.wireless, a.wireless != "")
	set("in_stock", "true", a.inStock)
	set("featured", "true", a.featured)
	set("sort", a.sort, true)
	if a.min != nil {
		q.Set("price_min", strconv.Itoa(*a.min))
	}
	if a.max != nil {
		q.Set("price_max", strconv.Itoa(*a.max))
	}
	if a.heavy != nil {
		q.Set("attr.weight.min", fmt.Sprint(*a.heavy))
	}
	if a.light != nil {
		q.Set("attr.weight.max", fmt.Sprint(*a.light))
	}
	return q.Encode()
}

func below(category string) []string {
	return map[string][]string{"home": {"home", "kitchen", "pans"}, "kitchen": {"kitchen", "pans"}, "pans": {"pans"}, "garden": {"garden"}}[category]
}

func anyOf(have, wanted []string) bool {
	return slices.ContainsFunc(have, func(h string) bool { return slices.Contains(wanted, h) })
}

// variants of the goods that the ask matches, its condition on one code left
// out.
func (a ask) variants(g goods, except string) []ware {
	weight, weighed := g.Attributes["weight"].(float64)
	switch {
	case a.category != "" && !anyOf(g.Categories, below(a.category)),
		except != "brand" && len(a.brands) > 0 && (g.Brand == nil || !slices.Contains(a.brands, *g.Brand)),
		except != "colour" && len(a.colours) > 0 && !anyOf(colours(g), a.colours),
		a.wireless != "" && except != "wireless" && fmt.Sprint(g.Attributes["wireless"]) != a.wireless,
		except != "weight" && a.heavy != nil && (!weighed || weight < *a.heavy),
		except != "weight" && a.light != nil && (!weighed || weight > *a.light),
		a.featured && !g.Featured:
		return nil
	}
	var matching []ware
	for _, w := range g.Variants {
		priced := w.usd != nil
		switch {
		case except != "size" && len(a.sizes) > 0 && !slices.Contains(a.sizes, w.Options["size"]),
			except != "price" && a.min != nil && (!priced || *w.usd < *a.min),
			except != "price" && a.max != nil && (!priced || *w.usd > *a.max),
			a.inStock && !w.stocked:
		default:
			matching = append(matching, w)
		}
	}
	return matching
}

func colours(g goods) []string {
	var list []string
	values, _ := g.Attributes["colour"].([]any)
	for _, v := range values {
		list = append(list, v.(string))
	}
	return list
}

func lowest(list []ware) *int {
	var low *int
	for _, w := range list {
		if w.usd != nil && (low == nil || *w.usd < *low) {
			low = w.usd
		}
	}
	return low
}

// before is the order of two goods; the id decides ties, and products were
// imported in the order of their ids.
func (a ask) before(x, y goods) int {
	price := func(g goods, none int) int {
		if p := lowest(a.variants(g, "")); p != nil {
			return *p
		}
		return none
	}
	newest := cmp.Compare(y.Published, x.Published)
	switch a.sort {
	case "price":
		return cmp.Or(cmp.Compare(price(x, 1<<40), price(y, 1<<40)), cmp.Compare(x.Slug, y.Slug))
	case "-price":
		return cmp.Or(cmp.Compare(price(y, -1), price(x, -1)), cmp.Compare(x.Slug, y.Slug))
	case "name":
		return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Slug, y.Slug))
	case "featured":
		if x.Featured != y.Featured {
			if x.Featured {
				return -1
			}
			return 1
		}
	}
	return cmp.Or(newest, cmp.Compare(x.Slug, y.Slug))
}

func (a ask) answer(all []goods) []string {
	var found []goods
	for _, g := range all {
		if len(a.variants(g, "")) > 0 {
			found = append(found, g)
		}
	}
	slices.SortFunc(found, a.before)
	names := []string{}
	for _, g := range found {
		names = append(names, g.Slug)
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
		require.Equal(t, slices.Min(numbers), *f.Min, f.Code)
		require.Equal(t, slices.Max(numbers), *f.Max, f.Code)
		return
	}
	got := map[string]int64{}
	for _, v := range f.Values {
		got[v.Value] = v.Count
	}
	require.Equal(t, counts, got, f.Code)
}
