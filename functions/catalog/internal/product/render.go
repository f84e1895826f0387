package product

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/functions/catalog/internal/category"
)

// cost is what a variant costs in one currency.
type cost struct {
	currency  string
	amount    string
	compareAt string // empty: nothing
}

// costsAt reads the lines: what each of n variants costs at a time, by currency.
func costsAt(lines string, n int, at time.Time) ([][]cost, error) {
	costs := make([][]cost, n)
	now := at.UnixMicro()
	for lines != "" {
		var f [6]string
		line, rest, _ := strings.Cut(lines, "\n")
		lines = rest
		for i := range f {
			f[i], line, _ = strings.Cut(line, " ")
		}
		variant, err := strconv.Atoi(f[0])
		if err != nil || variant < 0 || variant >= n {
			return nil, fmt.Errorf("no variant for the price %q", f)
		}
		if holds, err := covers(f[4], f[5], now); err != nil || !holds {
			if err != nil {
				return nil, err
			}
			continue
		}
		if f[3] == "-" {
			f[3] = ""
		}
		costs[variant] = append(costs[variant], cost{currency: f[1], amount: f[2], compareAt: f[3]})
	}
	return costs, nil
}

func covers(begin, end string, now int64) (bool, error) {
	from, err := strconv.ParseInt(begin, 10, 64)
	if err != nil {
		return false, fmt.Errorf("begin of a price: %w", err)
	}
	if end == "-" {
		return from <= now, nil
	}
	until, err := strconv.ParseInt(end, 10, 64)
	if err != nil {
		return false, fmt.Errorf("end of a price: %w", err)
	}
	return from <= now && now < until, nil
}

// appendOffer writes what a variant costs and whether it can be had, as members
// that follow others.
func appendOffer(b []byte, costs []cost, availability string) []byte {
	switch len(costs) {
	case 0:
	case 1:
		b = append(b, ',')
		b = appendCost(b, costs[0])
	default:
		b = append(b, `,"prices":[`...)
		for i, c := range costs {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendCost(append(b, '{'), c), '}')
		}
		b = append(b, ']')
	}
	b = append(b, `,"availability":"`...)
	return append(append(b, availability...), '"')
}

func appendCost(b []byte, c cost) []byte {
	b = appendMoney(append(b, `"price":`...), c.amount, c.currency)
	if c.compareAt == "" {
		return b
	}
	return appendMoney(append(b, `,"compare_at":`...), c.compareAt, c.currency)
}

func appendMoney(b []byte, amount, currency string) []byte {
	b = append(append(b, `{"amount":`...), amount...)
	b = append(append(b, `,"currency":"`...), currency...)
	return append(b, `"}`...)
}

// Rendered is a product as it is sent. It is not changed once it is read.
type Rendered struct {
	ID      uuid.UUID
	Slug    string
	Version int64

	json             []byte
	offers           [][]cost
	hash             hash.Hash64 // of what time, stock and the tree decide
	categories       string      // ids, with spaces
	created, updated time.Time
	tree             int64
	ordinal          int64 // of the ref that was asked for, from 1
}

// JSON is the product's document.
func (r Rendered) JSON() []byte { return r.json }

// Tag is the entity tag: the version, and a hash of what time, stock and the
// category tree decide.
func (r Rendered) Tag() string {
	return `"` + strconv.FormatInt(r.Version, 10) + "." + strconv.FormatUint(r.hash.Sum64(), 16) + `"`
}

// Item is the product as a list shows it, with the lowest price of its matching
// variants and what that is compared with.
func (r Rendered) Item(amount *int64, currency string) []byte {
	open := slices.Clip(r.json[:len(r.json)-1])
	if amount == nil {
		return append(open, `,"price":null}`...)
	}
	lowest := cost{currency: currency, amount: strconv.FormatInt(*amount, 10)}
	for _, costs := range r.offers {
		for _, c := range costs {
			if c.currency == currency && c.amount == lowest.amount && c.compareAt != "" {
				lowest.compareAt = c.compareAt
			}
		}
	}
	return append(appendCost(append(open, ','), lowest), '}')
}

