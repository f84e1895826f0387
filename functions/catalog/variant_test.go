package main

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

const shirt = `{"name":"Shirt","slug":"shirt","status":"active","options":["size"],"variants":[
	{"sku":"S","options":{"size":"S"},"price":{"amount":1000,"currency":"USD"}},
	{"sku":"M","options":{"size":"M"},"price":{"amount":1000,"currency":"USD"},"mpn":"M-1","weight_grams":200}]}`

func skus(d product.Document) []string {
	list := []string{}
	for _, v := range d.Variants {
		list = append(list, v.SKU)
	}
	return list
}

func TestAVariantIsAddedToItsProduct(t *testing.T) {
	t.Parallel()
	s := start(t)
	create1(t, s, shirt)
	create1(t, s, `{"name":"Other","variants":[{"sku":"OTHER"},{"sku":"GONE"}]}`)
	emitted(t, s)
	token := s.Bearer(t, write)
	post := func(body string, headers ...servicetest.Header) servicetest.Answer {
		return s.Do(t, "POST", "/v1/products/shirt/variants", body, append(headers, token)...)
	}
	large := `{"sku":"L","options":{"size":"L"},"gtins":["0095205603217"],"price":{"amount":1200,"currency":"USD"}}`
	a := post(large, header("Idempotency-Key", "k"))
	require.Equal(t, 201, a.Status, "%s", a.Body)
	require.Equal(t, "/v1/variants/L", a.Header.Get("Location"))
	require.ElementsMatch(t, []string{event.ProductUpdated, event.PriceChanged}, types(emitted(t, s)))
	again := post(large, header("Idempotency-Key", "k"))
	require.Equal(t, 201, again.Status)
	require.JSONEq(t, string(a.Body), string(again.Body))
	require.Equal(t, a.Header.Get("ETag"), again.Header.Get("ETag"))
	d, _ := get(t, s, "/v1/products/shirt")
	require.Equal(t, []string{"S", "M", "L"}, skus(d))
	require.EqualValues(t, 2, d.Version)
	require.Equal(t, []string{"shirt"}, slugs(list(t, s, "price_min=1200&attr.size=L")), "it is found at once")

	for body, want := range map[string]string{
		`{"sku":"L","options":{"size":"XXL"}}`:     "/sku duplicate",
		`{"sku":"OTHER","options":{"size":"XXL"}}`: "/sku duplicate",
	} {
		code, told := refused(t, post(body), 409)
		require.Equal(t, "duplicate", code)
		require.Equal(t, []string{want}, told)
	}
	_, told := refused(t, post(`{"sku":"X Y","options":{"colour":"red"},"price":{"amount":-1,"currency":"USD"},"size":"XL"}`), 422)
	require.ElementsMatch(t, []string{"/sku format", "/options/size required", "/options/colour unknown_option", "/price/amount out_of_range", "/size unknown_field"}, told)
	_, told = refused(t, post(`{"sku":"L2","options":{"size":"L"}}`), 422)
	require.Equal(t, []string{"/options duplicate"}, told)
	refused(t, post(`{"sku":"XL","options":{"size":"XL"}}`, header("If-Match", `"1"`)), 412)
	require.Equal(t, 201, post(`{"sku":"XL","options":{"size":"XL"}}`, header("If-Match", `"2"`)).Status)
	refused(t, s.Do(t, "POST", "/v1/products/nothing/variants", `{"sku":"Z"}`, token), 404)
}

