package main

import (
	"context"
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/mallhive/product-service/functions/catalog/internal/category"
	"github.com/mallhive/product-service/functions/catalog/internal/listing"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/money"
)

// queryOf turns parameters into a query and, with a category, the codes of its
// filters.
func (c *catalog) queryOf(ctx context.Context, in *listProductsInput) (listing.Query, []string, error) {
	var faults fault.List
	wrong := func(name, code, detail string) {
		faults = append(faults, fault.Field{Pointer: "/" + name, In: "query", Code: code, Detail: detail})
	}
	q := listing.Query{
		Text: strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(in.Q, "\x00", " "), " ")), Brands: in.Brand, Currency: in.Currency,
		PriceMin: minorUnits(in.PriceMin), PriceMax: minorUnits(in.PriceMax),
		InStock: in.InStock, Featured: in.Featured, Sort: in.Sort,
	}
	if q.Currency == "" {
		q.Currency = c.currency
	}
	if _, known := money.Exponent(q.Currency); !known {
		wrong("currency", "unknown_currency", "an ISO 4217 code such as USD")
	}
	if q.Sort == "" {
		q.Sort = defaultSort(q.Text, in.Category)
	}
	attributeFilters(&q, in.query, wrong)
	if err := c.checkCodes(ctx, q, wrong); err != nil {
		return q, nil, err
	}
	filters, err := c.withinCategory(ctx, &q, in.Category, wrong)
	if err != nil {
		return q, nil, err
	}
	return q, filters, faults.Err()
}

func defaultSort(text, category string) string {
	switch {
	case text != "":
		return "relevance"
	case category != "":
		return "position"
	}
	return "newest"
}

func minorUnits(text string) *int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

// attributeFilters reads attr.CODE=V, attr.CODE.min=N and attr.CODE.max=N.
func attributeFilters(q *listing.Query, query url.Values, wrong func(name, code, detail string)) {
	q.Values, q.Ranges = map[string][]string{}, map[string]listing.Range{}
	for name, values := range query {
		code, isFilter := strings.CutPrefix(name, "attr.")
		if !isFilter {
			continue
		}
		code, bound, ranged := strings.Cut(code, ".")
		if !ranged {
			if len(values) > 50 {
				wrong(name, "too_many", "at most 50 values")
			}
			q.Values[code] = values
			continue
		}
		n, err := strconv.ParseFloat(values[0], 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) || len(values) > 1 {
			wrong(name, "wrong_type", "one number")
			continue
		}
		r := q.Ranges[code]
		switch bound {
		case "min":
			r.Min = &n
		case "max":
			r.Max = &n
		default:
			wrong(name, "unknown_parameter", "attr.CODE, attr.CODE.min or attr.CODE.max")
		}
		q.Ranges[code] = r
	}
}

// checkCodes finds filters by what cannot be filtered by.
func (c *catalog) checkCodes(ctx context.Context, q listing.Query, wrong func(name, code, detail string)) error {
	if len(q.Values) == 0 && len(q.Ranges) == 0 {
		return nil
	}
	bad, err := listing.CheckCodes(ctx, c.DB, q)
	for _, b := range bad {
		wrong("attr."+b.Code, b.Fault, b.Detail)
	}
	return err
}

func (c *catalog) withinCategory(ctx context.Context, q *listing.Query, slug string, wrong func(name, code, detail string)) ([]string, error) {
	if slug == "" {
		return nil, nil
	}
	ids, err := category.Descendants(ctx, c.DB, slug)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		wrong("category", "unknown_category", "there is no such category")
		return nil, nil
	}
	q.Category, q.Categories = &ids[0], ids
	filters, err := category.Filters(ctx, c.DB, slug)
	codes := []string{}
	for _, f := range filters {
		codes = append(codes, f.Code)
	}
	return codes, err
}