// open puts offers into a page's body: not a byte of it is looked at but for
// cuts.
func (r *Rendered) open(body []byte, prices, availability string, at time.Time) error {
	n := bytes.Count(body, []byte{cut})
	var err error
	if r.offers, err = costsAt(prices, n, at); err != nil {
		return err
	}
	r.hash = fnv.New64a()
	b := make([]byte, 0, len(body)+512+160*n)
	for i := range n {
		before, after, _ := bytes.Cut(body, []byte{cut})
		word, rest, _ := strings.Cut(availability, " ")
		b = append(b, before...)
		from := len(b)
		b = appendOffer(b, r.offers[i], word)
		_, _ = r.hash.Write(b[from:])
		body, availability = after, rest
	}
	r.json = append(b, body...)
	return nil
}

// complete adds what follows the variants.
func (r *Rendered) complete(ways *category.Ways) {
	from := len(r.json)
	b := appendWays(r.json, r.categories, ways)
	_, _ = r.hash.Write(b[from:])
	b = strconv.AppendInt(append(b, `,"version":`...), r.Version, 10)
	b = r.created.AppendFormat(append(b, `,"created_at":"`...), time.RFC3339Nano)
	b = r.updated.AppendFormat(append(b, `","updated_at":"`...), time.RFC3339Nano)
	r.json = append(b, `"}`...)
}

// appendWays writes the product's categories and the way to the first of them.
func appendWays(b []byte, categories string, ways *category.Ways) []byte {
	b = append(b, `,"categories":[`...)
	var breadcrumbs []byte
	for categories != "" {
		id, rest, _ := strings.Cut(categories, " ")
		categories = rest
		way, there := ways.Of(id)
		if !there {
			continue
		}
		if breadcrumbs == nil {
			breadcrumbs = way.Breadcrumbs
		} else {
			b = append(b, ',')
		}
		b = append(b, way.Slug...)
	}
	b = append(b, ']')
	if breadcrumbs != nil {
		b = append(append(b, `,"breadcrumbs":`...), breadcrumbs...)
	}
	return b
}

// Tag is the entity tag of the product, the same as its page has.
func (d Document) Tag() string { return Rendered{Version: d.Version, hash: d.decided()}.Tag() }

// decided is the hash of what time, stock and the category tree decide.
func (d Document) decided() hash.Hash64 {
	var b []byte
	for _, v := range d.Variants {
		b = appendOffer(b, costsOf(v), v.Availability)
	}
	ways, _ := json.Marshal(struct {
		Categories  []string         `json:"categories"`
		Breadcrumbs []category.Crumb `json:"breadcrumbs,omitempty"`
	}{filled(d.Categories), d.Breadcrumbs})
	sum := fnv.New64a()
	_, _ = sum.Write(append(append(b, ','), ways[1:len(ways)-1]...))
	return sum
}

// rendered is the document as if it had been read from its page.
func (d Document) rendered() (Rendered, error) {
	b, err := json.Marshal(d)
	if err != nil {
		return Rendered{}, fmt.Errorf("document of product %s: %w", d.ID, err)
	}
	r := Rendered{ID: *d.ID, Slug: d.Slug, Version: d.Version, json: b, hash: d.decided()}
	for _, v := range d.Variants {
		r.offers = append(r.offers, costsOf(v))
	}
	return r, nil
}

// costsOf is what a document says that its variant costs.
func costsOf(v Variant) []cost {
	var costs []cost
	for _, p := range v.AllPrices() {
		c := cost{currency: p.Price.Currency, amount: strconv.FormatInt(p.Price.Amount, 10)}
		if p.CompareAt != nil {
			c.compareAt = strconv.FormatInt(p.CompareAt.Amount, 10)
		}
		costs = append(costs, c)
	}
	return costs
}