func TestAVariantIsReplacedPatchedAndReadBack(t *testing.T) {
	t.Parallel()
	s := start(t)
	create1(t, s, shirt)
	token, every := s.Bearer(t, write), header("If-Match", "*")
	before := s.Do(t, "GET", "/v1/variants/M", nil)
	a := s.Do(t, "PUT", "/v1/variants/M", before.Body, token, header("If-Match", before.Header.Get("ETag")))
	require.Equal(t, 200, a.Status, "%s", a.Body)
	require.JSONEq(t, string(before.Body), string(a.Body), "what was read may be written back and changes nothing")
	require.Equal(t, before.Header.Get("ETag"), a.Header.Get("ETag"))

	a = s.Do(t, "PUT", "/v1/variants/M", `{"options":{"size":"Medium"},"prices":[{"price":{"amount":900,"currency":"EUR"}}]}`, token, header("If-Match", `"1"`))
	require.Equal(t, 200, a.Status, "%s", a.Body)
	var v product.Variant
	a.JSON(t, &v)
	require.Equal(t, "M", v.SKU)
	require.Empty(t, v.MPN, "what is not named is gone")
	require.Nil(t, v.WeightGrams)
	require.Len(t, v.Prices, 2, "but prices of other currencies stay")

	patch := func(body string) product.Variant {
		a := s.Do(t, "PATCH", "/v1/variants/S", body, token, every, header("Content-Type", "application/merge-patch+json"))
		require.Equal(t, 200, a.Status, "%s", a.Body)
		var v product.Variant
		a.JSON(t, &v)
		return v
	}
	v = patch(`{"price":{"amount":800},"compare_at":{"amount":1000,"currency":"USD"},"weight_grams":150}`)
	require.EqualValues(t, 800, v.Price.Amount)
	require.EqualValues(t, 1000, v.CompareAt.Amount)
	require.EqualValues(t, 150, *v.WeightGrams)
	require.Nil(t, patch(`{"compare_at":null}`).CompareAt)
	v = patch(`{"weight_grams":null,"mpn":"S-1"}`)
	require.Nil(t, v.WeightGrams)
	require.Equal(t, "S-1", v.MPN)
	require.Len(t, patch(`{"price":{"amount":700,"currency":"EUR"}}`).Prices, 2)
	require.Len(t, patch(`{"prices":[{"price":{"amount":600,"currency":"JPY"}}]}`).Prices, 3)
	d, _ := get(t, s, "/v1/products/shirt")
	require.Equal(t, []string{"S", "M"}, skus(d), "each stays in its place")
	require.EqualValues(t, 7, d.Version)

	for _, method := range []string{"PUT", "PATCH", "DELETE"} {
		var body any
		if method != "DELETE" {
			body = `{"options":{"size":"S"}}`
		}
		refused(t, s.Do(t, method, "/v1/variants/S", body, token), 428)
		refused(t, s.Do(t, method, "/v1/variants/S", body, token, header("If-Match", `"1"`)), 412)
		refused(t, s.Do(t, method, "/v1/variants/NONE", body, token, every), 404)
	}
	_, told := refused(t, s.Do(t, "PUT", "/v1/variants/S", `{"sku":"T","options":{"size":"Medium"},"gtins":["1"],"colour":1}`, token, every), 422)
	require.ElementsMatch(t, []string{"/sku contradicts", "/options duplicate", "/gtins/0 check_digit", "/colour unknown_field"}, told)
	_, told = refused(t, s.Do(t, "PATCH", "/v1/variants/S", `{"options":{"size":null}}`, token, every), 422)
	require.Equal(t, []string{"/options/size required"}, told)
	for _, broken := range []string{`[]`, `{`, `null`, `1`} {
		refused(t, s.Do(t, "PATCH", "/v1/variants/S", broken, token, every), 400)
	}
}

func TestAVariantThatIsRemovedMayReturnToItsProductOnly(t *testing.T) {
	t.Parallel()
	s := start(t)
	made := create1(t, s, shirt)
	create1(t, s, `{"name":"Other"}`)
	token, every := s.Bearer(t, write), header("If-Match", "*")
	for _, sku := range []string{"S", "M"} {
		require.Equal(t, 204, s.Do(t, "DELETE", "/v1/variants/"+sku, nil, token, every).Status)
		refused(t, s.Do(t, "GET", "/v1/variants/"+sku, nil), 404)
		refused(t, s.Do(t, "GET", "/v1/variants/"+sku+"/prices", nil), 404)
	}
	d, _ := get(t, s, "/v1/products/shirt")
	require.Empty(t, d.Variants, "the last one may go")
	require.Empty(t, slugs(list(t, s, "")), "there is nothing to sell")
	code, told := refused(t, s.Do(t, "POST", "/v1/products/other/variants", `{"sku":"S"}`, token), 409)
	require.Equal(t, "duplicate", code)
	require.Equal(t, []string{"/sku duplicate"}, told)
	a := s.Do(t, "POST", "/v1/products/shirt/variants", `{"sku":"S","options":{"size":"S"}}`, token)
	require.Equal(t, 201, a.Status, "%s", a.Body)
	var v product.Variant
	a.JSON(t, &v)
	require.Equal(t, made.Variants[0].ID, v.ID, "as the variant it was")
	require.EqualValues(t, 1000, v.Price.Amount, "at its price")
}

func TestVariantsAddedAtOnceAreAllThereAndASKUIsOfOneProduct(t *testing.T) {
	t.Parallel()
	s := start(t)
	const products, each = 3, 4
	for i := range products {
		create1(t, s, fmt.Sprintf(`{"name":"P%d"}`, i))
	}
	token := s.Bearer(t, write)
	var wg sync.WaitGroup
	statuses := make([][2]int, products*each)
	for n := range products * each {
		wg.Go(func() {
			path := fmt.Sprintf("/v1/products/p%d/variants", n%products)
			statuses[n][0] = s.Do(t, "POST", path, fmt.Sprintf(`{"sku":"OWN-%d"}`, n), token).Status
			statuses[n][1] = s.Do(t, "POST", path, fmt.Sprintf(`{"sku":"SHARED-%d"}`, n/products), token).Status
		})
	}
	wg.Wait()
	won := 0
	for _, got := range statuses {
		require.Equal(t, 201, got[0])
		require.Contains(t, []int{201, 409}, got[1])
		if got[1] == 201 {
			won++
		}
	}
	require.Equal(t, each, won, "each shared SKU was taken once")
	all := 0
	for i := range products {
		d, _ := get(t, s, fmt.Sprintf("/v1/products/p%d", i), s.Bearer(t, drafts))
		all += len(d.Variants)
	}
	require.Equal(t, products*each+each, all)
}
