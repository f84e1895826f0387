package main

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/importer"
	"github.com/mallhive/product-service/functions/catalog/internal/price"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/web"
)

// basePrice is a base price to set, or to schedule.
type basePrice struct {
	price.Price
	StartsAt *time.Time `json:"starts_at,omitempty" doc:"When it begins: a time to come, or left out for now. It holds until the next base price" example:"2026-12-01T00:00:00Z"`
}

func (p *basePrice) check(faults *fault.List) {
	p.Check(faults, "")
	p.StartsAt = moment(faults, "/starts_at", p.StartsAt)
}

// moment is a time as the database keeps it.
func moment(faults *fault.List, pointer string, at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	utc := at.UTC().Truncate(time.Microsecond)
	if utc.Year() < 1 || utc.Year() > 9999 {
		faults.Add(pointer, "out_of_range", "in UTC a year from 1 to 9999")
	}
	return &utc
}

type setPriceInput struct {
	SKU     string `path:"sku" maxLength:"64" example:"ICE-3920564"`
	IfMatch string `header:"If-Match" doc:"The ETag of the variant or its product"`
	RawBody []byte `contentType:"application/json"`
}

func (c *catalog) setPrice(ctx context.Context, in *setPriceInput) (*variantReply, error) {
	p, faults, err := c.prices.read(in.RawBody)
	if err != nil {
		return nil, err
	}
	var rules fault.List
	p.check(&rules)
	if err := merged(faults, rules).Err(); err != nil {
		return nil, err
	}
	_, err = c.reprice(ctx, c.DB, product.PriceIntent{
		SKU: in.SKU, Kind: price.Base, Price: p.Price, StartsAt: p.StartsAt, Allow: change(web.Expect(in.IfMatch, "")),
	})
	if err != nil {
		return nil, err
	}
	c.wake()
	return c.ownVariant(ctx, in.SKU)
}

// reprice is one price intent in a transaction of its own.
func (c *catalog) reprice(ctx context.Context, db postgres.DB, in product.PriceIntent) (out product.PriceOutcome, err error) {
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		outcomes, err := product.Reprice(ctx, tx, []product.PriceIntent{in})
		if err != nil {
			return err
		}
		out = outcomes[0]
		return out.Fault
	})
	return out, err
}

// salePrice is a sale to begin, or to schedule.
type salePrice struct {
	price.Price
	StartsAt *time.Time `json:"starts_at,omitempty" doc:"When it begins: a time to come, or left out for now" example:"2026-11-27T00:00:00Z"`
	EndsAt   *time.Time `json:"ends_at,omitempty" doc:"It holds until before then; left out, until it is ended" example:"2026-12-01T00:00:00Z"`
}

func (p *salePrice) check(faults *fault.List) {
	p.Check(faults, "")
	p.StartsAt, p.EndsAt = moment(faults, "/starts_at", p.StartsAt), moment(faults, "/ends_at", p.EndsAt)
	if p.StartsAt != nil && p.EndsAt != nil && !p.EndsAt.After(*p.StartsAt) {
		faults.Add("/ends_at", "out_of_range", "after the start")
	}
}

type createSaleInput struct {
	SKU            string `path:"sku" maxLength:"64" example:"ICE-3920564"`
	IfMatch        string `header:"If-Match" doc:"The ETag of the variant or its product; not required"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255"`
	RawBody        []byte `contentType:"application/json"`
}

type saleReply struct {
	Status       int
	ETag         string `header:"ETag" doc:"Of the variant, for the next change of it"`
	CacheControl string `header:"Cache-Control"`
	Location     string `header:"Location"`
	Body         *price.Record
}

// begun is what an Idempotency-Key keeps of a sale.
type begun struct {
	Sale    price.Record `json:"sale"`
	Version int64        `json:"version"`
}

