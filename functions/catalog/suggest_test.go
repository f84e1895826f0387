package main

import (
	"context"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/service/servicetest"
)

func suggests(t *testing.T, s *servicetest.Server, query string) suggestions {
	t.Helper()
	a := s.Do(t, "GET", "/v1/products:suggest?"+query, nil)
	require.Equal(t, 200, a.Status, "%s", a.Body)
	var body suggestions
	a.JSON(t, &body)
	return body
}

// completions is suggestions as type and text.
func completions(l suggestions) []string {
	list := []string{}
	for _, i := range l.Items {
		list = append(list, i.Type+" "+i.Text)
	}
	return list
}

func TestASearchBoxCompletesWhatIsTyped(t *testing.T) {
	t.Parallel()
	s := start(t)
	imports(t, s, "categories", "", []byte(`{"slug":"kitchen-knives","name":"Kitchen knives"}
{"slug":"lamps","name":"Lamps & lights"}`))
	imports(t, s, "products", "", []byte(`{"slug":"kettle","name":"Kettle blue","brand":"Kenwood","status":"active","media":[{"kind":"image","url":"https://x.test/k.jpg"}],"variants":[{"sku":"K"}]}
{"slug":"kettle-2","name":"Kettle blue","brand":"Kenwood","status":"active","variants":[{"sku":"K2"}]}
{"slug":"lamp","name":"Desk lamp","brand":"Kenwood","status":"active","variants":[{"sku":"L"}]}
{"slug":"cafe","name":"Café lamp 100%","brand":"Élan","status":"active","variants":[{"sku":"C"}]}
{"slug":"hidden","name":"Kettle in the making","brand":"Kept back","status":"draft","variants":[{"sku":"H"}]}
{"slug":"later","name":"Kettle of next year","brand":"Kelvin","status":"active","publish_at":"2099-01-01T00:00:00Z","variants":[{"sku":"N"}]}`))
	for q, want := range map[string][]string{
		"ke":         {"brand Kenwood", "product Kettle blue"},
		"KETTLE B":   {"product Kettle blue"}, // each name once
		"blue kett":  {"product Kettle blue"}, // whatever the order, the last word unfinished
		"lam":        {"category Lamps & lights", "product Café lamp 100%", "product Desk lamp"},
		"knive":      {"category Kitchen knives"},
		"kitchen kn": {"category Kitchen knives"},
		"cafe":       {"product Café lamp 100%"},
		"ela":        {"brand Élan", "product Café lamp 100%"},
		"%":          {},
		"zzz":        {},
		`\`:          {},
	} {
		require.ElementsMatch(t, want, completions(suggests(t, s, "q="+url.QueryEscape(q))), q)
	}
	one := suggests(t, s, "q=kettle+b").Items[0]
	require.Equal(t, "kettle", one.Slug)
	require.NotNil(t, one.ID)
	require.Equal(t, "https://x.test/k.jpg", *one.Image)
	require.Len(t, suggests(t, s, "q=lam&limit=1").Items, 1)
}

func TestAMistypedBeginningIsPutRight(t *testing.T) {
	t.Parallel()
	s := start(t)
	create1(t, s, `{"name":"Kettle","status":"active","variants":[{"sku":"K"}]}`)
	l := suggests(t, s, "q=ketlte")
	require.Equal(t, []string{"product Kettle"}, completions(l))
	require.Equal(t, "kettle", l.DidYouMean)
	require.Empty(t, suggests(t, s, "q=kettle").DidYouMean)
}

func TestASuggestionLeavesWithItsProduct(t *testing.T) {
	t.Parallel()
	s := start(t)
	create1(t, s, `{"name":"Kettle","brand":"Kenwood","status":"active","variants":[{"sku":"K"}]}`)
	require.Len(t, suggests(t, s, "q=ke").Items, 2)
	_, err := s.DB.Owner(t).Exec(context.Background(), `update catalog.search_names set visible_until = now() - interval '1 minute'`)
	require.NoError(t, err)
	require.Empty(t, suggests(t, s, "q=ket").Items)
	s.Do(t, "DELETE", "/v1/products/kettle", nil, s.Bearer(t, write), header("If-Match", "*"))
	require.Empty(t, suggests(t, s, "q=ken").Items)
}

func TestSuggestionsAreOfWhatIsTypedAndNotSentTwice(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, q := range []string{"", "q=", "q=%20", "q=a&limit=0", "q=a&limit=21", "q=a&sort=best"} {
		refused(t, s.Do(t, "GET", "/v1/products:suggest?"+q, nil), 422)
	}
	a := s.Do(t, "GET", "/v1/products:suggest?q=a", nil)
	require.Contains(t, a.Header.Get("Cache-Control"), "public")
	require.Equal(t, 304, s.Do(t, "GET", "/v1/products:suggest?q=a", nil, header("If-None-Match", a.Header.Get("ETag"))).Status)
}
