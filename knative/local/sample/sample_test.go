package sample

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type attribute struct {
	Code       string
	Name       string
	Type       string
	Unit       string
	Filterable bool
}

type category struct {
	Slug        string
	Name        string
	Parent      *string
	Description string
	Position    int
	Filters     []string
}

type money struct {
	Amount   int64
	Currency string
}

type price struct {
	Price     *money
	CompareAt *money `json:"compare_at"`
}

type variant struct {
	SKU    string
	MPN    string
	GTINs  []string
	Prices []price
	price
	Options     map[string]string
	WeightGrams int `json:"weight_grams"`
}

type product struct {
	ExternalID  string `json:"external_id"`
	Slug        string
	Name        string
	Description string
	Brand       string
	Status      string
	PublishAt   string `json:"publish_at"`
	PublishedAt string `json:"published_at"`
	Featured    bool
	Categories  []string
	Attributes  map[string]any
	Media       []struct{ Kind, URL, Alt string }
	Options     []string
	Variants    []variant
}

type level struct {
	SKU      string
	Location string
	OnHand   int `json:"on_hand"`
}

// read decodes a file strictly: a field that the format does not know is a fault.
func read[T any](t *testing.T, name string) []T {
	t.Helper()
	data, err := os.ReadFile(name + ".ndjson")
	require.NoError(t, err)
	var rows []T
	for i, line := range bytes.Split(bytes.TrimSpace(data), []byte("\n")) {
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		var row T
		require.NoErrorf(t, decoder.Decode(&row), "%s row %d", name, i+1)
		rows = append(rows, row)
	}
	return rows
}

func (v variant) allPrices() []price {
	if v.Price != nil {
		return append(v.Prices, v.price)
	}
	return v.Prices
}

func TestTheSampleIsAboutTwoHundredProductsWithVariantsAndDrafts(t *testing.T) {
	t.Parallel()
	count := map[string]int{}
	for _, p := range read[product](t, "products") {
		count["products"]++
		count[p.Status]++
		count["variants"] += len(p.Variants)
		if len(p.Options) > 0 {
			count["with options"]++
		}
		if p.Featured {
			count["featured"]++
		}
	}
	require.InDelta(t, 200, count["products"], 20)
	require.Greater(t, count["variants"], 350)
	require.Greater(t, count["with options"], 60)
	require.Greater(t, count["featured"], 15)
	require.Greater(t, count["draft"], 2)
	require.Greater(t, count["active"], 180)
}

func TestEveryReferenceOfTheSampleIsKept(t *testing.T) {
	t.Parallel()
	types := map[string]string{}
	for _, a := range read[attribute](t, "attributes") {
		require.NotContains(t, types, a.Code)
		require.Contains(t, []string{"text", "number", "boolean"}, a.Type, a.Code)
		types[a.Code] = a.Type
	}
	slugs := map[string]bool{}
	for _, c := range read[category](t, "categories") {
		require.NotContains(t, slugs, c.Slug)
		if c.Parent != nil {
			require.True(t, slugs[*c.Parent], "the parent of %s stands before it", c.Slug)
		}
		for _, f := range c.Filters {
			require.True(t, types[f] != "" || f == "brand" || f == "price", "filter %s of %s", f, c.Slug)
		}
		slugs[c.Slug] = true
	}
	for _, p := range read[product](t, "products") {
		require.NotEmpty(t, p.Categories, p.Slug)
		for _, c := range p.Categories {
			require.True(t, slugs[c], "category %s of %s", c, p.Slug)
		}
		for code, value := range p.Attributes {
			require.Equal(t, types[code], typeOf(value), "attribute %s of %s", code, p.Slug)
			require.NotContains(t, p.Options, code, "%s is an option and an attribute of %s", code, p.Slug)
		}
	}
}

func typeOf(value any) string {
	switch value.(type) {
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string, []any:
		return "text"
	}
	return fmt.Sprintf("%T", value)
}

