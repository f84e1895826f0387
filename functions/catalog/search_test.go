package main

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestASearchFindsWhatAShopperMeans(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	_, sum := imports(t, s, "products", "", []byte(`{"slug":"kettle","name":"Café kettles","brand":"Brewster","description":"<script>alert</script> Boils <b>quickly</b>","status":"active","published_at":"2024-01-01T00:00:00Z","attributes":{"colour":"Ruby red","notes":"whistle"},"variants":[{"sku":"KET-1","mpn":"BK 17/2","gtins":["0095205603217"]}]}
{"slug":"teapot","name":"Teapot","description":"Goes with a kettle","status":"active","variants":[{"sku":"TEA-1"}]}
{"slug":"spare","name":"Spare lid for KET-1","status":"active","variants":[{"sku":"LID-1"}]}
{"slug":"hidden","name":"Kettle in the making","status":"draft","variants":[{"sku":"KET-2"}]}`))
	require.Equal(t, 4, sum.Created)
	for q, want := range map[string][]string{
		"kettle":        {"kettle", "teapot"}, // the name before the description, plurals alike
		"CAFE":          {"kettle"},
		"brewster":      {"kettle"},
		"ruby":          {"kettle"},
		"whistles":      {"kettle"},
		"kett":          {"kettle", "teapot"},
		"ket-1":         {"kettle", "spare"}, // the SKU itself before its mention
		"95205603217":   {"kettle"},
		"0095205603217": {"kettle"},
		"bk 17/2":       {"kettle"},
		"script":        {},
		"the":           {},
		"kettle -goes":  {"kettle"},
		`"with a"`:      {},
		"ruby kettle":   {"kettle"},
		"ruby teapot":   {"teapot"}, // nothing has both words
		"'); drop":      {},
		":* & !":        {},
		`\ "`:           {},
		"😀":             {},
	} {
		require.Equal(t, want, slugs(list(t, s, "q="+url.QueryEscape(q))), q)
	}
	require.Equal(t, []string{"teapot", "kettle"}, slugs(list(t, s, "q=kettle&sort=newest")), "another order may be asked for")
	require.Equal(t, []string{"kettle"}, slugs(list(t, s, "q=kettle&attr.colour=Ruby+red")))
	require.Equal(t, []string{"kettle", "teapot"}, pages(t, s, "q=kettle&limit=1"))
}

