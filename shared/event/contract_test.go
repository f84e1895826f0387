package event_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
)

const base = "https://product.internal.mallhive.com/"

func TestEveryTypeHasASchemaWhoseExampleHolds(t *testing.T) {
	t.Parallel()
	schemas := event.NewSchemas()
	for _, typ := range event.Types() {
		t.Run(typ.Name, func(t *testing.T) {
			t.Parallel()
			raw, err := event.Schema(typ.Name)
			require.NoError(t, err)
			var schema struct {
				Schema, Title, Description string
				Examples                   []json.RawMessage
			}
			require.NoError(t, json.Unmarshal([]byte(strings.Replace(string(raw), `"$schema"`, `"schema"`, 1)), &schema))
			require.Equal(t, "https://json-schema.org/draft/2020-12/schema", schema.Schema)
			require.NotEmpty(t, schema.Title)
			require.NotEmpty(t, schema.Description)
			for _, example := range schema.Examples {
				require.NoError(t, schemas.Check(event.Event{Type: typ.Name, Data: example}))
			}
			whole, err := event.Example(typ.Name, base)
			require.NoError(t, err)
			var e event.Event
			require.NoError(t, json.Unmarshal(whole, &e))
			require.NoError(t, schemas.Check(e))
			require.Equal(t, "https://product.internal.mallhive.com/v1/event-types/"+typ.Name, e.DataSchema)
			require.NotEmpty(t, e.Subject)
		})
	}
}

func TestEveryFieldOfASchemaIsDescribed(t *testing.T) {
	t.Parallel()
	for _, typ := range event.Types() {
		raw, err := event.Schema(typ.Name)
		require.NoError(t, err)
		var schema described
		require.NoError(t, json.Unmarshal(raw, &schema))
		require.Empty(t, schema.silent(""), typ.Name)
	}
}

type described struct {
	Description string
	Properties  map[string]described
	Items       *described
}

// silent are the fields that nothing is said of.
func (d described) silent(at string) (names []string) {
	for name, field := range d.Properties {
		if field.Description == "" {
			names = append(names, at+"/"+name)
		}
		names = append(names, field.silent(at+"/"+name)...)
	}
	if d.Items != nil {
		names = append(names, d.Items.silent(at+"/*")...)
	}
	return names
}

func TestNoSchemaIsLeftWithoutAType(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir("schemas")
	require.NoError(t, err)
	for _, f := range files {
		_, known := event.TypeOf(strings.TrimSuffix(f.Name(), ".json"))
		require.True(t, known, f.Name())
	}
	require.Len(t, files, len(event.Types()))
}

// What the functions make of the data structs must hold to the schemas too.
func TestDataStructsHoldToTheirSchemas(t *testing.T) {
	t.Parallel()
	now := time.Now()
	known, product := true, "0198c5a2-7c1e-7d4a-9f43-2b1f0a6d5e11"
	line := []event.OrderLine{{SKU: "A-1", Quantity: 2}}
	reservation := event.ReservationData{OrderID: "o", State: "locked", ExpiresAt: &now, Lines: []event.ReservationLineData{{SKU: "A-1", Requested: 2, Locked: 2}}}
	stock := event.StockData{SKU: "A-1", Available: -1}
	product1 := map[string]any{"id": product, "deleted": true}
	for typ, data := range map[string]any{
		event.OrderPlaced:        event.OrderPlacedData{OrderID: "o", Lines: line, ExpiresAt: &now},
		event.OrderPaid:          event.OrderPaidData{OrderID: "o"},
		event.OrderCancelled:     event.OrderCancelledData{OrderID: "o", Reason: "changed my mind"},
		event.OrderReturned:      event.OrderReturnedData{OrderID: "o", Lines: line},
		event.InventoryLocked:    reservation,
		event.InventoryRejected:  event.ReservationData{OrderID: "o", State: "rejected", Lines: []event.ReservationLineData{}},
		event.InventoryCommitted: reservation,
		event.InventoryReleased:  reservation,
		event.InventoryReturned:  reservation,
		event.InventoryExpired:   reservation,
		event.StockLow:           stock,
		event.StockDepleted:      stock,
		event.StockReplenished:   stock,
		event.ProductDeleted:     product1,
		event.CategoryChanged:    event.CategoryData{ID: product, Change: "deleted", Slug: "toner"},
		event.PriceChanged:       event.PriceData{SKU: "A-1", ProductID: product, Kind: "base", Price: event.Amount{Amount: 1, Currency: "USD"}, StartsAt: now},
		event.InteractionViewed:  event.InteractionData{ProductID: &product, ProductKnown: &known, OccurredAt: now, ReceivedAt: now},
		event.OutboxReady:        event.WakeData{Function: "catalog"},
	} {
		e, err := event.New(typ, event.FromCatalog, "s", data)
		require.NoError(t, err)
		require.NoError(t, event.NewSchemas().Check(e), typ)
	}
}

func TestAllFaultsOfTheDataAreToldAtOnceWithoutEchoingIt(t *testing.T) {
	t.Parallel()
	err := event.NewSchemas().Check(event.Event{Type: event.OrderPlaced, Data: json.RawMessage(
		`{"order_id":"no spaces please","lines":[{"sku":"A","quantity":0},{"quantity":"1"}]}`)})
	f := fault.As(err)
	require.Equal(t, fault.Invalid, f.Kind)
	got := map[string]string{}
	for _, field := range f.Fields {
		got[field.Pointer] = field.Code
		require.NotContains(t, field.Detail, "spaces please")
	}
	require.Equal(t, map[string]string{
		"/order_id": "pattern", "/lines/0/quantity": "minimum", "/lines/1/sku": "required", "/lines/1/quantity": "type",
	}, got)
}

func TestInteractionsWithoutConsentNameNobody(t *testing.T) {
	t.Parallel()
	err := event.NewSchemas().Check(event.Event{Type: event.InteractionViewed, Data: json.RawMessage(
		`{"product_id":null,"product_known":null,"consent":false,"occurred_at":"2026-01-01T00:00:00Z","received_at":"2026-01-01T00:00:00Z","user_id":"u"}`)})
	require.True(t, fault.Is(err, fault.Invalid))
}

func TestRepliesToOneStepHaveOneID(t *testing.T) {
	t.Parallel()
	require.Equal(t, "134f0c3d-8413-5310-a502-d73f8bd62f6d", event.ReplyID("536365", "placed"), "it must never change, or a redelivery gets another id")
	require.NotEqual(t, event.ReplyID("536365", "placed"), event.ReplyID("536365", "paid"))
	require.NotEqual(t, event.ReplyID("5", "36paid"), event.ReplyID("536", "paid"))
}

func TestAnOrderAndASKUOfOneNameAreTwoStreams(t *testing.T) {
	t.Parallel()
	stock := event.Event{Type: event.StockLow, Subject: "1001"}
	order := event.Event{Type: event.InventoryLocked, Subject: "1001"}
	require.NotEqual(t, stock.Stream(), order.Stream())
	require.Equal(t, order.Stream(), event.Event{Type: event.InventoryExpired, Subject: "1001"}.Stream())
}
