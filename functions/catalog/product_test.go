package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

type problem struct {
	Code   string
	Errors []fault.Field
}

// refused reads a problem and returns its faults as "pointer code".
func refused(t testing.TB, a servicetest.Answer, status int) (string, []string) {
	t.Helper()
	require.Equal(t, status, a.Status, "%s", a.Body)
	require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
	var p problem
	a.JSON(t, &p)
	told := []string{}
	for _, f := range p.Errors {
		told = append(told, f.Pointer+" "+f.Code)
	}
	return p.Code, told
}

func header(name, value string) servicetest.Header {
	return servicetest.Header{Name: name, Value: value}
}

// seed gives a server some attributes and categories.
func seed(t testing.TB, s *servicetest.Server) {
	t.Helper()
	_, sum := imports(t, s, "attributes", "", []byte(`{"code":"colour","name":"Colour","type":"text","filterable":true}
{"code":"size","name":"Size","type":"text","filterable":true}
{"code":"weight","name":"Weight","type":"number","unit":"g","filterable":true}
{"code":"wireless","name":"Wireless","type":"boolean","filterable":true}
{"code":"notes","name":"Notes","type":"text"}`))
	require.Equal(t, 5, sum.Created)
	_, sum = imports(t, s, "categories", "", []byte(`{"slug":"home","name":"Home","filters":["brand","price","colour"]}
{"slug":"kitchen","name":"Kitchen","parent":"home","filters":["weight"]}
{"slug":"pans","name":"Pans","parent":"kitchen"}
{"slug":"garden","name":"Garden"}`))
	require.Equal(t, 4, sum.Created)
}

const pan = `{"external_id":"x:1","slug":"iron-pan","name":"Iron pan","description":"<b>Heavy</b> & black","brand":"Smith","status":"active",
	"categories":["pans"],"attributes":{"weight":2300,"wireless":false,"colour":["Black","Grey"]},
	"media":[{"kind":"image","url":"https://images.example.com/pan.jpg","alt":"A pan"}],
	"options":["size"],"variants":[
	{"sku":"PAN-24","mpn":"S24","gtins":["0095205603217"],"options":{"size":"24 cm"},"price":{"amount":3900,"currency":"USD"},"compare_at":{"amount":4500,"currency":"USD"},"weight_grams":2300},
	{"sku":"PAN-28","options":{"size":"28 cm"},"prices":[{"price":{"amount":4900,"currency":"USD"}},{"price":{"amount":4400,"currency":"EUR"}}]}]}`

func create1(t testing.TB, s *servicetest.Server, body string) product.Document {
	t.Helper()
	a := s.Do(t, "POST", "/v1/products", body, s.Bearer(t, write))
	require.Equal(t, 201, a.Status, "%s", a.Body)
	var d product.Document
	a.JSON(t, &d)
	require.Equal(t, "/v1/products/"+d.Slug, a.Header.Get("Location"))
	return d
}

func get(t testing.TB, s *servicetest.Server, path string, headers ...servicetest.Header) (product.Document, servicetest.Answer) {
	t.Helper()
	a := s.Do(t, "GET", path, nil, headers...)
	require.Equal(t, 200, a.Status, "%s", a.Body)
	var d product.Document
	a.JSON(t, &d)
	return d, a
}

func TestAProductIsReadBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	made := create1(t, s, pan)
	bySlug, a := get(t, s, "/v1/products/iron-pan")
	byID, _ := get(t, s, "/v1/products/"+made.ID.String())
	require.Equal(t, bySlug, byID)
	require.Equal(t, "public, max-age=1, stale-while-revalidate=5, stale-if-error=300", a.Header.Get("Cache-Control"))
	require.Equal(t, "<b>Heavy</b> & black", bySlug.Description, "HTML is data")
	require.Equal(t, map[string]any{"weight": 2300.0, "wireless": false, "colour": []any{"Black", "Grey"}}, bySlug.Attributes)
	require.Equal(t, int64(1), bySlug.Version)
	require.Equal(t, "out_of_stock", bySlug.Variants[0].Availability, "inventory knows nothing of it")
	require.EqualValues(t, 3900, bySlug.Variants[0].Price.Amount)
	require.EqualValues(t, 4500, bySlug.Variants[0].CompareAt.Amount)
	require.Nil(t, bySlug.Variants[1].Price, "two currencies: prices")
	require.Len(t, bySlug.Variants[1].Prices, 2)
	require.NotNil(t, bySlug.PublishedAt)
	require.Equal(t, []string{"home", "kitchen", "pans"}, []string{bySlug.Breadcrumbs[0].Slug, bySlug.Breadcrumbs[1].Slug, bySlug.Breadcrumbs[2].Slug})

	again := s.Do(t, "PUT", "/v1/products/iron-pan", bySlug, s.Bearer(t, write), header("If-Match", a.Header.Get("ETag")))
	require.Equal(t, 200, again.Status, "%s", again.Body)
	same, _ := get(t, s, "/v1/products/iron-pan")
	require.Equal(t, bySlug, same, "what was read may be written back and changes nothing")
}

func TestAvailabilityIsAWordAndNeverANumber(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	create1(t, s, pan)
	_, before := get(t, s, "/v1/products/iron-pan")
	stock(t, s, map[string]int{"PAN-24": 73317})
	d, after := get(t, s, "/v1/products/iron-pan", header("If-None-Match", before.Header.Get("ETag")))
	require.Equal(t, "in_stock", d.Variants[0].Availability)
	require.Equal(t, "out_of_stock", d.Variants[1].Availability)
	require.NotContains(t, string(after.Body), `73317`)
	require.NotEqual(t, before.Header.Get("ETag"), after.Header.Get("ETag"), "stock makes another ETag")
	require.Equal(t, version(before), version(after), "but no other version")
}

func version(a servicetest.Answer) string {
	v, _, _ := strings.Cut(a.Header.Get("ETag"), ".")
	return v
}

// stock puts levels where inventory keeps them.
func stock(t testing.TB, s *servicetest.Server, levels map[string]int) {
	t.Helper()
	owner := s.DB.Owner(t)
	for sku, n := range levels {
		for _, sql := range []string{
			`insert into inventory.locations (code, name, priority) values ('main', 'Main', 1) on conflict do nothing`,
			fmt.Sprintf(`insert into inventory.stock (sku) values ('%s') on conflict do nothing`, sku),
			fmt.Sprintf(`insert into inventory.levels (sku, location, on_hand) values ('%s', 'main', %d)`, sku, n),
		} {
			_, err := owner.Exec(context.Background(), sql)
			require.NoError(t, err)
		}
	}
}

func TestEveryFaultOfADocumentIsToldAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	body := `{"name":"","colour":"red","slug":"Not A Slug","status":"sold","unpublish_at":"2020-01-01T00:00:00Z","publish_at":"2021-01-01T00:00:00Z",
		"categories":["pans","pans"],"media":[{"url":"ftp://x"}],"options":["size"],
		"variants":[{"sku":"a b","gtins":["0095205603218"],"price":{"amount":-1,"currency":"XXX"},"options":{"colour":"red"}},
		            {"sku":"B","options":{"size":"M"},"compare_at":{"amount":1,"currency":"USD"}},{"sku":"B","options":{"size":"M"}}]}`
	code, told := refused(t, s.Do(t, "POST", "/v1/products", body, s.Bearer(t, write)), 422)
	require.Equal(t, "invalid", code)
	require.Subset(t, told, []string{
		"/name too_short", "/colour unknown_field", "/slug pattern", "/status not_allowed", "/unpublish_at out_of_range", "/categories/1 duplicate",
		"/media/0/url format", "/variants/0/gtins/0 check_digit", "/variants/0/price/amount out_of_range", "/variants/0/price/currency unknown_currency",
		"/variants/0/options/size required", "/variants/0/options/colour unknown_option", "/variants/1/compare_at without_price",
		"/variants/2/sku duplicate", "/variants/2/options duplicate",
	})
	results, sum := imports(t, s, "products", "", []byte(strings.ReplaceAll(body, "\n", " ")))
	require.Equal(t, 1, sum.Failed)
	byImport := []string{}
	for _, f := range results[0].Errors {
		byImport = append(byImport, f.Pointer+" "+f.Code)
	}
	require.ElementsMatch(t, told, byImport, "a row is judged as a body is")
	_, told = refused(t, s.Do(t, "POST", "/v1/products", `{"name":"x","categories":["nowhere"],"attributes":{"weight":"heavy","wireless":1,"colour":true,"unheard_of":1}}`, s.Bearer(t, write)), 422)
	require.ElementsMatch(t, []string{
		"/categories/0 unknown_category", "/attributes/weight wrong_type", "/attributes/wireless wrong_type",
		"/attributes/colour wrong_type", "/attributes/unheard_of unknown_attribute",
	}, told)
	for _, broken := range []string{``, `{`, `[]x`, `{"name":"a"}{"name":"b"}`} {
		refused(t, s.Do(t, "POST", "/v1/products", broken, s.Bearer(t, write)), 400)
	}
	for _, wrong := range []string{`null`, `[]`, `"x"`, `{"name":"a","publish_at":"tomorrow"}`, `{"name":"a\u0000b"}`, `{"name":7}`} {
		refused(t, s.Do(t, "POST", "/v1/products", wrong, s.Bearer(t, write)), 422)
	}
}

func TestASKUBelongsToItsProductForEver(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	d := create1(t, s, `{"name":"A","variants":[{"sku":"ONE"},{"sku":"TWO"}]}`)
	token := s.Bearer(t, write)
	code, told := refused(t, s.Do(t, "POST", "/v1/products", `{"name":"B","variants":[{"sku":"NEW"},{"sku":"TWO"}]}`, token), 409)
	require.Equal(t, "duplicate", code)
	require.Equal(t, []string{"/variants/1/sku duplicate"}, told)

	put := func(body string, version int64) product.Document {
		a := s.Do(t, "PUT", "/v1/products/a", body, token, header("If-Match", fmt.Sprintf(`"%d.x"`, version)))
		require.Equal(t, 200, a.Status, "%s", a.Body)
		var d product.Document
		a.JSON(t, &d)
		return d
	}
	after := put(`{"name":"A","status":"active","variants":[{"sku":"ONE"}]}`, 1)
	require.Len(t, after.Variants, 1)
	refused(t, s.Do(t, "GET", "/v1/variants/TWO", nil), 404)
	_, told = refused(t, s.Do(t, "POST", "/v1/products", `{"name":"B","variants":[{"sku":"TWO"}]}`, token), 409)
	require.Equal(t, []string{"/variants/0/sku duplicate"}, told, "also when its variant is removed")
	after = put(`{"name":"A","status":"active","variants":[{"sku":"ONE"},{"sku":"TWO"}]}`, 2)
	require.Equal(t, d.Variants[1].ID, after.Variants[1].ID, "it returns as the variant it was")

	require.Equal(t, 204, s.Do(t, "DELETE", "/v1/products/a", nil, token, header("If-Match", `"3"`)).Status)
	_, told = refused(t, s.Do(t, "POST", "/v1/products", `{"name":"C","variants":[{"sku":"ONE"}]}`, token), 409)
	require.Equal(t, []string{"/variants/0/sku duplicate"}, told, "also when its product is deleted")
}