// Each of these names is one product; a query finds the first of its list first.
func TestOneThingIsFoundHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	s := start(t)
	_, sum := imports(t, s, "products", "?results=failed", []byte(`{"slug":"laptop","name":"Acme Notebook 43.9 cm (17.3\") 4 GB DDR4","brand":"Acme","status":"active","published_at":"2024-01-01T00:00:00Z","variants":[{"sku":"NB-17","mpn":"AC/17 300-B","gtins":["4006381333931"]}]}
{"slug":"laptop-bag","name":"Laptop bag 17 inch, black","brand":"Acme","status":"active","published_at":"2024-01-01T00:00:00Z","variants":[{"sku":"BAG"}]}
{"slug":"cable","name":"USB-C cable 1 m","brand":"Wire™ & Co","status":"active","published_at":"2024-01-01T00:00:00Z","variants":[{"sku":"CAB"}]}
{"slug":"case","name":"Case for AC/17 300-B","description":"Fits the 4006381333931, a notebook of Acme","status":"active","published_at":"2024-01-01T00:00:00Z","variants":[{"sku":"CASE"}]}
{"slug":"battery","name":"AA batteries 4-pack","status":"active","published_at":"2024-01-01T00:00:00Z","variants":[{"sku":"AA"}]}
{"slug":"mouse","name":"Optical mice, wireless","brand":"Pointer","status":"active","published_at":"2024-01-01T00:00:00Z","variants":[{"sku":"M"}]}
{"slug":"phones","name":"Headphones","description":"<p class=\"wireless\">Sound<br>all around &amp; more</p>","status":"active","published_at":"2024-01-01T00:00:00Z","variants":[{"sku":"HP"}]}`))
	require.Equal(t, 7, sum.Created)
	for q, want := range map[string][]string{
		"17 inch laptop":       {"laptop", "laptop-bag"}, // the thing before its accessory
		`17" notebook`:         {"laptop", "laptop-bag"},
		"17-inch laptop bag":   {"laptop-bag"},
		"laptop 4gb":           {"laptop"},
		"usb c":                {"cable"},
		"usbc cables":          {"cable"},
		"USB–C Cable":          {"cable"},
		"usb-c cable 1 metre":  {"cable"},
		"wire & co":            {"cable"},
		"battery":              {"battery"},
		"wireless mouse":       {"mouse"},
		"head phones":          {"phones"},
		"wireless":             {"mouse"}, // markup is no text
		"nb-17":                {"laptop"},
		"NB 17":                {"laptop"},
		"ac/17 300-b":          {"laptop", "case"}, // the part number before its mention
		"AC17300B":             {"laptop"},
		"4006381333931":        {"laptop", "case"},
		"04006381333931":       {"laptop"},
		"the and of":           {},
		"red wireless mouse":   {"mouse"}, // nothing has all the words
		"case for acme laptop": {"case"},
	} {
		found := slugs(list(t, s, "q="+url.QueryEscape(q)))
		require.Equal(t, want, found[:min(len(want), len(found))], "%s: %v", q, found)
	}
}

func TestNoTextBreaksASearch(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	for _, q := range []string{
		strings.Repeat("a ", 100), strings.Repeat("x-", 100), strings.Repeat("1\"", 100), strings.Repeat("'", 200),
		strings.Repeat("(", 200), strings.Repeat("b&", 100), strings.Repeat("-a ", 66), strings.Repeat("<script>", 25),
		"laptop notebook tv monitor hdd ssd ups ram", strings.Repeat("é", 200), `"a" "b" "c"`, "|&!():*<->",
	} {
		a := s.Do(t, "GET", "/v1/products?total=true&facets=true&q="+url.QueryEscape(q), nil)
		require.Equal(t, 200, a.Status, "%s: %s", q, a.Body)
		require.Equal(t, 200, s.Do(t, "GET", "/v1/products:suggest?q="+url.QueryEscape(q[:min(100, len(q))]), nil).Status, q)
	}
}

func TestAMistypedWordIsPutRight(t *testing.T) {
	t.Parallel()
	s := start(t)
	imports(t, s, "products", "", []byte(`{"slug":"kettle","name":"Café kettle","brand":"Brewster","status":"active","variants":[{"sku":"K"}]}
{"slug":"knife","name":"Bread knife","brand":"Brewster","status":"active","variants":[{"sku":"N"}]}
{"slug":"keyboard","name":"Keyboard","status":"active","variants":[{"sku":"B"}]}`))
	for q, want := range map[string]string{
		"ketle": "kettle", "kettel": "kettle", "knfie": "knife", "bred knife": "bread knife", "Brwester": "brewster", "kettlle cafe": "kettle cafe",
	} {
		l := list(t, s, "q="+url.QueryEscape(q))
		require.Equal(t, want, l.DidYouMean, q)
		require.NotEmpty(t, l.Items, q)
	}
	for _, q := range []string{"kettle", "zzzzzz", "xyz", "kettle zebra"} {
		require.Empty(t, list(t, s, "q="+url.QueryEscape(q)).DidYouMean, q)
	}
	require.ElementsMatch(t, []string{"kettle", "knife"}, pages(t, s, "q=brewsteer&limit=1"))
}

