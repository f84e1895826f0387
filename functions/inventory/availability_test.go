package main

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/money"
)

// offer puts a product with one variant into the catalog, as its owner: this
// function may only read it.
func (s *shop) offer(sku, name, status string, amounts map[string]int64) {
	s.t.Helper()
	owner, ctx := s.DB.Owner(s.t), context.Background()
	product, variant := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	_, err := owner.Exec(ctx, `insert into catalog.products (id, slug, name, status, content_hash) values ($1, lower($2), $3, $4, '')`, product, sku, name, status)
	require.NoError(s.t, err)
	_, err = owner.Exec(ctx, `insert into catalog.variants (id, product_id, sku, position) values ($1, $2, $3, 0)`, variant, product, sku)
	require.NoError(s.t, err)
	for currency, amount := range amounts {
		_, err = owner.Exec(ctx, `insert into catalog.prices (id, variant_id, currency, kind, amount, starts_at) values ($1, $2, $3, 'base', $4, now())`,
			uuid.Must(uuid.NewV7()), variant, currency, amount)
		require.NoError(s.t, err)
	}
}

func (s *shop) available(body map[string]any) availabilityDoc {
	s.t.Helper()
	a := s.Do(s.t, "POST", "/v1/availability", body) // public
	require.Equal(s.t, 200, a.Status, "%s", a.Body)
	require.Equal(s.t, "no-store", a.Header.Get("Cache-Control"))
	var doc availabilityDoc
	a.JSON(s.t, &doc)
	return doc
}

func TestAvailabilityTellsEveryReasonOfEveryLine(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"GOOD": 10, "DRAFT": 10, "FEW": 2, "LIMITED": 10})
	price := map[string]int64{"USD": 1999, "EUR": 1799}
	s.offer("GOOD", "Kettle", "active", price)
	s.offer("DRAFT", "Secret", "draft", price)
	s.offer("FEW", "Teapot", "active", price)
	s.offer("LIMITED", "Cup", "active", price)
	s.offer("EMPTY", "Saucer", "active", price)
	s.offer("EURO", "Spoon", "active", map[string]int64{"EUR": 100})
	_, err := s.DB.Owner(t).Exec(context.Background(), `update inventory.stock set max_per_order = 1 where sku = 'LIMITED'`)
	require.NoError(t, err)

	shown := map[string]any{"amount": 1500, "currency": "USD"}
	doc := s.available(map[string]any{"currency": "USD", "lines": []map[string]any{
		{"sku": "GOOD", "quantity": 2}, {"sku": "DRAFT", "quantity": 1}, {"sku": "FEW", "quantity": 2, "expected_price": shown},
		{"sku": "LIMITED", "quantity": 3, "expected_price": shown}, {"sku": "EMPTY", "quantity": 1}, {"sku": "EURO", "quantity": 1},
		{"sku": "NONE", "quantity": 1}, {"sku": "FEW", "quantity": 2},
	}})
	require.False(t, doc.Orderable)
	type told struct {
		requested, orderable int64
		status               string
		reasons              []string
	}
	got := map[string]told{}
	for _, l := range doc.Lines {
		got[l.SKU] = told{l.Requested, l.AvailableToOrder, l.Status, l.Reasons}
	}
	require.Equal(t, map[string]told{
		"GOOD":    {2, 2, "ok", []string{}},
		"DRAFT":   {1, 0, "not_for_sale", []string{"not_for_sale"}},
		"FEW":     {4, 2, "insufficient_stock", []string{"insufficient_stock", "price_changed"}},
		"LIMITED": {3, 1, "over_limit", []string{"over_limit", "price_changed"}},
		"EMPTY":   {1, 0, "insufficient_stock", []string{"insufficient_stock"}},
		"EURO":    {1, 0, "not_for_sale", []string{"not_for_sale", "insufficient_stock"}},
		"NONE":    {1, 0, "unknown_sku", []string{"unknown_sku"}},
	}, got)
	require.Equal(t, &money.Money{Amount: 1999, Currency: "USD"}, doc.Lines[0].UnitPrice)
	require.Equal(t, "Kettle", *doc.Lines[0].Name)
	require.Nil(t, doc.Lines[6].Name)
}

func TestAvailabilityNeverShowsMoreThanWasAskedFor(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 500})
	s.offer("A", "Kettle", "active", map[string]int64{"USD": 1})
	doc := s.available(map[string]any{"lines": lines("A", 3)})
	require.True(t, doc.Orderable)
	require.EqualValues(t, 3, doc.Lines[0].AvailableToOrder)
	require.NotContains(t, doc.Lines, "500")
}

func TestAvailabilityFollowsTheLockAtOnce(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 3})
	s.offer("A", "Kettle", "active", map[string]int64{"USD": 1})
	orderable := func() int64 {
		t.Helper()
		return s.available(map[string]any{"lines": lines("A", 3)}).Lines[0].AvailableToOrder
	}
	require.EqualValues(t, 3, orderable())
	s.place("o", 201, "A", 2)
	require.EqualValues(t, 1, orderable())
	s.overdue("o")
	require.EqualValues(t, 3, orderable())
}

func TestAvailabilityTakesWhatACartCanHold(t *testing.T) {
	t.Parallel()
	s := open(t)
	many := []map[string]any{}
	for i := range 251 {
		many = append(many, map[string]any{"sku": "S" + itoa(i), "quantity": 1})
	}
	for name, body := range map[string]any{
		"too many lines":    map[string]any{"lines": many},
		"no lines":          map[string]any{"lines": []any{}},
		"nothing of it":     map[string]any{"lines": lines("A", 0)},
		"unknown currency":  map[string]any{"currency": "ZZZ", "lines": lines("A", 1)},
		"another currency":  map[string]any{"currency": "EUR", "lines": []map[string]any{{"sku": "A", "quantity": 1, "expected_price": map[string]any{"amount": 1, "currency": "USD"}}}},
		"an unknown member": map[string]any{"lines": lines("A", 1), "colour": "red"},
	} {
		a := s.Do(t, "POST", "/v1/availability", body)
		require.Equal(t, 422, a.Status, name)
	}
	require.Len(t, s.available(map[string]any{"lines": many[:250]}).Lines, 250)
}