func (c *catalog) createSale(ctx context.Context, in *createSaleInput) (*saleReply, error) {
	p, faults, err := c.sales.read(in.RawBody)
	if err != nil {
		return nil, err
	}
	var rules fault.List
	p.check(&rules)
	if err := merged(faults, rules).Err(); err != nil {
		return nil, err
	}
	body := struct {
		SKU  string    `json:"sku"`
		Sale salePrice `json:"sale"`
	}{in.SKU, p}
	made, err := once(ctx, c.DB, "create-sale", in.IdempotencyKey, body, func(tx pgx.Tx) (begun, error) {
		out, err := c.reprice(ctx, tx, product.PriceIntent{
			SKU: in.SKU, Kind: price.Sale, Price: p.Price, StartsAt: p.StartsAt, EndsAt: p.EndsAt, Allow: ifMatched(in.IfMatch),
		})
		return begun{Sale: out.Sale.Record(), Version: out.Version}, err
	})
	if err != nil {
		return nil, err
	}
	c.wake()
	return &saleReply{
		Status: http.StatusCreated, ETag: web.ETag(made.Version, made.Sale), CacheControl: web.PrivateCache,
		Location: "/v1/variants/" + in.SKU + "/sales/" + made.Sale.ID.String(), Body: &made.Sale,
	}, nil
}

// ifMatched lets what adds to a thing pass without naming its version, too.
func ifMatched(ifMatch string) func(*int64) error {
	if ifMatch == "" {
		return anyVersion
	}
	return change(web.Expect(ifMatch, ""))
}

type withdrawInput struct {
	SKU     string    `path:"sku" maxLength:"64" example:"ICE-3920564"`
	ID      uuid.UUID `path:"id" example:"0198c5a2-7c1e-7d4a-9f43-2b1f0a6d5e11"`
	IfMatch string    `header:"If-Match" doc:"The ETag of the variant or its product"`
}

func (c *catalog) deleteSale(ctx context.Context, in *withdrawInput) (*struct{}, error) {
	return c.withdraw(ctx, price.Sale, in)
}

func (c *catalog) deletePrice(ctx context.Context, in *withdrawInput) (*struct{}, error) {
	return c.withdraw(ctx, price.Base, in)
}

func (c *catalog) withdraw(ctx context.Context, kind string, in *withdrawInput) (*struct{}, error) {
	_, err := c.reprice(ctx, c.DB, product.PriceIntent{
		SKU: in.SKU, Kind: kind, Withdraw: &in.ID, Allow: change(web.Expect(in.IfMatch, "")),
	})
	if err == nil {
		c.wake()
	}
	return nil, err
}

// priceRow is a row of an import of prices.
type priceRow struct {
	SKU  string `json:"sku" pattern:"^[A-Za-z0-9._~-]{1,64}$" example:"ICE-3920564"`
	Kind string `json:"kind,omitempty" enum:"base,sale" default:"base" doc:"A base price holds until the next one; a sale goes before it while it holds"`
	price.Price
	StartsAt *time.Time `json:"starts_at,omitempty" doc:"When it begins: a time to come, or left out for now" example:"2026-11-27T00:00:00Z"`
	EndsAt   *time.Time `json:"ends_at,omitempty" doc:"Of a sale: it holds until before then" example:"2026-12-01T00:00:00Z"`
}

func (r *priceRow) check(faults *fault.List) {
	if !product.ValidSKU(r.SKU) {
		faults.Add("/sku", "pattern", "1 to 64 of A-Z, a-z, 0-9 and . _ ~ -")
	}
	sale := salePrice{Price: r.Price, StartsAt: r.StartsAt, EndsAt: r.EndsAt}
	sale.check(faults)
	r.StartsAt, r.EndsAt = sale.StartsAt, sale.EndsAt
	switch {
	case r.Kind == "":
		r.Kind = price.Base
	case r.Kind != price.Base && r.Kind != price.Sale:
		faults.Add("/kind", "not_allowed", "base or sale")
	}
	if r.Kind == price.Base && r.EndsAt != nil {
		faults.Add("/ends_at", "not_allowed", "a base price holds until the next one")
	}
}

