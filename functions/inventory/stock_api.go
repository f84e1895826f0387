package main

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/auth"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/web"
)

type stockDoc struct {
	SKU         string          `json:"sku"`
	OnHand      int64           `json:"on_hand"`
	Reserved    int64           `json:"reserved"`
	SafetyStock int64           `json:"safety_stock"`
	Incoming    int64           `json:"incoming"`
	Available   int64           `json:"available" doc:"On hand − reserved + what reservations past their expiry still hold − safety stock; negative where more is promised than there is"`
	Shortfall   int64           `json:"shortfall" doc:"Reserved beyond what there is and may be ordered beyond it: after a count, an adjustment or a lowered limit, never after a lock"`
	Policy      policyDoc       `json:"policy"`
	Locations   []stockLocation `json:"locations"`
}

type policyDoc struct {
	Track             bool       `json:"track"`
	WhenOutOfStock    string     `json:"when_out_of_stock" enum:"deny,backorder,preorder"`
	BackorderLimit    *int64     `json:"backorder_limit"`
	AvailableOn       *time.Time `json:"available_on"`
	LowStockThreshold int64      `json:"low_stock_threshold"`
	MaxPerOrder       *int64     `json:"max_per_order"`
}

type stockLocation struct {
	Location           string `json:"location"`
	OnHand             int64  `json:"on_hand"`
	Reserved           int64  `json:"reserved"`
	BackorderAllowance int64  `json:"backorder_allowance"`
	Shortfall          int64  `json:"shortfall"`
}

func stockDocOf(s stock.Stock) stockDoc {
	doc := stockDoc{
		SKU: s.SKU, OnHand: s.OnHand(), Reserved: s.Reserved(), SafetyStock: s.SafetyStock, Incoming: s.Incoming,
		Available: s.Available(), Shortfall: s.Shortfall(),
		Policy: policyDoc{
			Track: s.Track, WhenOutOfStock: s.WhenOutOfStock, BackorderLimit: s.BackorderLimit,
			AvailableOn: inUTC(s.AvailableOn), LowStockThreshold: s.LowStockThreshold, MaxPerOrder: s.MaxPerOrder,
		},
		Locations: make([]stockLocation, len(s.Levels)),
	}
	for i, l := range s.Levels {
		doc.Locations[i] = stockLocation{
			Location: l.Location, OnHand: l.OnHand, Reserved: l.Reserved,
			BackorderAllowance: l.BackorderAllowance, Shortfall: l.Shortfall,
		}
	}
	return doc
}

func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	utc := t.UTC()
	return &utc
}

type stockInput struct {
	SKU         string `path:"sku" maxLength:"64"`
	IfNoneMatch string `header:"If-None-Match"`
}

type stockOutput struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         stockDoc
}

func getStock(db postgres.DB) func(context.Context, *stockInput) (*stockOutput, error) {
	return func(ctx context.Context, in *stockInput) (*stockOutput, error) {
		found, err := stock.Read(ctx, db, []string{in.SKU})
		if err != nil {
			return nil, err
		}
		s, known := found[in.SKU]
		if !known {
			return nil, fault.Missing("nobody counted this sku or said how it is sold")
		}
		out := stockOutputOf(s, http.StatusOK)
		if in.IfNoneMatch != "" && web.NotModified(in.IfNoneMatch, out.ETag) {
			out.Status = http.StatusNotModified
		}
		return out, nil
	}
}

func stockOutputOf(s stock.Stock, status int) *stockOutput {
	doc := stockDocOf(s)
	return &stockOutput{Status: status, ETag: web.ETag(s.Revision(), doc), CacheControl: private, Body: doc}
}

type stockListInput struct {
	Low    bool   `query:"low" doc:"Only SKUs at or below their low-stock threshold"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"24"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before"`
}

type stockList struct {
	Items      []stockDoc `json:"items"`
	NextCursor *string    `json:"next_cursor"`
}

type stockListOutput struct {
	CacheControl string `header:"Cache-Control"`
	Link         string `header:"Link"`
	Body         stockList
}

