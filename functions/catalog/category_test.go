package main

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

func tree(t testing.TB, s *servicetest.Server) map[string]int64 {
	t.Helper()
	a := s.Do(t, "GET", "/v1/categories", nil)
	require.Equal(t, 200, a.Status, "%s", a.Body)
	var reply struct{ Items []*categoryNode }
	a.JSON(t, &reply)
	counts := map[string]int64{}
	var walk func(prefix string, nodes []*categoryNode)
	walk = func(prefix string, nodes []*categoryNode) {
		for _, n := range nodes {
			counts[prefix+n.Slug] = n.ProductCount
			walk(prefix+n.Slug+"/", n.Children)
		}
	}
	walk("", reply.Items)
	return counts
}

func TestTheTreeCountsEachProductOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	imports(t, s, "products", "", []byte(`{"name":"a","status":"active","categories":["pans"],"variants":[{"sku":"a"},{"sku":"a2"}]}
{"name":"b","status":"active","categories":["pans","kitchen","garden"],"variants":[{"sku":"b"}]}
{"name":"c","status":"draft","categories":["pans"],"variants":[{"sku":"c"}]}
{"name":"d","status":"active","unpublish_at":"2020-01-01T00:00:00Z","categories":["pans"],"variants":[{"sku":"d"}]}`))
	require.Equal(t, map[string]int64{"home": 2, "home/kitchen": 2, "home/kitchen/pans": 2, "garden": 1}, tree(t, s))
}

func TestFiltersAreInherited(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	a := s.Do(t, "GET", "/v1/categories/pans/filters", nil)
	require.Equal(t, 200, a.Status)
	require.JSONEq(t, `{"items":[{"code":"weight","category":"kitchen"},{"code":"brand","category":"home"},{"code":"price","category":"home"},{"code":"colour","category":"home"}]}`, string(a.Body))
	refused(t, s.Do(t, "GET", "/v1/categories/nowhere/filters", nil), 404)
}

func TestACategoryIsWrittenUnderItsVersion(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	token := s.Bearer(t, write)
	a := s.Do(t, "POST", "/v1/categories", `{"name":"Soup Pots","parent":"kitchen"}`, token)
	require.Equal(t, 201, a.Status, "%s", a.Body)
	require.Equal(t, "/v1/categories/soup-pots", a.Header.Get("Location"))
	refused(t, s.Do(t, "POST", "/v1/categories", `{"name":"Soup Pots"}`, token), 409)
	refused(t, s.Do(t, "PUT", "/v1/categories/soup-pots", `{"name":"Soup"}`, token), 428)
	refused(t, s.Do(t, "PUT", "/v1/categories/soup-pots", `{"name":"Soup"}`, token, header("If-Match", `"9.x"`)), 412)
	a = s.Do(t, "PUT", "/v1/categories/soup-pots", `{"slug":"soups","name":"Soup","parent":"pans"}`, token, header("If-Match", a.Header.Get("ETag")))
	require.Equal(t, 200, a.Status, "%s", a.Body)
	var c category.Category
	a.JSON(t, &c)
	require.Equal(t, "soups", c.Slug)
	require.Len(t, c.Breadcrumbs, 4)
	_, told := refused(t, s.Do(t, "PUT", "/v1/categories/kitchen", `{"name":"Kitchen","parent":"soups","filters":["nope","price"]}`, token, header("If-Match", "*")), 422)
	require.ElementsMatch(t, []string{"/parent cycle", "/filters/0 unknown_attribute"}, told)
	_, told = refused(t, s.Do(t, "PUT", "/v1/categories/kitchen", `{"name":"Kitchen","slug":"garden"}`, token, header("If-Match", "*")), 409)
	require.Equal(t, []string{"/slug duplicate"}, told)
	require.Equal(t, 201, s.Do(t, "PUT", "/v1/categories/new", `{"name":"New"}`, token, header("If-None-Match", "*")).Status)
	refused(t, s.Do(t, "PUT", "/v1/categories/newer", `{"name":"New"}`, token), 404)
}

func TestConcurrentMovesMakeNoCycle(t *testing.T) {
	t.Parallel()
	s := start(t)
	imports(t, s, "categories", "", []byte(`{"slug":"a","name":"a"}
{"slug":"b","name":"b"}`))
	token := s.Bearer(t, write)
	for range 10 {
		var both sync.WaitGroup
		for _, move := range [][2]string{{"a", "b"}, {"b", "a"}} {
			both.Go(func() {
				s.Do(t, "PUT", "/v1/categories/"+move[0], category.Category{Name: move[0], Parent: &move[1]}, token, header("If-Match", "*"))
			})
		}
		both.Wait()
		require.Len(t, tree(t, s), 2, "every category can be reached from the top")
		for _, c := range []string{"a", "b"} {
			s.Do(t, "PUT", "/v1/categories/"+c, category.Category{Name: c}, token, header("If-Match", "*"))
		}
	}
}

