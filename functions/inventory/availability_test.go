package main

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/money"
	"github.com/mallhive/product-service/shared/postgres"
)

// offer puts a product with one variant into the catalog, as its owner: this
// function may only read it.
func (s *shop) offer(sku, name, status string, amounts map[string]int64) {
	s.t.Helper()
	s.offerBy(s.DB.Owner(s.t), sku, name, status, amounts)
}

func (s *shop) offerBy(owner postgres.DB, sku, name, status string, amounts map[string]int64) {
	s.t.Helper()
	ctx := context.Background()
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
}

func TestAvailabilityDoesNotPublishTheStock(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 5432, "FEW": 7, "LIMITED": 5432, "ENDLESS": 0})
	for _, sku := range []string{"A", "FEW", "LIMITED", "ENDLESS"} {
		s.offer(sku, "Kettle", "active", map[string]int64{"USD": 1})
	}
	s.policy("LIMITED", members{"max_per_order": 30})
	s.policy("ENDLESS", members{"track": false})
	told := func(sku string, quantity int) int64 {
		t.Helper()
		return s.available(members{"lines": lines(sku, quantity)}).Lines[0].AvailableToOrder
	}
	require.EqualValues(t, 99, told("A", 1_000_000_000))
	require.EqualValues(t, 99, told("A", 5433))
	require.EqualValues(t, 300, told("A", 300), "what is ok is told as it was asked for")
	require.EqualValues(t, 7, told("FEW", 1_000_000_000))
	require.EqualValues(t, 30, told("LIMITED", 1_000_000_000))
	require.EqualValues(t, 1_000_000_000, told("ENDLESS", 1_000_000_000))
}

// requireWhen says what availability tells of a quantity of A.
func (s *shop) requireWhen(quantity int, status, delivery string, orderable int64, on *time.Time) {
	s.t.Helper()
	l := s.available(members{"lines": lines("A", quantity)}).Lines[0]
	var told sending
	if l.Delivery != nil {
		told = *l.Delivery
	}
	require.Equal(s.t, []any{status, sending(delivery), orderable, on}, []any{l.Status, told, l.AvailableToOrder, l.AvailableOn})
}

func TestAvailabilityTellsWhenABackorderComes(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 2})
	s.offer("A", "Kettle", "active", map[string]int64{"USD": 1})
	s.requireWhen(2, "ok", "now", 2, nil)
	s.requireWhen(3, "insufficient_stock", "now", 2, nil)
	on := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	s.policy("A", members{"when_out_of_stock": "backorder", "backorder_limit": 10, "available_on": on})
	s.requireWhen(2, "ok", "now", 2, nil)
	s.requireWhen(3, "ok", "backorder", 3, &on)
	s.requireWhen(13, "insufficient_stock", "backorder", 12, &on)
	past := on.Add(-2 * time.Hour)
	s.policy("A", members{"when_out_of_stock": "backorder", "available_on": past})
	s.requireWhen(3, "ok", "backorder", 3, nil)
	s.policy("A", members{"when_out_of_stock": "backorder", "backorder_limit": 10, "max_per_order": 2})
	s.requireWhen(3, "over_limit", "now", 2, nil)
	s.policy("A", members{"when_out_of_stock": "backorder"})
	s.requireWhen(3, "ok", "backorder", 3, nil)
	s.requireWhen(1_000_000_000, "ok", "backorder", 1_000_000_000, nil)
	s.policy("A", members{"track": false, "when_out_of_stock": "backorder"})
	s.requireWhen(3, "ok", "now", 3, nil)
	s.policy("A", members{"safety_stock": 2})
	s.requireWhen(1, "insufficient_stock", "", 0, nil)
}

func TestAvailabilityTellsWhenAPreorderComes(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 0})
	s.offer("A", "Kettle", "active", map[string]int64{"USD": 1})
	on := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	s.policy("A", members{"when_out_of_stock": "preorder", "backorder_limit": 10, "available_on": on})
	s.requireWhen(3, "ok", "preorder", 3, &on)
	s.place("o", 201, "A", 9)
	s.requireWhen(3, "insufficient_stock", "preorder", 1, &on)
	s.count("main", map[string]int{"A": 11})
	s.requireWhen(2, "ok", "now", 2, nil)
	s.requireWhen(3, "ok", "preorder", 3, &on)
	_, err := s.DB.Owner(t).Exec(context.Background(), `update inventory.stock set available_on = now() - interval '1 second' where sku = 'A'`)
	require.NoError(t, err)
	s.requireWhen(3, "insufficient_stock", "now", 2, nil)
}

