package main

import (
	"context"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/catalog/internal/price"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/web"
)

const basePriceDoc = "A base price holds until the next one of its currency begins; other currencies keep theirs. With starts_at it is scheduled, " +
	"and takes the place of one that is scheduled for the same moment. The same price again changes nothing. " +
	"The answer shows what the variant costs now, which a sale may decide."

const historyDoc = "Newest first. To all it shows what has begun; with catalog:read_drafts also what is scheduled, what was cancelled before it began, " +
	"and when a base price will end."

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
