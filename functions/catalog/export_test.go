package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/mallhive/product-service/shared/web/webtest"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/importer"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

// export reads an export to its end, and how many products it says it has.
func export(t testing.TB, s *servicetest.Server, query string) (body string, count string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.URL+"/v1/products:export?"+query, nil)
	require.NoError(t, err)
	token := s.Bearer(t, drafts)
	req.Header.Set(token.Name, token.Value)
	res, err := webtest.Client.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	var b bytes.Buffer
	_, err = b.ReadFrom(res.Body)
	require.NoError(t, err)
	require.Equal(t, 200, res.StatusCode, "%s", b.String())
	require.Contains(t, res.Header.Get("Content-Disposition"), "attachment")
	require.Equal(t, "private, no-store", res.Header.Get("Cache-Control"))
	return b.String(), res.Trailer.Get("X-Items")
}

// many is products of all statuses, several currencies, times and texts that
// are easily spoilt.
const many = `{"external_id":"a:1","slug":"mug","name":"Mug, \"large\"","description":"Line one\nline two; <b>bold</b> & more\r\n","brand":"=Smith","status":"active","published_at":"2020-01-02T03:04:05.678Z","featured":true,"categories":["pans","garden"],"attributes":{"weight":0.1,"wireless":true,"colour":["Black","Grey"],"notes":"é ✓ \u2028"},"media":[{"kind":"video","url":"https://v.example.com/1"},{"kind":"image","url":"https://i.example.com/1.jpg","alt":"-x"},{"kind":"image","url":"https://i.example.com/2.jpg"}],"options":["size","colour"],"variants":[{"sku":"M-1","mpn":"m1","gtins":["0095205603217","4006381333931"],"options":{"size":"S, small","colour":"Black"},"prices":[{"price":{"amount":1299,"currency":"USD"},"compare_at":{"amount":1599,"currency":"USD"}},{"price":{"amount":1999,"currency":"JPY"}}],"weight_grams":350},{"sku":"M-2","options":{"size":"L","colour":"Black"},"price":{"amount":5,"currency":"USD"}},{"sku":"M-3","options":{"size":"L","colour":"=1+1"}}]}
{"external_id":"a:2","name":"Draft","variants":[{"sku":"D-1","price":{"amount":1999,"currency":"KWD"}}]}
{"slug":"old","name":"Old","status":"archived","published_at":"2019-01-01T00:00:00Z"}
{"slug":"soon","name":"Soon","status":"active","publish_at":"2999-01-01T00:00:00Z","unpublish_at":"2999-02-01T00:00:00Z","variants":[{"sku":"S-1"},{"sku":"S-2"}]}
{"slug":"gone","name":"Gone","status":"active","unpublish_at":"2001-01-01T00:00:00Z","variants":[{"sku":"G-1","price":{"amount":100,"currency":"USD"}}]}
`

func TestAnExportThatIsImportedIntoAnEmptyDatabaseExportsTheSameBytes(t *testing.T) {
	t.Parallel()
	from, to := start(t), start(t)
	load := func(s *servicetest.Server, products string) importer.Summary {
		seed(t, s)
		for _, kind := range []string{"attributes", "categories"} {
			b, err := os.ReadFile("../../knative/local/sample/" + kind + ".ndjson")
			require.NoError(t, err)
			_, sum := imports(t, s, kind, "", b)
			require.Zero(t, sum.Failed)
		}
		results, sum := imports(t, s, "products", "?results=failed", []byte(products))
		require.Empty(t, results)
		return sum
	}
	sample, err := os.ReadFile("../../knative/local/sample/products.ndjson")
	require.NoError(t, err)
	load(from, many+string(sample))
	// What an import cannot say does not get into its way.
	token := from.Bearer(t, write)
	require.Equal(t, 204, from.Do(t, "DELETE", "/v1/products/gone", nil, token, header("If-Match", "*")).Status)
	first, count := export(t, from, "format=ndjson")
	require.Equal(t, count, fmt.Sprint(strings.Count(first, "\n")))
	require.NotContains(t, first, `"id"`)
	sum := load(to, first)
	require.Equal(t, sum.Rows, sum.Created)
	second, _ := export(t, to, "")
	require.Equal(t, first, second)
	_, sum = imports(t, from, "products", "", []byte(first))
	require.Equal(t, sum.Rows, sum.Unchanged, "and where it came from nothing changes")
}

func TestRealExportsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	from, to := start(t), start(t)
	for _, s := range []*servicetest.Server{from, to} {
		for _, file := range []string{"icecat/attributes", "retail/attributes", "retail/categories"} {
			_, sum := imports(t, s, file[strings.Index(file, "/")+1:], "?results=failed", realRows(t, file+".ndjson.gz", 10000))
			require.Zero(t, sum.Failed)
		}
	}
	rows := append(realRows(t, "icecat/products.ndjson.gz", 700), realRows(t, "retail/products.ndjson.gz", 700)...)
	imports(t, from, "products", "?results=failed", rows)
	first, count := export(t, from, "")
	require.Equal(t, "1400", count)
	results, _ := imports(t, to, "products", "?results=failed", []byte(first))
	require.Empty(t, results)
	second, _ := export(t, to, "")
	require.Equal(t, first, second)
}

