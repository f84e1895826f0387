package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

type amount struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

type variant struct {
	SKU     string            `json:"sku"`
	MPN     string            `json:"mpn"`
	GTINs   []string          `json:"gtins"`
	Options map[string]string `json:"options,omitempty"`
	Price   amount            `json:"price"`
}

type product struct {
	ExternalID  string              `json:"external_id"`
	Slug        string              `json:"slug"`
	Name        string              `json:"name"`
	Description string              `json:"description"`
	Brand       string              `json:"brand"`
	Status      string              `json:"status"`
	PublishedAt time.Time           `json:"published_at"`
	Featured    bool                `json:"featured"`
	Categories  []string            `json:"categories"`
	Attributes  map[string]any      `json:"attributes"`
	Media       []map[string]string `json:"media"`
	Options     []string            `json:"options,omitempty"`
	Variants    []variant           `json:"variants"`
}

// product is the i-th product of the world; most, if not 0, is how many
// attributes it may have.
func (w *world) product(i, most int) product {
	r := rand.New(rand.NewPCG(w.seed, uint64(i)+2)) //nolint:gosec // repeatable, not secret
	k := w.kinds[w.kindOf.draw(r)]
	brand := w.brands[w.brandOf.draw(r)]
	model := fmt.Sprintf("%c%c-%04d%c", 'A'+r.IntN(26), 'A'+r.IntN(26), r.IntN(10_000), 'A'+r.IntN(26))
	p := product{
		ExternalID: fmt.Sprintf("bench:%d", i), Slug: slugOf(i), Brand: brand, Status: "active",
		PublishedAt: time.Date(2008, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.IntN(18*365*24)) * time.Hour),
		Featured:    r.IntN(50) == 0, Categories: []string{k.slug}, Attributes: map[string]any{},
		Media: []map[string]string{{"kind": "image", "url": fmt.Sprintf("https://images.example.com/%d.jpg", i)}},
	}
	var words []string
	for _, at := range w.chosen(r, k, most) {
		a := w.attributes[at]
		value := a.value(r)
		p.Attributes[a.Code] = value
		if text, isText := value.(string); isText && len(words) < 4 {
			words = append(words, text)
		}
	}
	p.Name = strings.Join(append([]string{brand, model, k.noun}, words...), " ")
	p.Description = w.description(r, k, words)
	p.addVariants(r, i, model)
	return p
}

func slugOf(i int) string { return fmt.Sprintf("bench-product-%d", i) }

// chosen are the attributes of one product: none for one in twenty, twelve in
// the median, nineteen on average, up to 184.
func (w *world) chosen(r *rand.Rand, k kind, most int) []int {
	n := int(math.Exp(math.Log(13) + 1.0*r.NormFloat64()))
	if r.IntN(20) == 0 {
		n = 0
	}
	n = min(n, 184)
	if most > 0 {
		n = min(n, most)
	}
	var list []int
	seen := map[int]bool{}
	for _, at := range k.attributes {
		if len(list) < n && r.IntN(4) > 0 {
			list, seen[at] = append(list, at), true
		}
	}
	for len(list) < n {
		if at := int(math.Pow(r.Float64(), 2) * attributeCount); !seen[at] {
			list, seen[at] = append(list, at), true
		}
	}
	return list
}

func (a attribute) value(r *rand.Rand) any {
	switch a.Type {
	case "text":
		return a.values[int(math.Pow(r.Float64(), 2)*float64(len(a.values)))]
	case "number":
		return math.Round(float64(1+int(math.Pow(r.Float64(), 2)*float64(a.steps)))*a.scale*10) / 10
	}
	return r.IntN(3) > 0
}

func (w *world) description(r *rand.Rand, k kind, words []string) string {
	n := int(math.Exp(math.Log(8) + 0.7*r.NormFloat64()))
	text := append([]string{capital(k.noun)}, words...)
	for range n {
		a := w.attributes[int(math.Pow(r.Float64(), 2)*attributeCount)]
		text = append(text, strings.ToLower(a.Name))
	}
	return strings.Join(text, " ") + "."
}

func (p *product) addVariants(r *rand.Rand, i int, model string) {
	n := 1
	if r.IntN(20) == 0 {
		n = 2 + r.IntN(7)
		p.Options = []string{"size"}
	}
	price := int64(math.Exp(math.Log(4000)+1.3*r.NormFloat64()))/5*5 + 99
	for j := range n {
		v := variant{
			SKU: fmt.Sprintf("BENCH-%d-%d", i, j), MPN: fmt.Sprintf("%s%d", model, j),
			GTINs: []string{gtin13(int64(i)*10 + int64(j))}, Price: amount{price + int64(j)*100, "USD"},
		}
		if n > 1 {
			v.Options = map[string]string{"size": fmt.Sprintf("S%d", j)}
		}
		p.Variants = append(p.Variants, v)
	}
}

// gtin13 is a number with its check digit (GS1 General Specifications, 7.9).
func gtin13(n int64) string {
	text := fmt.Sprintf("2%011d", n)
	sum := 0
	for i, c := range text {
		weight := 1
		if i%2 == 1 {
			weight = 3
		}
		sum += int(c-'0') * weight
	}
	return fmt.Sprintf("%s%d", text, (10-sum%10)%10)
}
