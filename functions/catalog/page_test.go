package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

// samePage compares what a visitor reads of a product by its page with the
// document that is read from its parts, field for field.
func samePage(t testing.TB, pages *product.Reader, slug string) {
	t.Helper()
	ctx := context.Background()
	want, err := product.Get(ctx, pages.DB, slug, false)
	require.NoError(t, err)
	page, ok, err := pages.Read(ctx, slug)
	require.NoError(t, err)
	require.True(t, ok, "%s has a page", slug)
	var got product.Document
	body := page.JSON()
	require.NoError(t, json.Unmarshal(body, &got), "%s", body)
	require.Equal(t, want, got)
	require.Equal(t, want.Tag(), page.Tag())
	plain, err := json.Marshal(want)
	require.NoError(t, err)
	require.JSONEq(t, string(plain), string(body))
}

func anyProduct(r *rand.Rand, n int) map[string]any {
	pick := func(list ...any) any { return list[r.IntN(len(list))] }
	d := map[string]any{
		"name": pick("Pan", "Ölpfanne <b>&\u2028\u0001", `"quoted" \ back`), "slug": fmt.Sprintf("p-%d", n), "status": "active",
		"description": pick("", "a\nb\t<i>c</i>", "\u0001\u007f"), "brand": pick(nil, "Smith"), "featured": pick(true, false),
		"external_id": pick(nil, fmt.Sprintf("x:%d", n)), "publish_at": pick(nil, "2020-01-01T00:00:00.123456Z"),
		"unpublish_at": pick(nil, "2999-01-01T00:00:00Z"), "categories": pick([]string{}, []string{"pans"}, []string{"garden", "kitchen"}),
		"attributes": pick(map[string]any{}, map[string]any{"weight": 1.5e-7, "wireless": true, "notes": "\u0001}", "colour": []string{"a", "b"}}),
		"media":      pick([]any{}, []any{map[string]any{"url": "https://images.example.com/a.jpg?a=1&b=2"}}), "options": []string{"size"},
	}
	variants := []any{}
	for i := range r.IntN(4) {
		v := map[string]any{"sku": fmt.Sprintf("S-%d-%d", n, i), "options": map[string]any{"size": fmt.Sprint(i)}, "gtins": pick([]string{}, []string{"0095205603217"})}
		prices := []any{}
		for _, c := range []string{"EUR", "JPY", "USD"}[:r.IntN(4)] {
			p := map[string]any{"price": map[string]any{"amount": 5 + r.IntN(9), "currency": c}}
			if r.IntN(2) == 0 {
				p["compare_at"] = map[string]any{"amount": 20, "currency": c}
			}
			prices = append(prices, p)
		}
		if len(prices) > 0 {
			v["prices"] = prices
		}
		if r.IntN(2) == 0 {
			v["mpn"], v["weight_grams"] = "M<1>", r.IntN(5)
		}
		variants = append(variants, v)
	}
	d["variants"] = variants
	return d
}