func TestAChangedProductIsFoundByWhatItIsNow(t *testing.T) {
	t.Parallel()
	s := start(t)
	create1(t, s, `{"name":"Alpha","status":"active","variants":[{"sku":"A"}]}`)
	a := s.Do(t, "PATCH", "/v1/products/alpha", `{"name":"Omega"}`, s.Bearer(t, write), header("If-Match", "*"))
	require.Equal(t, 200, a.Status)
	require.Empty(t, list(t, s, "q=alpha").Items)
	require.Len(t, list(t, s, "q=omega").Items, 1)
	s.Do(t, "PATCH", "/v1/products/alpha", `{"status":"archived"}`, s.Bearer(t, write), header("If-Match", "*"))
	require.Empty(t, list(t, s, "q=omega").Items)
}

func TestAPageSurvivesWhatIsAddedMeanwhile(t *testing.T) {
	t.Parallel()
	s := start(t)
	imports(t, s, "products", "", []byte(`{"name":"a","status":"active","published_at":"2024-01-01T00:00:00Z","variants":[{"sku":"a"}]}
{"name":"b","status":"active","published_at":"2024-01-02T00:00:00Z","variants":[{"sku":"b"}]}
{"name":"c","status":"active","published_at":"2024-01-03T00:00:00Z","variants":[{"sku":"c"}]}`))
	first := list(t, s, "limit=2")
	require.Equal(t, []string{"c", "b"}, slugs(first))
	imports(t, s, "products", "", []byte(`{"name":"d","status":"active","published_at":"2024-01-04T00:00:00Z","variants":[{"sku":"d"}]}`))
	require.Equal(t, []string{"a"}, slugs(list(t, s, "limit=2&cursor="+*first.NextCursor)))
	a := s.Do(t, "GET", "/v1/products?limit=2", nil)
	require.Contains(t, a.Header.Get("Link"), `rel="next"`)
	next := strings.TrimSuffix(strings.TrimPrefix(a.Header.Get("Link"), "<"), `>; rel="next"`)
	require.Equal(t, 200, s.Do(t, "GET", next, nil).Status)
	for _, other := range []string{"sort=name&cursor=" + *first.NextCursor, "currency=EUR&cursor=" + *first.NextCursor, "cursor=rubbish"} {
		code, _ := refused(t, s.Do(t, "GET", "/v1/products?"+other, nil), 400)
		require.Equal(t, "bad_cursor", code)
	}
}

func TestAListingIsNotSentAgainWhileItIsTheSame(t *testing.T) {
	t.Parallel()
	s := start(t)
	create1(t, s, `{"name":"A","status":"active","variants":[{"sku":"A"}]}`)
	a := s.Do(t, "GET", "/v1/products?total=true", nil)
	again := s.Do(t, "GET", "/v1/products?total=true", nil, header("If-None-Match", a.Header.Get("ETag")))
	require.Equal(t, 304, again.Status)
	create1(t, s, `{"name":"B","status":"active","variants":[{"sku":"B"}]}`)
	require.Equal(t, 200, s.Do(t, "GET", "/v1/products?total=true", nil, header("If-None-Match", a.Header.Get("ETag"))).Status)
}

func TestWrongFiltersAreToldAllAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	_, told := refused(t, s.Do(t, "GET", "/v1/products?attr.nope=1&attr.colour.min=3&attr.weight.min=x&attr.weight.most=3&attr.notes=a&category=nowhere&currency=ABC", nil), 422)
	require.ElementsMatch(t, []string{
		"/attr.nope unknown_attribute", "/attr.colour wrong_type", "/attr.weight.min wrong_type", "/attr.weight.most unknown_parameter",
		"/attr.notes not_filterable", "/category unknown_category", "/currency unknown_currency",
	}, told)
	_, told = refused(t, s.Do(t, "GET", "/v1/products?limit=0&sort=best&price_min=-1&color=red", nil), 422)
	require.ElementsMatch(t, []string{"/limit out_of_range", "/sort not_allowed", "/price_min format", "/color unknown_parameter"}, told)
}