func (c *catalog) priceKind() importer.Kind[priceRow] {
	return importer.Kind[priceRow]{
		Read: func(line []byte) (priceRow, string, error) {
			r, form, err := c.priceRows.read(line)
			if err != nil {
				return r, "", err
			}
			var rules fault.List
			r.check(&rules)
			return r, r.SKU, merged(form, rules).Err()
		},
		Names: func(r priceRow) []string {
			start := "now"
			if r.StartsAt != nil {
				start = r.StartsAt.String()
			}
			return []string{r.SKU + " " + r.Price.Price.Currency + " " + r.Kind + " " + start}
		},
		SaveAll: func(ctx context.Context, tx pgx.Tx, rows []priceRow) ([]importer.Outcome, error) {
			intents := make([]product.PriceIntent, len(rows))
			for i, r := range rows {
				intents[i] = product.PriceIntent{
					SKU: r.SKU, Kind: r.Kind, Price: r.Price, StartsAt: r.StartsAt, EndsAt: r.EndsAt, Again: true, Allow: anyVersion,
				}
			}
			saved, err := product.Reprice(ctx, tx, intents)
			outcomes := make([]importer.Outcome, len(saved))
			for i, s := range saved {
				outcomes[i] = importer.Outcome{Result: s.Result, Fault: s.Fault}
				if fault.Is(s.Fault, fault.NotFound) || fault.Is(s.Fault, fault.Gone) {
					outcomes[i].Fault = fault.InvalidInput(fault.At("/sku", "unknown_sku", "%s", fault.As(s.Fault).Detail))
				}
			}
			return outcomes, err
		},
	}
}

type listPricesInput struct {
	SKU      string `path:"sku" maxLength:"64" example:"ICE-3920564"`
	Currency string `query:"currency" pattern:"^[A-Z]{3}$" doc:"ISO 4217 code; all when left out" example:"USD"`
	At       string `query:"at" format:"date-time" doc:"Only what held then; a time to come needs catalog:read_drafts" example:"2026-11-27T00:00:00Z"`
	Limit    int    `query:"limit" minimum:"1" maximum:"100" default:"24"`
	Cursor   string `query:"cursor" doc:"next_cursor of the page before"`
}

type priceList struct {
	CacheControl string `header:"Cache-Control"`
	Link         string `header:"Link"`
	Body         struct {
		Items      []price.Record `json:"items" nullable:"false" doc:"Newest first. What has not begun, what was cancelled before, and when a base price will end are shown with catalog:read_drafts"`
		NextCursor *string        `json:"next_cursor"`
		Effective  []price.Paid   `json:"effective" nullable:"false" doc:"What is paid now, or at the time asked for: one for each currency, a sale before the base price, compared with it unless the sale names something else"`
		Lowest     []price.Lowest `json:"lowest_30d" nullable:"false" doc:"The lowest price that was paid in the 30 days before the sale that runs began, for each currency; when none runs, in the last 30 days"`
	}
}

func (c *catalog) listPrices(ctx context.Context, in *listPricesInput) (*priceList, error) {
	drafts := mayReadDrafts(ctx)
	variant, err := product.ShownVariant(ctx, c.DB, in.SKU, drafts)
	if err != nil {
		return nil, err
	}
	ask := price.Ask{Variant: variant, Currency: in.Currency, Scheduled: drafts, Limit: in.Limit}
	if in.At != "" {
		at, err := time.Parse(time.RFC3339, in.At)
		var faults fault.List
		if ask.At = moment(&faults, "/at", &at); err != nil || len(faults) > 0 {
			return nil, fault.InvalidInput(fault.Field{Pointer: "/at", In: "query", Code: "format", Detail: "an RFC 3339 time"})
		}
	}
	query := []any{"prices", in.SKU, in.Currency, in.At, drafts}
	if in.Cursor != "" {
		if err := web.DecodeCursor(in.Cursor, query, &ask.After); err != nil {
			return nil, err
		}
	}
	history, err := price.Read(ctx, c.DB, ask)
	if err != nil {
		return nil, err
	}
	out := &priceList{CacheControl: web.PublicCache}
	if drafts {
		out.CacheControl = web.PrivateCache
	}
	out.Body.Items, out.Body.Effective, out.Body.Lowest = history.Items, history.Paid, history.Lowest
	if history.Next != nil {
		next, err := web.EncodeCursor(query, history.Next)
		if err != nil {
			return nil, err
		}
		out.Body.NextCursor = &next
		here := url.Values{"limit": {itoa(in.Limit)}}
		if in.Currency != "" {
			here.Set("currency", in.Currency)
		}
		out.Link = web.NextLink("/v1/variants/"+in.SKU+"/prices", here, next)
	}
	return out, nil
}
