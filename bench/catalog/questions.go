package main

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
)

// question is one request that is asked once a round.
type question struct{ label, target string }

// plainPages are category pages with facets and no other condition: every top
// category, the largest kinds and some at random.
func (w *world) plainPages() []question {
	var list []question
	for _, slug := range w.asked() {
		list = append(list, question{slug, "/v1/products?" + url.Values{"category": {slug}, "facets": {"true"}, "limit": {"24"}}.Encode()})
	}
	return list
}

// narrowPages are the same pages with a filter on two attributes and a range of
// prices.
func (w *world) narrowPages() []question {
	r := rand.New(rand.NewPCG(w.seed, 2)) //nolint:gosec // repeatable, not secret
	var list []question
	for _, slug := range w.asked() {
		q := url.Values{"category": {slug}, "facets": {"true"}, "limit": {"24"}, "price_min": {"1500"}, "price_max": {"15000"}}
		for _, at := range w.twoFiltersOf(slug, r) {
			w.attributes[at].condition(q)
		}
		list = append(list, question{slug, "/v1/products?" + q.Encode()})
	}
	return list
}

// asked is the categories whose pages are asked for.
func (w *world) asked() []string {
	var slugs []string
	for _, c := range w.categories {
		if c.Parent == nil {
			slugs = append(slugs, c.Slug)
		}
	}
	for i := 0; i < len(w.kinds); i += 1 + i/3 {
		slugs = append(slugs, w.kinds[i].slug)
	}
	return slugs
}

// twoFiltersOf are two filterable attributes that products of the category
// often have.
func (w *world) twoFiltersOf(slug string, r *rand.Rand) []int {
	k := w.kinds[0]
	for _, candidate := range w.kinds {
		if candidate.slug == slug || candidate.top == slug && r.IntN(20) == 0 {
			k = candidate
		}
	}
	var list []int
	for _, at := range k.attributes {
		if w.attributes[at].Filterable && len(list) < 2 {
			list = append(list, at)
		}
	}
	return list
}

func (a attribute) condition(q url.Values) {
	switch a.Type {
	case "text":
		q.Add("attr."+a.Code, a.values[0])
		q.Add("attr."+a.Code, a.values[1])
	case "number":
		q.Set("attr."+a.Code+".min", fmt.Sprint(a.scale))
		q.Set("attr."+a.Code+".max", fmt.Sprint(a.scale*float64(a.steps)/3))
	default:
		q.Set("attr."+a.Code, "true")
	}
}

// searches are texts as people type them: kinds, brand and kind, a value and a
// kind, beginnings, whole names and part numbers.
func (w *world) searches(products int) []question {
	r := rand.New(rand.NewPCG(w.seed, 3)) //nolint:gosec // repeatable, not secret
	var list []question
	ask := func(label, text string) {
		list = append(list, question{label, "/v1/products?" + url.Values{"q": {text}, "limit": {"24"}}.Encode()})
	}
	for range 12 {
		k, p := w.kinds[w.kindOf.draw(r)], w.product(r.IntN(products), 0)
		words := strings.Fields(p.Name)
		ask("kind", k.noun)
		ask("brand", w.brands[w.brandOf.draw(r)])
		ask("brand kind", w.brands[w.brandOf.draw(r)]+" "+k.noun)
		ask("value kind", words[len(words)-1]+" "+words[2])
		ask("beginning", k.noun[:len(k.noun)-1])
		ask("part number", p.Variants[0].MPN)
		ask("name", strings.Join(words[:min(len(words), 5)], " "))
	}
	return list
}
