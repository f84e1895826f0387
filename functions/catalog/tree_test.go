package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

var anyVersionHeader = header("If-Match", "*")

func categoryAt(t testing.TB, s *servicetest.Server, slug string) (category.Category, servicetest.Answer) {
	t.Helper()
	a := s.Do(t, "GET", "/v1/categories/"+slug, nil)
	require.Equal(t, 200, a.Status, "%s", a.Body)
	var c category.Category
	a.JSON(t, &c)
	return c, a
}

// order is the slugs of a level of the tree, as shoppers see them.
func order(t testing.TB, s *servicetest.Server) []string {
	t.Helper()
	var reply CategoryTree
	s.Do(t, "GET", "/v1/categories", nil).JSON(t, &reply)
	list := []string{}
	for _, n := range reply.Items {
		list = append(list, n.Slug)
	}
	return list
}

func TestACategoryIsMovedWithAllBelowIt(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	token := s.Bearer(t, write)
	create1(t, s, `{"name":"A","status":"active","categories":["pans"],"variants":[{"sku":"A"}]}`)
	move := func(slug, body string, headers ...servicetest.Header) servicetest.Answer {
		return s.Do(t, "POST", "/v1/categories/"+slug+"/move", body, append(headers, token)...)
	}
	refused(t, move("kitchen", `{"parent":"garden"}`), 428)
	refused(t, move("kitchen", `{"parent":"garden"}`, header("If-Match", `"7.x"`)), 412)
	_, before := categoryAt(t, s, "kitchen")
	a := move("kitchen", `{"parent":"garden"}`, header("If-Match", before.Header.Get("ETag")))
	require.Equal(t, 200, a.Status, "%s", a.Body)
	require.Equal(t, map[string]int64{"home": 0, "garden": 1, "garden/kitchen": 1, "garden/kitchen/pans": 1}, tree(t, s))
	d, _ := get(t, s, "/v1/products/a")
	require.Equal(t, []category.Crumb{{Slug: "garden", Name: "Garden"}, {Slug: "kitchen", Name: "Kitchen"}, {Slug: "pans", Name: "Pans"}}, d.Breadcrumbs)
	require.EqualValues(t, 1, d.Version, "no product is another one")
	require.Equal(t, []string{"a"}, slugs(list(t, s, "category=garden")), "listings find it there at once")
	require.Empty(t, slugs(list(t, s, "category=home")))

	for body, fault := range map[string]string{
		`{"parent":"pans"}`: "/parent cycle", `{"parent":"kitchen"}`: "/parent cycle", `{"parent":"nowhere"}`: "/parent unknown_category",
		`{}`: "/parent required", `{"parent":null,"position":-1}`: "/position out_of_range", `{"parent":null,"place":1}`: "/place unknown_field",
	} {
		_, told := refused(t, move("kitchen", body, anyVersionHeader), 422)
		require.Equal(t, []string{fault}, told, body)
	}
	refused(t, move("nowhere", `{"parent":null}`, anyVersionHeader), 404)
	require.Equal(t, 200, move("kitchen", `{"parent":null}`, anyVersionHeader).Status)
	c, _ := categoryAt(t, s, "kitchen")
	require.Nil(t, c.Parent)
}

func TestAMovedCategoryStandsWhereItWasPut(t *testing.T) {
	t.Parallel()
	s := start(t)
	rows := []string{}
	for _, slug := range []string{"a", "b", "c", "d", "e"} {
		rows = append(rows, fmt.Sprintf(`{"slug":%q,"name":%q}`, slug, slug))
	}
	imports(t, s, "categories", "", []byte(strings.Join(rows, "\n")))
	token := s.Bearer(t, write)
	want := order(t, s)
	require.Equal(t, []string{"a", "b", "c", "d", "e"}, want)
	for range 30 {
		slug, place := want[rand.IntN(len(want))], rand.IntN(7)
		a := s.Do(t, "POST", "/v1/categories/"+slug+"/move", CategoryMove{Position: &place}, token, anyVersionHeader)
		require.Equal(t, 200, a.Status, "%s", a.Body)
		without := []string{}
		for _, w := range want {
			if w != slug {
				without = append(without, w)
			}
		}
		place = min(place, len(without))
		want = append(append(append([]string{}, without[:place]...), slug), without[place:]...)
		require.Equal(t, want, order(t, s), "%s to %d", slug, place)
	}
	c, before := categoryAt(t, s, want[2])
	two := 2
	a := s.Do(t, "POST", "/v1/categories/"+c.Slug+"/move", CategoryMove{Position: &two}, token, anyVersionHeader)
	require.Equal(t, before.Header.Get("ETag"), a.Header.Get("ETag"), "it stands there already")
}

