package main

import (
	"strings"
	"testing"

	"github.com/mallhive/product-service/shared/service/servicetest"
)

func TestEveryOperationAnswersHostileInputClearly(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	made := create1(t, s, pan)
	second := create1(t, s, `{"name":"Second","status":"active","categories":["pans"],"attributes":{"weight":1.5},"variants":[{"sku":"PAN-2","price":{"amount":1,"currency":"USD"}}]}`)
	row := strings.NewReplacer("iron-pan", "wok", "x:1", "x:3", "PAN-", "WOK-", "\n", "").Replace(pan)
	const short = `{"name":"Iron pan","attributes":{"weight":2300,"colour":["Black"]},"media":[{"kind":"image","url":"https://images.example.com/pan.jpg","alt":"A pan"}],
		"options":["size"],"variants":[{"sku":"PAN-24","gtins":["0095205603217"],"options":{"size":"24 cm"},"prices":[{"price":{"amount":3900,"currency":"USD"}}]}]}`
	const category = `{"slug":"lids","name":"Lids","parent":"pans","description":"of pans","position":1,"filters":["brand","weight"]}`
	const attribute = `{"code":"depth","name":"Depth","type":"number","unit":"mm","filterable":true}`
	servicetest.Walk(t, s, "catalog", s.Bearer(t, write, drafts, "events:admin"),
		map[string]string{"ref": made.ID.String(), "sku": "PAN-2", "slug": "garden", "code": "notes"},
		map[string]servicetest.Sample{
			"create-product":            {Body: strings.Replace(short, "PAN-24", "STEEL-24", 1)},
			"replace-product":           {Body: short},
			"patch-product":             {Body: `{"attributes":{"weight":1},"categories":["pans"]}`},
			"import-products":           {Body: row},
			"look-up-products":          {Body: `{"refs":["iron-pan","PAN-24"]}`},
			"set-price":                 {Body: `{"price":{"amount":100,"currency":"USD"},"compare_at":{"amount":200,"currency":"USD"}}`},
			"import-prices":             {Body: `{"sku":"PAN-2","price":{"amount":100,"currency":"USD"}}`},
			"create-variant":            {Body: `{"sku":"PAN-9","mpn":"nine","weight_grams":5}`, Names: map[string]string{"ref": second.ID.String()}},
			"replace-variant":           {Body: `{"sku":"PAN-2","mpn":"two","price":{"amount":100,"currency":"USD"}}`},
			"patch-variant":             {Body: `{"mpn":"two"}`},
			"patch-category":            {Body: `{"description":"green","filters":["brand"]}`},
			"move-category":             {Body: `{"parent":"pans","position":1}`},
			"set-category-filters":      {Body: `{"filters":["brand","weight"]}`},
			"arrange-category-products": {Body: `{"products":["` + second.ID.String() + `"]}`, Names: map[string]string{"slug": "pans"}},
			"patch-attribute":           {Body: `{"name":"Remarks","unit":null}`},
			"create-category":           {Body: category},
			"replace-category":          {Body: strings.Replace(category, "lids", "garden", 1)},
			"import-categories":         {Body: strings.Replace(category, "lids", "grills", 1)},
			"create-attribute":          {Body: attribute},
			"replace-attribute":         {Body: `{"code":"notes","name":"Notes","type":"text"}`},
			"import-attributes":         {Body: strings.Replace(attribute, "depth", "height", 1)},
			"list-products": {Queries: []string{
				"sort=newest", "sort=price", "sort=-price", "sort=name", "sort=featured", "sort=position&category=pans", "q=pan", "facets=true&total=true",
				"attr.weight.min=1&attr.weight.max=1e308", "attr.weight.min=NaN", "attr.weight.min=1e999", "attr.weight.min=-0x1p-2", "attr.weight.max=" + strings.Repeat("9", 400),
				"attr.=1", "attr.weight.=1", "attr.weight.min.max=1", "attr.%00=1", "attr.colour=%00", "attr.colour=%ff", "attr.colour=" + strings.Repeat("a", 9000),
				strings.Repeat("attr.colour=x&", 60), strings.Repeat("brand=x&", 1000), "price_min=9223372036854775807&price_max=-1", "q=" + strings.Repeat("pan+", 2000),
				"q=%22%27%26%7C%21%28%29%3A*", "q=pan%00", "currency=usd&price_min=1",
			}},
		})
}
