package main

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

// emitted reads the outbox as the relay will, documents filled in, checks all
// against their schemas and empties it.
func emitted(t testing.TB, s *servicetest.Server) []event.Event {
	t.Helper()
	owner := s.DB.Owner(t)
	rows, err := owner.Query(context.Background(), `
		with sent as (delete from events.outbox returning *)
		select o.id::text, o.source, o.type, o.subject, o.time, o.position, coalesce(o.data, d.document)
		from sent o
		left join catalog.product_documents d on d.product_id::text = o.subject
		order by o.position`)
	require.NoError(t, err)
	schemas := event.NewSchemas()
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (event.Event, error) {
		var e event.Event
		err := row.Scan(&e.ID, &e.Source, &e.Type, &e.Subject, &e.Time, &e.Sequence, &e.Data)
		return e, err
	})
	require.NoError(t, err)
	for _, e := range events {
		require.NoError(t, schemas.Check(e), "%s: %s", e.Type, e.Data)
		require.Equal(t, event.FromCatalog, e.Source)
	}
	return events
}

func types(events []event.Event) []string {
	var list []string
	for _, e := range events {
		list = append(list, e.Type)
	}
	return list
}

func TestEveryChangeTellsOfItself(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	require.Len(t, emitted(t, s), 4, "four categories")
	token := s.Bearer(t, write)
	d := create1(t, s, pan)
	events := emitted(t, s)
	require.Equal(t, []string{event.ProductCreated}, types(events))
	require.Equal(t, d.ID.String(), events[0].Subject)
	var document map[string]any
	require.NoError(t, json.Unmarshal(events[0].Data, &document))
	require.Equal(t, "iron-pan", document["slug"])
	require.Equal(t, []any{"pans"}, document["categories"])

	imports(t, s, "products", "", []byte(`{"external_id":"x:1","slug":"iron-pan","name":"Iron pan 2","options":["size"],"variants":[{"sku":"PAN-24","options":{"size":"24"},"price":{"amount":1,"currency":"USD"}}]}`))
	require.ElementsMatch(t, []string{event.ProductUpdated, event.PriceChanged}, types(emitted(t, s)))
	_, sum := imports(t, s, "products", "", []byte(`{"external_id":"x:1","slug":"iron-pan","name":"Iron pan 2","options":["size"],"variants":[{"sku":"PAN-24","options":{"size":"24"},"price":{"amount":1,"currency":"USD"}}]}`))
	require.Equal(t, 1, sum.Unchanged)
	require.Empty(t, emitted(t, s), "what did not change is not told")

	a := s.Do(t, "PUT", "/v1/variants/PAN-24/price", `{"price":{"amount":700,"currency":"KWD"}}`, token, header("If-Match", `"2"`))
	require.Equal(t, 200, a.Status, "%s", a.Body)
	events = emitted(t, s)
	require.ElementsMatch(t, []string{event.ProductUpdated, event.PriceChanged}, types(events))
	refused(t, s.Do(t, "PATCH", "/v1/products/iron-pan", `{"name":""}`, token, header("If-Match", "*")), 422)
	require.Empty(t, emitted(t, s))

	require.Equal(t, 204, s.Do(t, "DELETE", "/v1/products/iron-pan", nil, token, header("If-Match", "*")).Status)
	events = emitted(t, s)
	require.Equal(t, []string{event.ProductDeleted}, types(events))
	require.NoError(t, json.Unmarshal(events[0].Data, &document))
	require.Equal(t, true, document["deleted"])
	require.Equal(t, []any{"PAN-24", "PAN-28"}, document["skus"])

	s.Do(t, "DELETE", "/v1/categories/garden", nil, token, header("If-Match", "*"))
	require.Equal(t, []string{event.CategoryChanged}, types(emitted(t, s)))
}