// assorted makes some products of all kinds and returns their slugs.
func assorted(t testing.TB, s *servicetest.Server) []string {
	t.Helper()
	seed(t, s)
	r := rand.New(rand.NewPCG(3, 4))
	var names []string
	for n := range 12 {
		d := create1(t, s, asJSON(t, anyProduct(r, n)))
		names = append(names, d.Slug)
		if len(d.Variants) > 1 {
			stock(t, s, map[string]int{d.Variants[1].SKU: 500})
		}
	}
	return names
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

func TestPagesThatTheMigrationMakesAreLikeThoseOfWriters(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := start(t)
	names := assorted(t, s)
	migration, err := os.ReadFile("../../shared/schema/migrations/00042_pages.sql")
	require.NoError(t, err)
	_, after, _ := strings.Cut(string(migration), "insert into catalog.product_pages")
	fill, _, _ := strings.Cut(after, ";")
	for _, sql := range []string{"delete from catalog.product_pages", "insert into catalog.product_pages" + fill} {
		_, err = s.DB.Owner(t).Exec(ctx, sql)
		require.NoError(t, err)
	}
	pages := &product.Reader{DB: s.DB.Pool(t, "catalog")}
	for _, name := range names {
		samePage(t, pages, name)
	}
}

// A page of another version is what a release that knows no pages leaves behind.
func TestAProductWhosePageIsMissingOrOldIsReadFromItsParts(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := start(t)
	names := assorted(t, s)
	ask := func() (all []servicetest.Answer) {
		for _, name := range names {
			all = append(all, s.Do(t, http.MethodGet, "/v1/products/"+name, nil))
		}
		return append(all, s.Do(t, http.MethodPost, "/v1/products:lookup", map[string]any{"refs": append(names, "none")}))
	}
	before := ask()
	for _, sql := range []string{
		"update catalog.product_pages set version = version + 1, body = '{}' where product_id in (select id from catalog.products where slug < 'p-5')",
		"delete from catalog.product_pages where product_id in (select id from catalog.products where slug >= 'p-5')",
	} {
		_, err := s.DB.Owner(t).Exec(ctx, sql)
		require.NoError(t, err)
	}
	for i, after := range ask() {
		require.Equal(t, http.StatusOK, after.Status)
		if i < len(names) {
			require.Equal(t, before[i].Header.Get("ETag"), after.Header.Get("ETag"))
			require.JSONEq(t, string(before[i].Body), string(after.Body))
			continue
		}
		var was, is struct {
			Items   []product.Document
			Missing []string
		}
		before[i].JSON(t, &was)
		after.JSON(t, &is)
		for j := range was.Items {
			was.Items[j].Breadcrumbs = nil
		}
		require.Equal(t, was, is)
	}
}

func TestReadersOfManyPagesAtOnceEachGetTheirOwn(t *testing.T) {
	t.Parallel()
	s := start(t)
	names := assorted(t, s)
	pages := &product.Reader{DB: s.DB.Pool(t, "catalog")}
	var all sync.WaitGroup
	for i := range 300 {
		all.Go(func() {
			name := names[i%len(names)]
			page, ok, err := pages.Read(context.Background(), name)
			var d product.Document
			if err != nil || !ok || json.Unmarshal(page.JSON(), &d) != nil || d.Slug != name {
				t.Errorf("%s: %v %v %s", name, ok, err, page.JSON())
			}
			if _, ok, err := pages.Read(context.Background(), "no-such-slug"); ok || err != nil {
				t.Errorf("found what is not there: %v", err)
			}
		})
	}
	all.Wait()
}

func TestAPageIsTheDocumentThatItsPartsMake(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	pages, token := &product.Reader{DB: s.DB.Pool(t, "catalog")}, s.Bearer(t, write)
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 40 {
		a := s.Do(t, http.MethodPost, "/v1/products", anyProduct(r, n), token)
		require.Equal(t, http.StatusCreated, a.Status, "%s", a.Body)
		var d product.Document
		a.JSON(t, &d)
		if len(d.Variants) > 1 {
			stock(t, s, map[string]int{d.Variants[1].SKU: r.IntN(3)})
			samePage(t, pages, d.Slug)
			a = s.Do(t, http.MethodPut, "/v1/variants/"+d.Variants[0].SKU+"/price", `{"price":{"amount":7,"currency":"EUR"}}`, token, header("If-Match", "*"))
			require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
			samePage(t, pages, d.Slug)
			for _, sale := range []string{
				`{"price":{"amount":3,"currency":"EUR"},"ends_at":"2998-01-01T00:00:00Z"}`,
				`{"price":{"amount":2,"currency":"EUR"},"starts_at":"2998-02-01T00:00:00Z"}`,
			} {
				a = s.Do(t, http.MethodPost, "/v1/variants/"+d.Variants[0].SKU+"/sales", sale, token, header("If-Match", "*"))
				require.Equal(t, http.StatusCreated, a.Status, "%s", a.Body)
				samePage(t, pages, d.Slug)
			}
		}
		samePage(t, pages, d.Slug)
		if n%2 == 0 {
			again := anyProduct(r, n)
			again["variants"] = append(again["variants"].([]any), map[string]any{"sku": fmt.Sprintf("T-%d", n), "options": map[string]any{"size": "XL"}})
			a = s.Do(t, http.MethodPut, "/v1/products/"+d.Slug, again, token, header("If-Match", "*"))
			require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
			samePage(t, pages, d.Slug)
		}
	}
}
