package main

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
)

// goods is the model that listings are compared with.
type goods struct {
	Slug       string         `json:"slug"`
	Name       string         `json:"name"`
	Brand      *string        `json:"brand"`
	Status     string         `json:"status"`
	Featured   bool           `json:"featured"`
	Published  string         `json:"published_at"`
	Categories []string       `json:"categories"`
	Attributes map[string]any `json:"attributes"`
	Options    []string       `json:"options"`
	Variants   []ware         `json:"variants"`
}

type ware struct {
	SKU     string            `json:"sku"`
	Options map[string]string `json:"options"`
	Prices  []map[string]any  `json:"prices"`
	usd     *int
	stocked bool
}

// made is 60 products that share few values, so that filters meet.
func made() []goods {
	var all []goods
	for i := range 60 {
		g := goods{
			Slug: fmt.Sprintf("p-%02d", i), Name: fmt.Sprintf("Name %d", i%7), Status: "active", Featured: i%5 == 0,
			Published: fmt.Sprintf("2024-01-%02dT00:00:00Z", 1+i%9), Attributes: map[string]any{}, Options: []string{"size"},
		}
		if i%3 > 0 {
			brand := []string{"", "Smith", "Jones"}[i%3]
			g.Brand = &brand
		}
		g.Categories = [][]string{{"pans"}, {"kitchen"}, {"home"}, {"garden"}, {"garden", "pans"}, {}}[i%6]
		if i%2 == 0 {
			g.Attributes["colour"] = [][]any{{"Black"}, {"Black", "Grey"}, {"Grey"}, {"Red"}}[i%4]
		}
		if i%4 != 1 {
			g.Attributes["weight"] = float64(i%6) + 0.5
		}
		g.Attributes["wireless"] = i%2 == 1
		for j := range 1 + i%3 {
			w := ware{SKU: fmt.Sprintf("S-%d-%d", i, j), Options: map[string]string{"size": []string{"S", "M", "L"}[j]}, Prices: []map[string]any{}}
			if (i+j)%5 != 0 {
				amount := 100 * (1 + (i*7+j*3)%11)
				w.usd = &amount
				w.Prices = append(w.Prices, map[string]any{"price": map[string]any{"amount": amount, "currency": "USD"}})
			}
			w.stocked = (i+j)%3 == 0
			g.Variants = append(g.Variants, w)
		}
		all = append(all, g)
	}
	return all
}

// ask is one random query, for the service and for the model.
type ask struct {
	category          string
	brands, colours   []string
	sizes             []string
	min, max          *int
	heavy, light      *float64
	wireless          string
	inStock, featured bool
	sort              string
}

func (a ask) query() string {
	q := url.Values{"brand": a.brands, "attr.colour": a.colours, "attr.size": a.sizes}
	set := func(name, value string, given bool) {
		if given {
			q.Set(name, value)
		}
	}
	set("category", a.category, a.category != "")
	set("attr.wireless", a.wireless, a.wireless != "")
	set("in_stock", "true", a.inStock)
	set("featured", "true", a.featured)
	set("sort", a.sort, true)
	if a.min != nil {
		q.Set("price_min", strconv.Itoa(*a.min))
	}
	if a.max != nil {
		q.Set("price_max", strconv.Itoa(*a.max))
	}
	if a.heavy != nil {
		q.Set("attr.weight.min", fmt.Sprint(*a.heavy))
	}
	if a.light != nil {
		q.Set("attr.weight.max", fmt.Sprint(*a.light))
	}
	return q.Encode()
}

func below(category string) []string {
	return map[string][]string{"home": {"home", "kitchen", "pans"}, "kitchen": {"kitchen", "pans"}, "pans": {"pans"}, "garden": {"garden"}}[category]
}

func anyOf(have, wanted []string) bool {
	return slices.ContainsFunc(have, func(h string) bool { return slices.Contains(wanted, h) })
}

// variants of the goods that the ask matches, its condition on one code left
// out.
func (a ask) variants(g goods, except string) []ware {
	weight, weighed := g.Attributes["weight"].(float64)
	switch {
	case a.category != "" && !anyOf(g.Categories, below(a.category)),
		except != "brand" && len(a.brands) > 0 && (g.Brand == nil || !slices.Contains(a.brands, *g.Brand)),
		except != "colour" && len(a.colours) > 0 && !anyOf(colours(g), a.colours),
		a.wireless != "" && except != "wireless" && fmt.Sprint(g.Attributes["wireless"]) != a.wireless,
		except != "weight" && a.heavy != nil && (!weighed || weight < *a.heavy),
		except != "weight" && a.light != nil && (!weighed || weight > *a.light),
		a.featured && !g.Featured:
		return nil
	}
	var matching []ware
	for _, w := range g.Variants {
		priced := w.usd != nil
		switch {
		case except != "size" && len(a.sizes) > 0 && !slices.Contains(a.sizes, w.Options["size"]),
			except != "price" && a.min != nil && (!priced || *w.usd < *a.min),
			except != "price" && a.max != nil && (!priced || *w.usd > *a.max),
			a.inStock && !w.stocked:
		default:
			matching = append(matching, w)
		}
	}
	return matching
}

func colours(g goods) []string {
	var list []string
	values, _ := g.Attributes["colour"].([]any)
	for _, v := range values {
		list = append(list, v.(string))
	}
	return list
}

func lowest(list []ware) *int {
	var low *int
	for _, w := range list {
		if w.usd != nil && (low == nil || *w.usd < *low) {
			low = w.usd
		}
	}
	return low
}

// before is the order of two goods; the id decides ties, and products were
// imported in the order of their ids.
func (a ask) before(x, y goods) int {
	price := func(g goods, none int) int {
		if p := lowest(a.variants(g, "")); p != nil {
			return *p
		}
		return none
	}
	newest := cmp.Compare(y.Published, x.Published)
	switch a.sort {
	case "price":
		return cmp.Or(cmp.Compare(price(x, 1<<40), price(y, 1<<40)), cmp.Compare(x.Slug, y.Slug))
	case "-price":
		return cmp.Or(cmp.Compare(price(y, -1), price(x, -1)), cmp.Compare(x.Slug, y.Slug))
	case "name":
		return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Slug, y.Slug))
	case "featured":
		if x.Featured != y.Featured {
			if x.Featured {
				return -1
			}
			return 1
		}
	}
	return cmp.Or(newest, cmp.Compare(x.Slug, y.Slug))
}

func (a ask) answer(all []goods) []string {
	var found []goods
	for _, g := range all {
		if len(a.variants(g, "")) > 0 {
			found = append(found, g)
		}
	}
	slices.SortFunc(found, a.before)
	names := []string{}
	for _, g := range found {
		names = append(names, g.Slug)
	}
	return names
}