func TestWhoMaySeeWhatWhen(t *testing.T) {
	t.Parallel()
	s := start(t)
	reader := s.Bearer(t, drafts)
	for name, c := range map[string]struct {
		fields            string
		visitor, anyState int
	}{
		"active":      {`"status":"active"`, 200, 200},
		"draft":       {`"status":"draft"`, 404, 200},
		"no status":   {`"featured":false`, 404, 200},
		"archived":    {`"status":"archived","published_at":"2020-01-01T00:00:00Z"`, 410, 200},
		"scheduled":   {`"status":"active","publish_at":"2999-01-01T00:00:00Z"`, 404, 200},
		"unpublished": {`"status":"active","unpublish_at":"2020-01-01T00:00:00Z"`, 410, 200},
		"in window":   {`"status":"active","publish_at":"2020-01-01T00:00:00Z","unpublish_at":"2999-01-01T00:00:00Z"`, 200, 200},
	} {
		slug := strings.ReplaceAll(name, " ", "-")
		create1(t, s, fmt.Sprintf(`{"name":"x","slug":"%s",%s,"variants":[{"sku":"%s"}]}`, slug, c.fields, slug))
		require.Equal(t, c.visitor, s.Do(t, "GET", "/v1/products/"+slug, nil).Status, name)
		require.Equal(t, c.visitor, s.Do(t, "GET", "/v1/variants/"+slug, nil).Status, name)
		a := s.Do(t, "GET", "/v1/products/"+slug, nil, reader)
		require.Equal(t, c.anyState, a.Status, name)
		require.Equal(t, "private, no-store", a.Header.Get("Cache-Control"))
		require.Contains(t, a.Header.Values("Vary"), "Authorization")
	}
	require.ElementsMatch(t, []string{"active", "in-window"}, slugs(list(t, s, "")))
	require.Equal(t, 204, s.Do(t, "DELETE", "/v1/products/active", nil, s.Bearer(t, write), header("If-Match", `"1"`)).Status)
	require.Equal(t, 410, s.Do(t, "GET", "/v1/products/active", nil).Status)
	require.Equal(t, 410, s.Do(t, "GET", "/v1/products/active", nil, reader).Status, "deleted is deleted for everybody")
	require.Equal(t, 404, s.Do(t, "GET", "/v1/products/never-there", nil).Status)
	require.Equal(t, 404, s.Do(t, "GET", "/v1/products/"+uuid.NewString(), nil).Status)
	require.ElementsMatch(t, []string{"in-window"}, slugs(list(t, s, "")))
}

func TestAnOldSlugLeadsToTheProduct(t *testing.T) {
	t.Parallel()
	s := start(t)
	d := create1(t, s, `{"name":"First","status":"active","variants":[{"sku":"A"}]}`)
	token := s.Bearer(t, write)
	rename := func(ref, slug string) servicetest.Answer {
		return s.Do(t, "PATCH", "/v1/products/"+ref, map[string]string{"slug": slug}, token, header("If-Match", "*"))
	}
	require.Equal(t, 200, rename("first", "second").Status)
	require.Equal(t, 200, rename(d.ID.String(), "third").Status)
	for _, old := range []string{"first", "second"} {
		a := s.Do(t, "GET", "/v1/products/"+old, nil)
		require.Equal(t, http.StatusPermanentRedirect, a.Status)
		require.Equal(t, "/v1/products/third", a.Header.Get("Location"))
	}
	other := create1(t, s, `{"name":"Second","status":"active","variants":[{"sku":"B"}]}`)
	require.Equal(t, "second-b", other.Slug, "a derived slug does not take over an old link")
	require.Equal(t, 200, rename("third", "first").Status, "a product may take its own old slug back")
	require.Equal(t, 200, s.Do(t, "GET", "/v1/products/first", nil).Status)
	code, told := refused(t, rename("first", "second-b"), 409)
	require.Equal(t, "duplicate", code)
	require.Equal(t, []string{"/slug duplicate"}, told)
}