func listStock(db postgres.DB) func(context.Context, *stockListInput) (*stockListOutput, error) {
	return func(ctx context.Context, in *stockListInput) (*stockListOutput, error) {
		query := []any{"stock", in.Low}
		after, err := afterID(in.Cursor, query)
		if err != nil {
			return nil, err
		}
		found, err := stock.List(ctx, db, after, in.Low, in.Limit+1)
		if err != nil {
			return nil, err
		}
		out := &stockListOutput{CacheControl: private, Body: stockList{Items: []stockDoc{}}}
		page, next, err := pageOf(found, in.Limit, query, func(s stock.Stock) any { return s.SKU })
		for _, s := range page {
			out.Body.Items = append(out.Body.Items, stockDocOf(s))
		}
		out.Body.NextCursor = next
		q := url.Values{"limit": {strconv.Itoa(in.Limit)}}
		if in.Low {
			q.Set("low", "true")
		}
		out.Link = nextLink("/v1/stock", q, next)
		return out, err
	}
}

type stockLookupInput struct {
	Body struct {
		SKUs []string `json:"skus" minItems:"1" maxItems:"250"`
	}
}

type stockLookup struct {
	Items   []stockDoc `json:"items" doc:"In the order asked for"`
	Missing []string   `json:"missing" doc:"SKUs that nobody counted or said of how they are sold"`
}

type stockLookupOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         stockLookup
}

func lookupStock(db postgres.DB) func(context.Context, *stockLookupInput) (*stockLookupOutput, error) {
	return func(ctx context.Context, in *stockLookupInput) (*stockLookupOutput, error) {
		found, err := stock.Read(ctx, db, in.Body.SKUs)
		if err != nil {
			return nil, err
		}
		out := &stockLookupOutput{CacheControl: private, Body: stockLookup{Items: []stockDoc{}, Missing: []string{}}}
		for _, sku := range in.Body.SKUs {
			if s, known := found[sku]; known {
				out.Body.Items = append(out.Body.Items, stockDocOf(s))
			} else {
				out.Body.Missing = append(out.Body.Missing, sku)
			}
		}
		return out, nil
	}
}

// whenACountIsWrong is what an operator does about it; the README says it too.
const whenACountIsWrong = "Read the SKU (GET /v1/stock/{sku}) for its ETag, count, and PUT what was found with the reason and If-Match: " +
	"a count that somebody else has changed meanwhile is a 412, one that is only being reserved is not. " +
	"Of what is known to have come or gone, and not counted, make an adjustment with reason and reference. " +
	"A count below what is reserved is taken as it is: what lacks is the shortfall, stock.depleted tells of it (stock.low while another location has plenty), GET /v1/stock?low=true lists it, no lock raises it, " +
	"and it goes away with what is released or comes in. GET /v1/stock/{sku}/movements shows who did what and why, GET /v1/stock:audit that the books agree."

func countOperation(security []map[string][]string) huma.Operation {
	op := creating(operation("count-stock", http.MethodPut, "/v1/stock/{sku}/locations/{code}", "Record how many were counted at a location", "stock", security, 404, 412, 428))
	op.Description = whenACountIsWrong + whatComesIn
	return op
}

type countInput struct {
	SKU         string `path:"sku" pattern:"^[A-Za-z0-9._~-]{1,64}$"`
	Code        string `path:"code" maxLength:"64" doc:"Code of the location" example:"main"`
	IfMatch     string `header:"If-Match" doc:"ETag of the SKU's stock"`
	IfNoneMatch string `header:"If-None-Match" doc:"* when the location has none of it yet"`
	Body        struct {
		OnHand int64  `json:"on_hand" minimum:"0" maximum:"1000000000" doc:"How many were counted"`
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

func countStock(db postgres.DB, came func(context.Context, ...string)) func(context.Context, *countInput) (*stockOutput, error) {
	return func(ctx context.Context, in *countInput) (*stockOutput, error) {
		cause := stock.OfNobody(auth.CallerFrom(ctx).Subject, in.Body.Reason)
		counting := stock.Counting{SKU: in.SKU, Location: in.Code, OnHand: in.Body.OnHand}
		after, created, err := stock.Put(ctx, db, cause, counting, web.Expect(in.IfMatch, in.IfNoneMatch))
		if err != nil {
			return nil, err
		}
		came(ctx, in.SKU)
		status := http.StatusOK
		if created {
			status = http.StatusCreated
		}
		return stockOutputOf(after, status), nil
	}
}