func TestACategoryInUseIsDeletedOnlyToAnHeir(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	token := s.Bearer(t, write)
	create1(t, s, `{"name":"A","status":"active","categories":["kitchen"],"variants":[{"sku":"A"}]}`)
	create1(t, s, `{"name":"B","status":"active","categories":["kitchen","garden"],"variants":[{"sku":"B"}]}`)
	remove := func(query string) servicetest.Answer {
		return s.Do(t, "DELETE", "/v1/categories/kitchen"+query, nil, token, header("If-Match", "*"))
	}
	code, _ := refused(t, remove(""), 409)
	require.Equal(t, "not_empty", code)
	for wrong, code := range map[string]string{"nowhere": "unknown_category", "kitchen": "cycle", "pans": "cycle"} {
		_, told := refused(t, remove("?reassign_to="+wrong), 422)
		require.Equal(t, []string{"/reassign_to " + code}, told)
	}
	require.Equal(t, 204, remove("?reassign_to=garden").Status)
	require.Equal(t, map[string]int64{"home": 0, "garden": 2, "garden/pans": 0}, tree(t, s))
	d, _ := get(t, s, "/v1/products/b")
	require.Equal(t, []string{"garden"}, d.Categories)
	require.EqualValues(t, 2, d.Version)
	require.Equal(t, []string{"b", "a"}, slugs(list(t, s, "category=garden")))
	a := s.Do(t, "PUT", "/v1/products/b", d, token, header("If-Match", "*"))
	require.Equal(t, 200, a.Status)
	d, _ = get(t, s, "/v1/products/b")
	require.EqualValues(t, 2, d.Version, "the same document changes nothing")
	require.Equal(t, "/v1/categories/garden", s.Do(t, "GET", "/v1/categories/kitchen", nil).Header.Get("Location"), "old links lead to the heir")
	require.Equal(t, 428, s.Do(t, "DELETE", "/v1/categories/pans", nil, token).Status)
}

func TestAnAttributeInUseKeepsItsType(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	token := s.Bearer(t, write)
	create1(t, s, `{"name":"A","attributes":{"weight":3}}`)
	refused(t, s.Do(t, "PUT", "/v1/attributes/weight", `{"code":"weight","name":"Weight","type":"text"}`, token), 428)
	code, _ := refused(t, s.Do(t, "PUT", "/v1/attributes/weight", `{"code":"weight","name":"Weight","type":"text"}`, token, header("If-Match", `"1"`)), 409)
	require.Equal(t, "type_in_use", code)
	a := s.Do(t, "PUT", "/v1/attributes/weight", `{"code":"weight","name":"Mass","type":"number","unit":"kg"}`, token, header("If-Match", `"1"`))
	require.Equal(t, 200, a.Status, "%s", a.Body)
	require.Equal(t, 409, s.Do(t, "DELETE", "/v1/attributes/weight", nil, token, header("If-Match", "*")).Status)
	require.Equal(t, 409, s.Do(t, "DELETE", "/v1/attributes/colour", nil, token, header("If-Match", "*")).Status, "a category filters by it")
	require.Equal(t, 204, s.Do(t, "DELETE", "/v1/attributes/notes", nil, token, header("If-Match", "*")).Status)
	require.Equal(t, 404, s.Do(t, "GET", "/v1/attributes/notes", nil).Status)
	_, told := refused(t, s.Do(t, "POST", "/v1/attributes", `{"code":"brand","name":" ","type":"date"}`, token), 422)
	require.ElementsMatch(t, []string{"/code reserved", "/name too_short", "/type not_allowed"}, told)
	refused(t, s.Do(t, "POST", "/v1/attributes", `{"code":"size","name":"Size","type":"text"}`, token), 409)
	require.Equal(t, 201, s.Do(t, "POST", "/v1/attributes", `{"code":"depth","name":"Depth","type":"number"}`, token).Status)
	refused(t, s.Do(t, "PUT", "/v1/attributes/depth", `{"code":"other","name":"Depth","type":"number"}`, token, header("If-Match", "*")), 422)
}

func TestAttributesAreListedInPages(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	a := s.Do(t, "GET", "/v1/attributes?limit=3", nil)
	var page struct {
		Items      []struct{ Code string }
		NextCursor string `json:"next_cursor"`
	}
	a.JSON(t, &page)
	require.Len(t, page.Items, 3)
	a = s.Do(t, "GET", "/v1/attributes?limit=3&cursor="+page.NextCursor, nil)
	require.NotContains(t, string(a.Body), page.Items[2].Code)
	require.Contains(t, string(a.Body), `"next_cursor":null`)
}