func TestRandomMovesAtOnceLeaveATree(t *testing.T) {
	t.Parallel()
	s := start(t)
	const n, movers, moves = 24, 16, 25
	name := func(i int) string { return fmt.Sprintf("c%d", i) }
	rows := []string{}
	for i := range n {
		rows = append(rows, fmt.Sprintf(`{"slug":%q,"name":%q}`, name(i), name(i)))
	}
	imports(t, s, "categories", "", []byte(strings.Join(rows, "\n")))
	token := s.Bearer(t, write)
	var all sync.WaitGroup
	var mu sync.Mutex
	answers := map[int]int{}
	for mover := range movers {
		random := rand.New(rand.NewPCG(uint64(mover), 1))
		all.Go(func() {
			for range moves {
				c, a := categoryAt(t, s, name(random.IntN(n)))
				parent, place := name(random.IntN(n)), random.IntN(4)
				move := CategoryMove{Parent: &parent, Position: &place}
				if random.IntN(5) == 0 {
					move.Parent = nil
				}
				a = s.Do(t, "POST", "/v1/categories/"+c.Slug+"/move", move, token, header("If-Match", a.Header.Get("ETag")))
				mu.Lock()
				answers[a.Status]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	require.Len(t, tree(t, s), n, "every category can be reached from the top, once")
	require.Positive(t, answers[200])
	require.Equal(t, movers*moves, answers[200]+answers[409]+answers[412]+answers[422], "%v", answers)
	for path := range tree(t, s) {
		require.Less(t, strings.Count(path, "/"), category.MaxDepth)
	}
}

func TestTheTreeIsNeverDeeperThanItsLimit(t *testing.T) {
	t.Parallel()
	s := start(t)
	rows := []string{`{"slug":"d1","name":"d1"}`, `{"slug":"x","name":"x"}`, `{"slug":"y","name":"y","parent":"x"}`}
	for i := 2; i <= category.MaxDepth; i++ {
		rows = append(rows, fmt.Sprintf(`{"slug":"d%d","name":"d%d","parent":"d%d"}`, i, i, i-1))
	}
	_, sum := imports(t, s, "categories", "", []byte(strings.Join(rows, "\n")))
	require.Zero(t, sum.Failed)
	token := s.Bearer(t, write)
	deepest := fmt.Sprintf("d%d", category.MaxDepth)
	_, told := refused(t, s.Do(t, "POST", "/v1/categories", `{"name":"deeper","parent":"`+deepest+`"}`, token), 422)
	require.Equal(t, []string{"/parent too_deep"}, told)
	move := func(parent string) servicetest.Answer {
		return s.Do(t, "POST", "/v1/categories/x/move", CategoryMove{Parent: &parent}, token, anyVersionHeader)
	}
	_, told = refused(t, move(fmt.Sprintf("d%d", category.MaxDepth-1)), 422)
	require.Equal(t, []string{"/parent too_deep"}, told, "with what stands below it")
	require.Equal(t, 200, move(fmt.Sprintf("d%d", category.MaxDepth-2)).Status)
	_, told = refused(t, s.Do(t, "DELETE", "/v1/categories/d2?reassign_to="+deepest, nil, token, anyVersionHeader), 422)
	require.Equal(t, []string{"/reassign_to cycle"}, told)
}

func TestACategoryIsPatchedInItsParts(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	token := s.Bearer(t, write)
	patch := func(body string, headers ...servicetest.Header) servicetest.Answer {
		return s.Do(t, "PATCH", "/v1/categories/kitchen", body, append(headers, token, header("Content-Type", "application/merge-patch+json"))...)
	}
	refused(t, patch(`{"name":"Cooking"}`), 428)
	refused(t, patch(`{"name":"Cooking"}`, header("If-Match", `"3"`)), 412)
	a := patch(`{"name":"Cooking","description":"Pots and pans"}`, anyVersionHeader)
	require.Equal(t, 200, a.Status, "%s", a.Body)
	c, _ := categoryAt(t, s, "kitchen")
	require.Equal(t, "Cooking", c.Name)
	require.Equal(t, []string{"weight"}, c.Filters, "what is not named stays")
	require.Equal(t, "home", *c.Parent)
	require.EqualValues(t, 2, c.Version)
	require.Equal(t, 200, patch(`{"parent":null,"description":null}`, anyVersionHeader).Status)
	c, _ = categoryAt(t, s, "kitchen")
	require.Nil(t, c.Parent)
	require.Empty(t, c.Description)
	_, told := refused(t, patch(`{"name":null,"colour":"red","position":"first","filters":["nope"]}`, anyVersionHeader), 422)
	require.ElementsMatch(t, []string{"/name required", "/colour unknown_field", "/position wrong_type"}, told)
	_, told = refused(t, patch(`{"parent":"pans"}`, anyVersionHeader), 422)
	require.Equal(t, []string{"/parent cycle"}, told)
	refused(t, patch(`[]`, anyVersionHeader), 400)
}

func TestWhatWasReadOfACategoryMayBeWrittenBack(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	for _, path := range []string{"/v1/categories/pans", "/v1/attributes/weight"} {
		before := s.Do(t, "GET", path, nil)
		a := s.Do(t, "PUT", path, before.Body, s.Bearer(t, write), header("If-Match", before.Header.Get("ETag")))
		require.Equal(t, 200, a.Status, "%s", a.Body)
		require.Equal(t, before.Header.Get("ETag"), a.Header.Get("ETag"), "and changes nothing")
		require.JSONEq(t, string(before.Body), string(a.Body))
	}
}

func TestFiltersOfACategoryAreSetAlone(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	token := s.Bearer(t, write)
	set := func(body string, headers ...servicetest.Header) servicetest.Answer {
		return s.Do(t, "PUT", "/v1/categories/kitchen/filters", body, append(headers, token)...)
	}
	refused(t, set(`{"filters":[]}`), 428)
	refused(t, set(`{"filters":[]}`, header("If-Match", `"2"`)), 412)
	_, told := refused(t, set(`{"filters":["size","nope","size"]}`, anyVersionHeader), 422)
	require.Equal(t, []string{"/filters/2 duplicate"}, told)
	_, told = refused(t, set(`{"filters":["size","nope"]}`, anyVersionHeader), 422)
	require.Equal(t, []string{"/filters/1 unknown_attribute"}, told)
	require.Equal(t, 200, set(`{"filters":["size","price"]}`, anyVersionHeader).Status)
	a := s.Do(t, "GET", "/v1/categories/pans/filters", nil)
	require.JSONEq(t, `{"items":[{"code":"size","category":"kitchen"},{"code":"price","category":"kitchen"},{"code":"brand","category":"home"},{"code":"colour","category":"home"}]}`, string(a.Body))
	require.Equal(t, 200, set(`{"filters":[]}`, anyVersionHeader).Status)
	c, _ := categoryAt(t, s, "kitchen")
	require.Empty(t, c.Filters)
	require.Equal(t, "Kitchen", c.Name)
}

// shelf is a category with products p1, p2 …, the newest first.
func shelf(t testing.TB, s *servicetest.Server, n int) {
	t.Helper()
	seed(t, s)
	rows := []string{}
	for i := 1; i <= n; i++ {
		rows = append(rows, fmt.Sprintf(`{"slug":"p%d","name":"P %d","status":"active","published_at":"2020-01-%02dT00:00:00Z","categories":["pans","garden"],"variants":[{"sku":"P%d"}]}`, i, i, n+1-i, i))
	}
	_, sum := imports(t, s, "products", "", []byte(strings.Join(rows, "\n")))
	require.Zero(t, sum.Failed)
}

func TestProductsStandWhereTheyArePlacedByHand(t *testing.T) {
	t.Parallel()
	s := start(t)
	shelf(t, s, 5)
	token := s.Bearer(t, write)
	arrange := func(body string, headers ...servicetest.Header) servicetest.Answer {
		return s.Do(t, "PUT", "/v1/categories/pans/products", body, append(headers, token)...)
	}
	shown := func() []string { return slugs(list(t, s, "category=pans&sort=position")) }
	require.Equal(t, []string{"p1", "p2", "p3", "p4", "p5"}, shown(), "unplaced: newest first")
	refused(t, arrange(`{"products":["p4"]}`), 428)
	refused(t, arrange(`{"products":["p4"]}`, header("If-Match", `"2"`)), 412)
	a := arrange(`{"products":["p4","P2"]}`, anyVersionHeader)
	require.Equal(t, 200, a.Status, "%s", a.Body)
	require.Equal(t, []string{"p4", "p2", "p1", "p3", "p5"}, shown())
	require.Equal(t, []string{"p1", "p2", "p3", "p4", "p5"}, slugs(list(t, s, "category=garden&sort=position")), "in this category only")
	refused(t, arrange(`{"products":[]}`, header("If-Match", `"1"`)), 412) // placing is a change of the category
	same := arrange(`{"products":["p4","p2"]}`, header("If-Match", a.Header.Get("ETag")))
	require.Equal(t, a.Header.Get("ETag"), same.Header.Get("ETag"))
	require.Equal(t, 200, arrange(`{"products":["p5","p4"]}`, anyVersionHeader).Status)
	require.Equal(t, []string{"p5", "p4", "p1", "p2", "p3"}, shown(), "others lose theirs")
	d, _ := get(t, s, "/v1/products/p5")
	require.EqualValues(t, 1, d.Version, "no document shows it")
	d.Name = "P five"
	require.Equal(t, 200, s.Do(t, "PUT", "/v1/products/p5", d, token, anyVersionHeader).Status)
	require.Equal(t, []string{"p5", "p4", "p1", "p2", "p3"}, shown(), "a product that is written keeps its place")
	_, told := refused(t, arrange(`{"products":["p1","nope","P1","iron"]}`, anyVersionHeader), 422)
	require.Equal(t, []string{"/products/1 unknown_product", "/products/2 duplicate", "/products/3 unknown_product"}, told)
	create1(t, s, `{"name":"Elsewhere","status":"active","categories":["home"],"variants":[{"sku":"E"}]}`)
	_, told = refused(t, arrange(`{"products":["p1","elsewhere"]}`, anyVersionHeader), 422)
	require.Equal(t, []string{"/products/1 not_in_category"}, told)
	require.Equal(t, []string{"p5", "p4", "p1", "p2", "p3"}, shown(), "a refusal changes nothing")
	require.Equal(t, 200, arrange(`{"products":[]}`, anyVersionHeader).Status)
	require.Equal(t, []string{"p1", "p2", "p3", "p4", "p5"}, shown())
}

func TestAnOldSlugOfACategoryLeadsToIt(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	token := s.Bearer(t, write)
	row := []byte(`{"slug":"a","name":"A","status":"active","categories":["pans"],"variants":[{"sku":"A"}]}`)
	imports(t, s, "products", "", row)
	rename := func(from, to string) {
		a := s.Do(t, "PATCH", "/v1/categories/"+from, `{"slug":"`+to+`"}`, token, anyVersionHeader, header("Content-Type", "application/merge-patch+json"))
		require.Equal(t, 200, a.Status, "%s", a.Body)
	}
	rename("pans", "skillets")
	rename("skillets", "fryers")
	for _, old := range []string{"pans", "skillets"} {
		a := s.Do(t, "GET", "/v1/categories/"+old, nil)
		require.Equal(t, 308, a.Status)
		require.Equal(t, "/v1/categories/fryers", a.Header.Get("Location"))
		require.Equal(t, []string{"a"}, slugs(list(t, s, "category="+old)))
	}
	refused(t, s.Do(t, "DELETE", "/v1/categories/pans", nil, token, anyVersionHeader), 404)
	d, _ := get(t, s, "/v1/products/a")
	require.Equal(t, []string{"fryers"}, d.Categories)
	results, _ := imports(t, s, "products", "", row)
	require.Equal(t, "unchanged", results[0].Result, "who has not heard of the new name says the same thing")
	create1(t, s, `{"name":"B","status":"active","categories":["skillets"],"variants":[{"sku":"B"}]}`)
	d, _ = get(t, s, "/v1/products/b")
	require.Equal(t, []string{"fryers"}, d.Categories)
	_, told := refused(t, s.Do(t, "POST", "/v1/products", `{"name":"C","categories":["pans","fryers"]}`, token), 422)
	require.Equal(t, []string{"/categories/1 repeated"}, told)

	require.Equal(t, 201, s.Do(t, "POST", "/v1/categories", `{"slug":"pans","name":"Pans"}`, token).Status)
	c, _ := categoryAt(t, s, "pans")
	require.Equal(t, "Pans", c.Name, "a slug in use again leads nowhere else")
	rename("fryers", "skillets")
	c, _ = categoryAt(t, s, "skillets")
	require.Equal(t, "skillets", c.Slug, "nor does one that its category has again")
}

func TestTheTreeIsNotSentAgainUnchanged(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	before := s.Do(t, "GET", "/v1/categories", nil)
	known := header("If-None-Match", before.Header.Get("ETag"))
	a := s.Do(t, "GET", "/v1/categories", nil, known)
	require.Equal(t, 304, a.Status)
	require.Empty(t, a.Body)
	create1(t, s, `{"name":"A","status":"active","categories":["pans"],"variants":[{"sku":"A"}]}`)
	require.Equal(t, 200, s.Do(t, "GET", "/v1/categories", nil, known).Status, "a count is another one")
}

func TestProductsWrittenWhileTheirCategoryGoesAreNeitherLostNorBroken(t *testing.T) {
	t.Parallel()
	s := start(t)
	shelf(t, s, 20)
	token := s.Bearer(t, write)
	var all sync.WaitGroup
	for writer := range 8 {
		all.Go(func() {
			for i := range 10 {
				sku := fmt.Sprintf("W%d-%d", writer, i)
				a := s.Do(t, "POST", "/v1/products", `{"name":"`+sku+`","status":"active","categories":["pans"],"variants":[{"sku":"`+sku+`"}]}`, token)
				if a.Status != 201 { // it leads to the heir at once: never refused
					t.Errorf("create: %d %s", a.Status, a.Body)
				}
				a = s.Do(t, "PATCH", fmt.Sprintf("/v1/products/p%d", i+1), `{"brand":"`+sku+`"}`, token, anyVersionHeader, header("Content-Type", "application/merge-patch+json"))
				if a.Status != 200 && a.Status != 412 {
					t.Errorf("patch: %d %s", a.Status, a.Body)
				}
			}
		})
	}
	all.Go(func() {
		a := s.Do(t, "DELETE", "/v1/categories/pans?reassign_to=home", nil, token, anyVersionHeader)
		if a.Status != 204 {
			t.Errorf("delete: %d %s", a.Status, a.Body)
		}
	})
	all.Wait()
	require.EqualValues(t, 100, tree(t, s)["home"], "all of them")
	d, _ := get(t, s, "/v1/products/w0-9")
	require.Equal(t, []string{"home"}, d.Categories)
}

func TestACategoryWithVeryManyProductsIsHandedOverWhole(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	rows := []string{}
	for i := range 2500 {
		rows = append(rows, fmt.Sprintf(`{"slug":"p%d","name":"P","status":"active","categories":["pans"],"variants":[{"sku":"P%d"}]}`, i, i))
	}
	imports(t, s, "products", "", []byte(strings.Join(rows, "\n")))
	require.Equal(t, 204, s.Do(t, "DELETE", "/v1/categories/pans?reassign_to=garden", nil, s.Bearer(t, write), anyVersionHeader).Status)
	require.Equal(t, map[string]int64{"home": 0, "home/kitchen": 0, "garden": 2500}, tree(t, s))
}

func TestAValueIsNeverStoredOfAnAttributeThatIsGone(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	token := s.Bearer(t, write)
	for round := range 10 {
		code := fmt.Sprintf("fact%d", round)
		require.Equal(t, 201, s.Do(t, "POST", "/v1/attributes", `{"code":"`+code+`","name":"Fact","type":"text"}`, token).Status)
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				a := s.Do(t, "POST", "/v1/products", fmt.Sprintf(`{"name":"x","attributes":{%q:"v"},"variants":[{"sku":"X%d-%d"}]}`, code, round, i), token)
				if a.Status != 201 && a.Status != 422 {
					t.Errorf("create: %d %s", a.Status, a.Body)
				}
			})
		}
		all.Go(func() {
			a := s.Do(t, "DELETE", "/v1/attributes/"+code, nil, token, anyVersionHeader)
			if a.Status != 204 && a.Status != 409 {
				t.Errorf("delete: %d %s", a.Status, a.Body)
			}
		})
		all.Wait()
	}
	var stray int
	err := s.DB.Owner(t).QueryRow(context.Background(), `
		select count(*) from catalog.products p, jsonb_object_keys(p.attributes) k (code)
		where not exists (select from catalog.attributes a where a.code = k.code)`).Scan(&stray)
	require.NoError(t, err)
	require.Zero(t, stray)
}

func TestAnAttributeIsPatchedInItsParts(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	token := s.Bearer(t, write)
	patch := func(body string, headers ...servicetest.Header) servicetest.Answer {
		return s.Do(t, "PATCH", "/v1/attributes/weight", body, append(headers, token, header("Content-Type", "application/merge-patch+json"))...)
	}
	refused(t, patch(`{"name":"Mass"}`), 428)
	refused(t, patch(`{"name":"Mass"}`, header("If-Match", `"2"`)), 412)
	require.Equal(t, 200, patch(`{"name":"Mass","unit":null}`, anyVersionHeader).Status)
	require.Contains(t, string(s.Do(t, "GET", "/v1/attributes/weight", nil).Body), `"name":"Mass","type":"number","unit":null,"filterable":true`)
	_, told := refused(t, patch(`{"code":"mass"}`, anyVersionHeader), 422)
	require.Equal(t, []string{"/code contradicts"}, told)
	refused(t, s.Do(t, "PATCH", "/v1/attributes/nope", `{}`, token, anyVersionHeader), 404)
	create1(t, s, `{"name":"A","attributes":{"weight":3}}`)
	code, _ := refused(t, patch(`{"type":"text"}`, anyVersionHeader), 409)
	require.Equal(t, "type_in_use", code)
}

func TestWhatAnAttributeIsCalledAndFiltersIsShownAtOnceAndTouchesNoProduct(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	token := s.Bearer(t, write)
	create1(t, s, `{"slug":"a","name":"A","status":"active","categories":["garden"],"attributes":{"notes":"loud","weight":3},"variants":[{"sku":"A"}]}`)
	const query = "/v1/products?category=garden&attr.notes=loud&facets=true"
	_, told := refused(t, s.Do(t, "GET", query, nil), 422)
	require.Equal(t, []string{"/attr.notes not_filterable"}, told)
	_, before := get(t, s, "/v1/products/a")
	merge := header("Content-Type", mergePatch)
	require.Equal(t, 200, s.Do(t, "PATCH", "/v1/attributes/notes", `{"name":"Remarks","filterable":true}`, token, anyVersionHeader, merge).Status)
	require.Equal(t, 200, s.Do(t, "PUT", "/v1/categories/garden/filters", `{"filters":["notes"]}`, token, anyVersionHeader).Status)
	a := s.Do(t, "GET", query, nil, token) // a visitor may be told the refusal for a second more
	require.Equal(t, 200, a.Status, "%s", a.Body)
	require.Contains(t, string(a.Body), `"code":"notes","name":"Remarks"`)
	require.Contains(t, string(a.Body), `"slug":"a"`)
	_, after := get(t, s, "/v1/products/a")
	require.Equal(t, before.Header.Get("ETag"), after.Header.Get("ETag"))
}

func TestAMissingPriceIsToldAsMissing(t *testing.T) {
	t.Parallel()
	s := start(t)
	create1(t, s, `{"name":"A","variants":[{"sku":"A"}]}`)
	_, told := refused(t, s.Do(t, "PUT", "/v1/variants/A/price", `{}`, s.Bearer(t, write), anyVersionHeader), 422)
	require.Equal(t, []string{"/price required"}, told)
}

func TestRefsOfPlacedProductsAreIdsSKUsAndSlugs(t *testing.T) {
	t.Parallel()
	s := start(t)
	shelf(t, s, 3)
	d, _ := get(t, s, "/v1/products/p3")
	found, err := product.Resolve(context.Background(), s.DB.Pool(t, "catalog"), []string{d.ID.String(), "P3", "p3", "nope", uuid.NewString()})
	require.NoError(t, err)
	require.Equal(t, []*uuid.UUID{d.ID, d.ID, d.ID, nil, nil}, found)
}