func TestOnlyTheVersionThatWasReadIsChanged(t *testing.T) {
	t.Parallel()
	s := start(t)
	create1(t, s, `{"name":"A","status":"active","variants":[{"sku":"A"}]}`)
	token := s.Bearer(t, write)
	for _, method := range []string{"PUT", "PATCH", "DELETE"} {
		var body any
		if method != "DELETE" {
			body = `{"name":"B","status":"active","variants":[{"sku":"A"}]}`
		}
		code, _ := refused(t, s.Do(t, method, "/v1/products/a", body, token), 428)
		require.Equal(t, "if_match_required", code)
		refused(t, s.Do(t, method, "/v1/products/a", body, token, header("If-Match", `"7.x"`)), 412)
	}
	a := s.Do(t, "PATCH", "/v1/products/a", `{"name":"B","brand":"Smith"}`, token, header("If-Match", `"1.whatever-gzip"`), header("Content-Type", "application/merge-patch+json"))
	require.Equal(t, 200, a.Status, "%s", a.Body)
	var d product.Document
	a.JSON(t, &d)
	require.Equal(t, "B", d.Name)
	require.Equal(t, "a", d.Slug)
	require.EqualValues(t, 2, d.Version)
	a = s.Do(t, "PATCH", "/v1/products/a", `{"brand":null}`, token, header("If-Match", a.Header.Get("ETag")))
	a.JSON(t, &d)
	require.Nil(t, d.Brand)
	_, told := refused(t, s.Do(t, "PATCH", "/v1/products/a", `{"nme":"C","featured":"yes"}`, token, header("If-Match", "*")), 422)
	require.ElementsMatch(t, []string{"/nme unknown_field", "/featured wrong_type"}, told)
	refused(t, s.Do(t, "PATCH", "/v1/products/a", `[]`, token, header("If-Match", "*")), 400)

	refused(t, s.Do(t, "PUT", "/v1/products/a", `{"name":"B"}`, token, header("If-None-Match", "*")), 412)
	refused(t, s.Do(t, "PUT", "/v1/products/b", `{"name":"B"}`, token), 404)
	require.Equal(t, 201, s.Do(t, "PUT", "/v1/products/b", `{"name":"B"}`, token, header("If-None-Match", "*")).Status)
	refused(t, s.Do(t, "PUT", "/v1/products/c", `{"name":"C","slug":"d"}`, token, header("If-None-Match", "*")), 422)
}

func TestAnUnchangedProductIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := start(t)
	create1(t, s, `{"name":"A","status":"active","variants":[{"sku":"A"}]}`)
	_, a := get(t, s, "/v1/products/a", header("Accept-Encoding", "identity"))
	for _, tag := range []string{a.Header.Get("ETag"), "W/" + a.Header.Get("ETag"), strings.TrimSuffix(a.Header.Get("ETag"), `"`) + `-gzip"`, `"x", ` + a.Header.Get("ETag"), "*"} {
		again := s.Do(t, "GET", "/v1/products/a", nil, header("If-None-Match", tag))
		require.Equal(t, 304, again.Status, tag)
		require.Empty(t, again.Body)
		require.NotEmpty(t, again.Header.Get("ETag"))
	}
	get(t, s, "/v1/products/a", header("If-None-Match", `"1.other"`))
}