func TestAvailabilityTellsNothingOfDrafts(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"DRAFT": 1, "LATER": 1, "ARCHIVED": 1})
	for sku, status := range map[string]string{"DRAFT": "draft", "LATER": "active", "ARCHIVED": "archived"} {
		s.offer(sku, "Secret", status, map[string]int64{"USD": 1999})
	}
	_, err := s.DB.Owner(t).Exec(context.Background(), `update catalog.products set publish_at = now() + interval '1 hour' where slug = 'later'`)
	require.NoError(t, err)
	s.policy("DRAFT", members{"max_per_order": 2})
	price := members{"amount": 1500, "currency": "USD"}
	doc := s.available(members{"lines": []members{
		{"sku": "DRAFT", "quantity": 5, "expected_price": price}, {"sku": "LATER", "quantity": 5, "expected_price": price},
		{"sku": "ARCHIVED", "quantity": 1},
	}})
	for i, sku := range []string{"DRAFT", "LATER"} {
		require.Equal(t, availabilityLine{SKU: sku, Requested: 5, Status: "not_for_sale", Reasons: []string{"not_for_sale"}}, doc.Lines[i])
	}
	require.Equal(t, "Secret", *doc.Lines[2].Name, "it was shown before, and carts hold it")
}

func TestAvailabilityIsAtLeastAsNewAsItSays(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 1})
	s.offer("A", "Kettle", "active", map[string]int64{"USD": 1})
	owner, ctx := s.DB.Owner(t), context.Background()
	tx, err := owner.Begin(ctx)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(ctx) }()
	_, err = tx.Exec(ctx, `lock table inventory.stock in access exclusive mode`)
	require.NoError(t, err)
	answered := make(chan availabilityDoc)
	go func() { answered <- s.available(members{"lines": lines("A", 1)}) }()
	require.Eventually(t, func() bool {
		var waiting bool
		err := owner.QueryRow(ctx, `select exists (select from pg_locks where not granted and relation = 'inventory.stock'::regclass and database = (select oid from pg_database where datname = current_database()))`).Scan(&waiting)
		return err == nil && waiting
	}, 10*time.Second, 5*time.Millisecond)
	while := time.Now()
	require.NoError(t, tx.Rollback(ctx))
	require.True(t, (<-answered).CheckedAt.Before(while), "the time is that before the read")
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

func TestAvailabilityTellsThePriceThatHoldsNow(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 5})
	s.offer("A", "Kettle", "active", map[string]int64{"USD": 1999, "EUR": 1799})
	price := func(currency string) int64 {
		t.Helper()
		return s.available(members{"currency": currency, "lines": lines("A", 1)}).Lines[0].UnitPrice.Amount
	}
	sale := func(amount int64, from, to string, cancelled bool) {
		t.Helper()
		_, err := s.DB.Owner(t).Exec(context.Background(), `
			insert into catalog.prices (id, variant_id, currency, kind, amount, starts_at, ends_at, cancelled_at)
			select $1, id, 'USD', 'sale', $2, now() + $3::interval, now() + $4::interval, case when $5 then now() end
			from catalog.variants where sku = 'A'`, uuid.Must(uuid.NewV7()), amount, from, to, cancelled)
		require.NoError(t, err)
	}
	sale(1, "-2 hours", "-1 second", false)
	sale(2, "1 hour", "2 hours", false)
	sale(3, "-1 second", "1 hour", true)
	require.EqualValues(t, 1999, price("USD"))
	sale(2500, "-1 second", "30 minutes", false)
	require.EqualValues(t, 2500, price("USD"), "a sale goes before the base price, also where it costs more")
	require.EqualValues(t, 1799, price("EUR"))
	shown := members{"amount": 1999, "currency": "USD"}
	doc := s.available(members{"lines": []members{{"sku": "A", "quantity": 1, "expected_price": shown}}})
	require.Equal(t, "price_changed", doc.Lines[0].Status)
}

func TestAvailabilityAddsTheLocationsUp(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"A": 3})
	s.location("second", 2)
	s.count("second", map[string]int{"A": 4})
	s.offer("A", "Kettle", "active", map[string]int64{"USD": 1})
	s.policy("A", members{"safety_stock": 1})
	orderable := func() int64 {
		t.Helper()
		return s.available(members{"lines": lines("A", 99)}).Lines[0].AvailableToOrder
	}
	require.EqualValues(t, 6, orderable())
	s.place("o", 201, "A", 5)
	require.EqualValues(t, 1, orderable())
	s.overdue("o")
	require.EqualValues(t, 6, orderable(), "what is overdue at both is free")
}