func TestAPriceHoldsFromWhenItIsSet(t *testing.T) {
	t.Parallel()
	s := start(t)
	create1(t, s, `{"name":"A","status":"active","variants":[{"sku":"A","prices":[{"price":{"amount":1000,"currency":"USD"}},{"price":{"amount":900,"currency":"EUR"}}]}]}`)
	token := s.Bearer(t, write)
	set := func(body string, headers ...servicetest.Header) servicetest.Answer {
		return s.Do(t, "PUT", "/v1/variants/A/price", body, append(headers, token)...)
	}
	refused(t, set(`{"price":{"amount":500,"currency":"USD"}}`), 428)
	refused(t, set(`{"price":{"amount":500,"currency":"USD"}}`, header("If-Match", `"7"`)), 412)
	a := set(`{"price":{"amount":500,"currency":"USD"},"compare_at":{"amount":1000,"currency":"USD"}}`, header("If-Match", `"1"`))
	require.Equal(t, 200, a.Status, "%s", a.Body)
	d, _ := get(t, s, "/v1/products/a")
	require.EqualValues(t, 2, d.Version)
	require.EqualValues(t, 900, d.Variants[0].Prices[0].Price.Amount, "another currency keeps its price")
	require.EqualValues(t, 500, d.Variants[0].Prices[1].Price.Amount)
	item := list(t, s, "price_max=500").Items[0]
	require.EqualValues(t, 500, item.Price.Amount)
	require.EqualValues(t, 1000, item.CompareAt.Amount)
	require.EqualValues(t, 900, list(t, s, "currency=EUR").Items[0].Price.Amount)
	require.Nil(t, list(t, s, "currency=JPY").Items[0].Price)
	require.Contains(t, string(s.Do(t, "GET", "/v1/products?currency=JPY", nil).Body), `"price":null`)
	require.Equal(t, 200, set(`{"price":{"amount":500,"currency":"USD"},"compare_at":{"amount":1000,"currency":"USD"}}`, header("If-Match", `"2"`)).Status)
	d, _ = get(t, s, "/v1/products/a")
	require.EqualValues(t, 2, d.Version, "the same price changes nothing")
	_, told := refused(t, set(`{"price":{"amount":-5,"currency":"usd"},"compare_at":{"amount":1,"currency":"EUR"},"from":1}`, header("If-Match", "*")), 422)
	require.Contains(t, told, "/price/amount out_of_range")
	require.Contains(t, told, "/from unknown_field")
	refused(t, s.Do(t, "PUT", "/v1/variants/NOPE/price", `{"price":{"amount":5,"currency":"USD"}}`, token, header("If-Match", "*")), 404)

	var rows, open int
	require.NoError(t, s.DB.Owner(t).QueryRow(context.Background(), `select count(*), count(*) filter (where ends_at is null) from catalog.prices`).Scan(&rows, &open))
	require.Equal(t, []int{3, 2}, []int{rows, open}, "the old price stays, ended")
}

func TestPagesOfAResultGoByThePricesOfItsFirst(t *testing.T) {
	t.Parallel()
	s := start(t)
	imports(t, s, "products", "", []byte(`{"name":"a","status":"active","variants":[{"sku":"a","price":{"amount":100,"currency":"USD"}}]}
{"name":"b","status":"active","variants":[{"sku":"b","price":{"amount":200,"currency":"USD"}}]}
{"name":"c","status":"active","variants":[{"sku":"c","price":{"amount":300,"currency":"USD"}}]}`))
	first := list(t, s, "sort=price&limit=1&price_max=250")
	require.Equal(t, []string{"a"}, slugs(first))
	token := s.Bearer(t, write)
	require.Equal(t, 200, s.Do(t, "PUT", "/v1/variants/b/price", `{"price":{"amount":50,"currency":"USD"}}`, token, header("If-Match", "*")).Status)
	require.Equal(t, 200, s.Do(t, "PUT", "/v1/variants/c/price", `{"price":{"amount":60,"currency":"USD"}}`, token, header("If-Match", "*")).Status)
	second := list(t, s, "sort=price&limit=1&price_max=250&cursor="+*first.NextCursor)
	require.Equal(t, []string{"b"}, slugs(second))
	require.EqualValues(t, 200, second.Items[0].Price.Amount)
	require.Nil(t, second.NextCursor)
	require.Equal(t, []string{"b", "c", "a"}, pages(t, s, "sort=price&limit=1&price_max=250"))
}

func TestTheRolesOfTheDatabaseHoldTheLine(t *testing.T) {
	t.Parallel()
	s := start(t)
	create1(t, s, `{"name":"A","status":"active","variants":[{"sku":"A","price":{"amount":1000,"currency":"USD"}}]}`)
	ctx := context.Background()
	refusedBy := func(role, sql, code string) {
		_, err := s.DB.Pool(t, role).Exec(ctx, sql)
		var pg *pgconn.PgError
		require.ErrorAs(t, err, &pg, sql)
		require.Equal(t, code, pg.Code, "%s: %s", sql, pg.Message)
	}
	const denied, overlap, check = "42501", "23P01", "23514"
	for _, sql := range []string{
		`update catalog.prices set amount = 1`, `update catalog.prices set starts_at = now()`, `delete from catalog.prices`,
		`delete from catalog.variants`, `delete from catalog.products`, `select * from inventory.levels`, `delete from events.outbox`, `drop table catalog.terms`,
	} {
		refusedBy("catalog", sql, denied)
	}
	for _, role := range []string{"inventory", "events"} {
		refusedBy(role, `select * from catalog.products`, denied)
		var sellable bool
		var prices string
		row := s.DB.Pool(t, role).QueryRow(ctx, `select sellable, prices::text from catalog.offers where sku = 'A'`)
		require.NoError(t, row.Scan(&sellable, &prices))
		require.True(t, sellable)
		require.JSONEq(t, `{"USD":{"amount":1000,"compare_at":null}}`, prices)
	}
	refusedBy("inventory", `select * from catalog.product_documents`, denied)
	insert := `insert into catalog.prices (id, variant_id, currency, kind, amount, starts_at) select gen_random_uuid(), variant_id, %s, now() from catalog.prices`
	refusedBy("catalog", fmt.Sprintf(insert, `'USD', 'base', 1`), overlap)
	refusedBy("catalog", fmt.Sprintf(insert, `'EUR', 'base', -1`), check)
	refusedBy("catalog", fmt.Sprintf(insert, `'EUR', 'gift', 1`), check)
}