func TestManyAreLookedUpInTheOrderAsked(t *testing.T) {
	t.Parallel()
	s := start(t)
	one := create1(t, s, `{"name":"One","status":"active","variants":[{"sku":"S-1"}]}`)
	create1(t, s, `{"name":"Two","slug":"two","status":"active","variants":[{"sku":"one"}]}`)
	create1(t, s, `{"name":"Draft","variants":[{"sku":"S-3"}]}`)
	ask := func(refs []string, headers ...servicetest.Header) (found []string, missing []string) {
		a := s.Do(t, "POST", "/v1/products:lookup", map[string]any{"refs": refs}, headers...)
		require.Equal(t, 200, a.Status, "%s", a.Body)
		var reply struct {
			Items   []product.Document
			Missing []string
		}
		a.JSON(t, &reply)
		for _, d := range reply.Items {
			found = append(found, d.Name)
		}
		return found, reply.Missing
	}
	found, missing := ask([]string{"two", one.ID.String(), "nothing", "S-1", "S-3", "one", "two"})
	require.Equal(t, []string{"Two", "One", "One", "Two", "Two"}, found, "a SKU goes before a slug")
	require.Equal(t, []string{"nothing", "S-3"}, missing)
	found, _ = ask([]string{"S-3"}, s.Bearer(t, drafts))
	require.Equal(t, []string{"Draft"}, found)
	refused(t, s.Do(t, "POST", "/v1/products:lookup", map[string]any{"refs": make([]string, 251)}), 422)
	refused(t, s.Do(t, "POST", "/v1/products:lookup", map[string]any{"refs": []string{}}), 422)
}

func TestARepeatedPostWithItsKeyMakesOneProduct(t *testing.T) {
	t.Parallel()
	s := start(t)
	token, key := s.Bearer(t, write), header("Idempotency-Key", "k1")
	a := s.Do(t, "POST", "/v1/products", `{"name":"A"}`, token, key)
	b := s.Do(t, "POST", "/v1/products", `{"name":"A"}`, token, key)
	require.Equal(t, 201, a.Status)
	require.Equal(t, 201, b.Status)
	require.JSONEq(t, string(a.Body), string(b.Body))
	refused(t, s.Do(t, "POST", "/v1/products", `{"name":"B"}`, token, key), 422)
	require.Equal(t, 200, s.Do(t, "PATCH", "/v1/products/a", `{"name":"New"}`, token, header("If-Match", "*")).Status)
	b = s.Do(t, "POST", "/v1/products", `{"name":"A"}`, token, key)
	require.JSONEq(t, string(a.Body), string(b.Body), "answered as the first time, whatever happened since")
	for _, c := range [][2]string{{"/v1/categories", `{"name":"C"}`}, {"/v1/attributes", `{"code":"c","name":"C","type":"text"}`}} {
		a, b := s.Do(t, "POST", c[0], c[1], token, key), s.Do(t, "POST", c[0], c[1], token, key)
		require.Equal(t, 201, b.Status, "%s", b.Body)
		require.JSONEq(t, string(a.Body), string(b.Body))
	}
}

func TestWritesNeedTheirScope(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, c := range [][2]string{
		{"POST", "/v1/products"}, {"PUT", "/v1/products/a"}, {"PATCH", "/v1/products/a"}, {"DELETE", "/v1/products/a"}, {"PUT", "/v1/variants/a/price"},
		{"POST", "/v1/categories"}, {"PUT", "/v1/categories/a"}, {"DELETE", "/v1/categories/a"}, {"POST", "/v1/attributes"}, {"PUT", "/v1/attributes/a"},
		{"DELETE", "/v1/attributes/a"}, {"POST", "/v1/products/a/variants"}, {"PUT", "/v1/variants/a"}, {"PATCH", "/v1/variants/a"}, {"DELETE", "/v1/variants/a"},
		{"POST", "/v1/variants/a/sales"}, {"DELETE", "/v1/variants/a/sales/0198c5a2-7c1e-7d4a-9f43-2b1f0a6d5e11"}, {"DELETE", "/v1/variants/a/prices/0198c5a2-7c1e-7d4a-9f43-2b1f0a6d5e11"}, {"POST", "/v1/prices:import"}, {"POST", "/v1/products:import"}, {"POST", "/v1/categories:import"}, {"POST", "/v1/attributes:import"},
	} {
		refused(t, s.Do(t, c[0], c[1], nil), 401)
		refused(t, s.Do(t, c[0], c[1], nil, s.Bearer(t, drafts, "inventory:write")), 403)
	}
}