func TestAnExportGoesOnWhereOneEnded(t *testing.T) {
	t.Parallel()
	s := start(t)
	var rows strings.Builder
	for i := range 250 {
		fmt.Fprintf(&rows, `{"slug":"p-%d","name":"P","variants":[{"sku":"S-%d"}]}`+"\n", i, i)
	}
	imports(t, s, "products", "", []byte(rows.String()))
	whole, count := export(t, s, "")
	require.Equal(t, "250", count)
	for _, after := range []string{"p-119", "S-119"} {
		_, rest, _ := strings.Cut(whole, `"slug":"p-119"`)
		_, rest, _ = strings.Cut(rest, "\n")
		got, count := export(t, s, "after="+after)
		require.Equal(t, rest, got, "after %s", after)
		require.Equal(t, "130", count)
	}
	require.Equal(t, 200, s.Do(t, "PUT", "/v1/products/p-119", `{"slug":"renamed","name":"P","variants":[]}`, s.Bearer(t, write), header("If-Match", "*")).Status)
	_, count = export(t, s, "after=p-119&format=csv")
	require.Equal(t, "130", count, "a name that its product had leads there too")
	none, count := export(t, s, "after=p-249")
	require.Equal(t, "0", count)
	require.Empty(t, none)
}

func TestAnExportThatCannotBeMadeIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	refused(t, s.Do(t, "GET", "/v1/products:export", nil), 401)
	refused(t, s.Do(t, "GET", "/v1/products:export", nil, s.Bearer(t, write)), 403)
	for query, fault := range map[string]string{
		"format=xml": "/format not_allowed", "format=": "/format not_allowed", "status=new": "/status not_allowed",
		"currency=DOLLAR": "/currency unknown_currency", "after=nowhere": "/after unknown_product", "before=1": "/before unknown_parameter",
	} {
		_, faults := refused(t, s.Do(t, "GET", "/v1/products:export?"+query, nil, s.Bearer(t, drafts)), 422)
		require.Equal(t, []string{fault}, faults)
	}
}

func TestGoogleGetsWhatIsSoldNow(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	imports(t, s, "products", "", []byte(many))
	stock(t, s, map[string]int{"M-1": 50})
	text, count := export(t, s, "format=google")
	require.Equal(t, "1", count, "neither drafts nor what is not shown now")
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	require.Len(t, lines, 3, "a header, and the two variants that cost something in USD")
	names := strings.Split(lines[0], "\t")
	item := map[string]string{}
	for i, value := range strings.Split(lines[1], "\t") {
		item[names[i]] = value
	}
	group := item["item_group_id"]
	require.Len(t, group, 36)
	require.Equal(t, map[string]string{
		"id": "M-1", "title": `Mug, "large", S, small, Black`, "description": "Line one line two; bold & more",
		"link": "https://shop.example.com/mug?sku=M-1", "image_link": "https://i.example.com/1.jpg", "additional_image_link": "https://i.example.com/2.jpg",
		"availability": "in_stock", "price": "15.99 USD", "sale_price": "12.99 USD", "brand": "=Smith", "gtin": "0095205603217", "mpn": "m1",
		"identifier_exists": "yes", "condition": "new", "item_group_id": group, "product_type": "Home > Kitchen > Pans",
		"color": "Black", "size": "S, small", "material": "", "pattern": "", "gender": "", "age_group": "", "shipping_weight": "350 g",
	}, item)
	require.Contains(t, lines[2], "\tout_of_stock\t0.05 USD\t\t")
	yen, _ := export(t, s, "format=google&currency=JPY")
	require.Contains(t, yen, "\t1999 JPY\t\t")
}

func TestLinkedDataSaysWhatSchemaOrgAsksOfAProductGroup(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	imports(t, s, "products", "", []byte(many))
	stock(t, s, map[string]int{"M-1": 50})
	text, count := export(t, s, "format=jsonld&currency=USD")
	require.Equal(t, "1", count)
	require.NotContains(t, text, "</", "a page can hold it in a script element")
	var group map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &group))
	id := group["productGroupID"]
	variants := group["hasVariant"].([]any)
	delete(group, "hasVariant")
	delete(group, "additionalProperty")
	require.Equal(t, map[string]any{
		"@context": "https://schema.org", "@type": "ProductGroup", "@id": "https://shop.example.com/mug", "url": "https://shop.example.com/mug",
		"productGroupID": id, "name": `Mug, "large"`, "description": "Line one line two; bold & more", "category": "Home > Kitchen > Pans",
		"image": []any{"https://i.example.com/1.jpg", "https://i.example.com/2.jpg"}, "brand": map[string]any{"@type": "Brand", "name": "=Smith"},
		"variesBy": []any{"https://schema.org/size", "https://schema.org/color"},
	}, group)
	require.Len(t, variants, 3)
	require.Equal(t, map[string]any{
		"@type": "Product", "@id": "https://shop.example.com/mug#M-1", "sku": "M-1", "name": `Mug, "large", S, small, Black`,
		"gtin": "0095205603217", "mpn": "m1", "image": "https://i.example.com/1.jpg", "color": "Black", "size": "S, small",
		"weight": map[string]any{"@type": "QuantitativeValue", "value": 350.0, "unitCode": "GRM"},
		"offers": []any{map[string]any{
			"@type": "Offer", "url": "https://shop.example.com/mug?sku=M-1", "price": "12.99", "priceCurrency": "USD",
			"availability": "https://schema.org/InStock", "itemCondition": "https://schema.org/NewCondition",
			"priceSpecification": []any{
				map[string]any{"@type": "UnitPriceSpecification", "price": "12.99", "priceCurrency": "USD"},
				map[string]any{"@type": "UnitPriceSpecification", "priceType": "https://schema.org/StrikethroughPrice", "price": "15.99", "priceCurrency": "USD"},
			},
		}},
	}, variants[0])
	require.NotContains(t, variants[2], "offers", "it costs nothing in this currency")
}