func TestTheCategoryTreeHasTwoLevels(t *testing.T) {
	t.Parallel()
	parent := map[string]string{}
	used := map[string]bool{}
	for _, c := range read[category](t, "categories") {
		parent[c.Slug] = ""
		if c.Parent != nil {
			parent[c.Slug] = *c.Parent
			require.Empty(t, parent[*c.Parent], "%s lies on a third level", c.Slug)
		}
	}
	for _, p := range read[product](t, "products") {
		for _, c := range p.Categories {
			require.NotEmpty(t, parent[c], "%s lies in a leaf", p.Slug)
			used[c] = true
		}
	}
	for slug, above := range parent {
		require.True(t, above == "" || used[slug], "category %s is empty", slug)
	}
}

func TestEveryVariantCanBeSold(t *testing.T) {
	t.Parallel()
	word := regexp.MustCompile(`^[A-Za-z0-9._~-]{1,64}$`)
	seen := map[string]string{}
	once := func(key, of string) {
		require.Empty(t, seen[key], "%s of %s is taken", key, of)
		seen[key] = of
	}
	for _, p := range read[product](t, "products") {
		once("slug "+p.Slug, p.Slug)
		once("external id "+p.ExternalID, p.Slug)
		require.Greater(t, len(p.Description), 20, p.Slug)
		require.NotEmpty(t, p.Brand, p.Slug)
		require.NotEmpty(t, p.Media, p.Slug)
		combinations := map[string]bool{}
		for _, v := range p.Variants {
			require.Regexp(t, word, v.SKU)
			once("sku "+v.SKU, p.Slug)
			for _, g := range v.GTINs {
				require.True(t, validGTIN(g), "gtin %s of %s", g, v.SKU)
				once("gtin "+g, v.SKU)
			}
			require.Len(t, v.Options, len(p.Options), v.SKU)
			for _, o := range p.Options {
				require.NotEmpty(t, v.Options[o], "option %s of %s", o, v.SKU)
			}
			require.False(t, combinations[fmt.Sprint(v.Options)], "options of %s occur twice", v.SKU)
			combinations[fmt.Sprint(v.Options)] = true
			checkPrices(t, v)
		}
	}
}

func checkPrices(t *testing.T, v variant) {
	t.Helper()
	var currencies []string
	for _, p := range v.allPrices() {
		require.Positive(t, p.Price.Amount, v.SKU)
		require.NotContains(t, currencies, p.Price.Currency, v.SKU)
		currencies = append(currencies, p.Price.Currency)
		if p.CompareAt != nil {
			require.Equal(t, p.Price.Currency, p.CompareAt.Currency, v.SKU)
			require.Greater(t, p.CompareAt.Amount, p.Price.Amount, v.SKU)
		}
	}
	require.True(t, slices.Contains(currencies, "USD"), "%s has no USD price", v.SKU)
}

// validGTIN checks the GS1 mod-10 digit of a GTIN-13.
func validGTIN(gtin string) bool {
	if len(gtin) != 13 || strings.Trim(gtin, "0123456789") != "" {
		return false
	}
	sum := 0
	for i, digit := range gtin {
		weight := 1 + 2*(i%2)
		sum += weight * int(digit-'0')
	}
	return sum%10 == 0
}

func TestEverySKUOfTheSampleHasStockAtMain(t *testing.T) {
	t.Parallel()
	at := map[string]map[string]int{}
	second := 0
	for _, l := range read[level](t, "stock") {
		require.NotContains(t, at[l.SKU], l.Location, l.SKU)
		require.GreaterOrEqual(t, l.OnHand, 0)
		if at[l.SKU] == nil {
			at[l.SKU] = map[string]int{}
		}
		at[l.SKU][l.Location] = l.OnHand
		if l.Location != "main" {
			second++
		}
	}
	require.Greater(t, second, 50)
	known := map[string]bool{}
	for _, p := range read[product](t, "products") {
		for _, v := range p.Variants {
			require.Contains(t, at[v.SKU], "main", v.SKU)
			known[v.SKU] = true
		}
	}
	require.Len(t, known, len(at), "stock names only SKUs of the sample")
}
