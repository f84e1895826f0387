package main

import (
	"context"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/functions/inventory/internal/availability"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/money"
)

type availabilityInput struct {
	Body struct {
		Currency string     `json:"currency,omitempty" pattern:"^[A-Z]{3}$" doc:"ISO 4217 code of the prices; the service's default when absent" example:"USD"`
		Lines    []wishBody `json:"lines" minItems:"1" maxItems:"250" doc:"What the cart holds; lines of one SKU are summed"`
	}
}

type wishBody struct {
	SKU           string       `json:"sku" minLength:"1" maxLength:"64" example:"ICE-3920564"`
	Quantity      int64        `json:"quantity" minimum:"1" maximum:"1000000000"`
	ExpectedPrice *money.Money `json:"expected_price,omitempty" doc:"The unit price that the buyer was shown"`
}

type availabilityOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         availabilityDoc
}

type availabilityDoc struct {
	Orderable bool               `json:"orderable" doc:"Whether every line is ok. Advice: only a lock promises"`
	CheckedAt time.Time          `json:"checked_at"`
	Lines     []availabilityLine `json:"lines"`
}

type availabilityLine struct {
	SKU              string       `json:"sku"`
	Name             *string      `json:"name" doc:"Null when the SKU is unknown or not published yet"`
	UnitPrice        *money.Money `json:"unit_price" doc:"The price now; null when there is none in this currency"`
	Requested        int64        `json:"requested"`
	AvailableToOrder int64        `json:"available_to_order" doc:"Never more than requested or than one order may have; of a line with insufficient_stock 99 at most, whatever there is: the stock is not published"`
	Delivery         *sending     `json:"delivery" doc:"When all of available_to_order can be sent: now, or as the rest of it comes in; null when there is none"`
	AvailableOn      *time.Time   `json:"available_on" doc:"With backorder and preorder, when the rest comes in, if that is known"`
	Status           string       `json:"status" enum:"not_for_sale,unknown_sku,over_limit,insufficient_stock,price_changed,ok" doc:"The first of the reasons, or ok"`
	Reasons          []string     `json:"reasons" doc:"All that stands in the way"`
}

// sending has a schema of its own, because an enum tag cannot name null.
type sending string

// Schema is what huma asks for.
func (sending) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeString, Nullable: true, Examples: []any{availability.Now},
		Enum: []any{availability.Now, availability.Backorder, availability.Preorder, nil},
	}
}

func checkAvailability(checker *availability.Checker, defaultCurrency string) func(context.Context, *availabilityInput) (*availabilityOutput, error) {
	return func(ctx context.Context, in *availabilityInput) (*availabilityOutput, error) {
		currency := in.Body.Currency
		if currency == "" {
			currency = defaultCurrency
		}
		if err := checkCurrencies(currency, in.Body.Lines); err != nil {
			return nil, err
		}
		wishes := make([]availability.Wish, len(in.Body.Lines))
		for i, l := range in.Body.Lines {
			wishes[i] = availability.Wish{SKU: l.SKU, Quantity: l.Quantity, ExpectedPrice: l.ExpectedPrice}
		}
		report, err := checker.Check(ctx, currency, wishes)
		if err != nil {
			return nil, err
		}
		return &availabilityOutput{CacheControl: "no-store", Body: availabilityDocOf(report)}, nil
	}
}

func checkCurrencies(currency string, lines []wishBody) error {
	var faults fault.List
	if _, known := money.Exponent(currency); !known {
		faults.Add("/currency", "unknown_currency", "not an ISO 4217 currency")
	}
	for i, l := range lines {
		if l.ExpectedPrice != nil && l.ExpectedPrice.Currency != currency {
			faults.Add("/lines/"+strconv.Itoa(i)+"/expected_price/currency", "other_currency", "prices are compared in the currency of the request")
		}
	}
	return faults.Err()
}

func availabilityDocOf(r availability.Report) availabilityDoc {
	doc := availabilityDoc{Orderable: r.Orderable, CheckedAt: r.CheckedAt, Lines: make([]availabilityLine, len(r.Lines))}
	for i, l := range r.Lines {
		doc.Lines[i] = availabilityLine{
			SKU: l.SKU, Name: l.Name, UnitPrice: l.UnitPrice, Requested: l.Requested,
			AvailableToOrder: l.AvailableToOrder, AvailableOn: inUTC(l.AvailableOn),
			Status: l.Status(), Reasons: append([]string{}, l.Reasons...),
		}
		if l.Delivery != "" {
			when := sending(l.Delivery)
			doc.Lines[i].Delivery = &when
		}
	}
	return doc
}
