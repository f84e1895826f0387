package product

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/functions/catalog/internal/price"
)

// cut stands in a page's body where a variant's price and availability belong.
// JSON never holds it.
const cut = '\x01'

// page is a product as it is kept for readers: a row of catalog.product_pages.
type page struct {
	doc    Document
	places []uuid.UUID
}

func (p plan) page() page {
	d := p.doc
	d.ID = &p.id
	return page{doc: d, places: p.places}
}

// fixed is what of a document neither time nor stock nor the tree decides.
type fixed struct {
	Document
	Categories *struct{} `json:"categories,omitempty"`
	Variants   *struct{} `json:"variants,omitempty"`
}

// body is the page's document as JSON up to the end of its variants.
func (p page) body() (string, error) {
	d := p.doc
	d.Version, d.CreatedAt, d.UpdatedAt, d.Breadcrumbs, d.Price, d.CompareAt = 0, nil, nil, nil, nil, nil
	var b bytes.Buffer
	encode := json.NewEncoder(&b)
	encode.SetEscapeHTML(false)
	if err := encode.Encode(fixed{Document: d}); err != nil {
		return "", fmt.Errorf("page of product %s: %w", d.ID, err)
	}
	b.Truncate(b.Len() - len("}\n"))
	b.WriteString(`,"variants":[`)
	for i, v := range d.Variants {
		if i > 0 {
			b.WriteByte(',')
		}
		v.Price, v.CompareAt, v.Prices, v.Availability = nil, nil, nil, ""
		if err := encode.Encode(v); err != nil {
			return "", fmt.Errorf("page of product %s: %w", d.ID, err)
		}
		b.Truncate(b.Len() - len("}\n"))
		b.WriteString(string(cut) + "}")
	}
	b.WriteByte(']')
	return b.String(), nil
}

// lines are the spans of variants as catalog.product_pages keeps them.
func lines(variants []uuid.UUID, spans map[uuid.UUID][]price.Span) string {
	var b []byte
	micros := func(t *time.Time) string {
		if t == nil {
			return "-"
		}
		return strconv.FormatInt(t.UnixMicro(), 10)
	}
	for i, id := range variants {
		for _, s := range spans[id] {
			compare := "-"
			if s.CompareAt != nil {
				compare = strconv.FormatInt(*s.CompareAt, 10)
			}
			b = fmt.Appendf(b, "%d %s %d %s %s %s\n", i, s.Currency, s.Amount, compare, micros(&s.StartsAt), micros(s.EndsAt))
		}
	}
	return string(b)
}
