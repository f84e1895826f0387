package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/price"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

// pass lets time go by for all prices: what is kept of them begins and ends so
// much earlier.
func pass(t testing.TB, s *servicetest.Server, d time.Duration) {
	t.Helper()
	owner := s.DB.Owner(t)
	for _, sql := range []string{agePricesSQL, strings.ReplaceAll(agePackedSQL, "listed_", "listed_products"),
		strings.ReplaceAll(agePackedSQL, "listed_", "listed_categories"), agePagesSQL} {
		_, err := owner.Exec(context.Background(), fmt.Sprintf(sql, int64(d/time.Second)))
		require.NoError(t, err)
	}
}

// One after the other, or a price would meet the next one on its way.
const agePricesSQL = `
do $$
declare p record;
begin
	for p in select id from catalog.prices order by starts_at, ends_at loop
		update catalog.prices
		set starts_at = starts_at - interval '%[1]d seconds', ends_at = ends_at - interval '%[1]d seconds',
			cancelled_at = cancelled_at - interval '%[1]d seconds'
		where id = p.id;
	end loop;
end $$`

// Offers are behind facts, numbers and options, 29 bytes each.
const agePackedSQL = `
update catalog.listed_ l
set packed = (
	select substr(l.packed, 1, c.start) || coalesce((
		select string_agg(substr(o.o, 1, 13) || (
			select string_agg(int8send(case when t.us = 9223372036854775807 then t.us else t.us - %[1]d::bigint * 1000000 end), ''::bytea order by t.at)
			from (
				select at, ('x' || encode(substr(o.o, at, 8), 'hex'))::bit(64)::bigint as us
				from unnest(array[14, 22]) as a (at)
			) t), ''::bytea order by o.n)
		from (select n, substr(l.packed, c.start + 29 * n + 1, 29) as o from generate_series(0, c.offers - 1) as s (n)) o), '')
		|| substr(l.packed, c.start + 29 * c.offers + 1)
	from (
		select 41 + (sum(n.n * n.size))::int, (max(n.n) filter (where n.size = 0))::int
		from (
			select ('x' || encode(substr(l.packed, c.at, 4), 'hex'))::bit(32)::int as n, c.size
			from (values (26, 8), (30, 16), (34, 10), (38, 0)) as c (at, size)) n
	) as c (start, offers))`

const agePagesSQL = `
update catalog.product_pages g
set prices = coalesce((
	select string_agg(concat_ws(' ', f.f[1], f.f[2], f.f[3], f.f[4], f.f[5]::bigint - %[1]d::bigint * 1000000,
		case when f.f[6] = '-' then '-' else (f.f[6]::bigint - %[1]d::bigint * 1000000)::text end) || E'\n', '' order by l.n)
	from string_to_table(rtrim(g.prices, E'\n'), E'\n') with ordinality as l (line, n)
	cross join lateral (select string_to_array(l.line, ' ') as f) f), '')`

func usd(amount int) string { return fmt.Sprintf(`{"amount":%d,"currency":"USD"}`, amount) }

// sell begins or schedules a sale of A.
func sell(t testing.TB, s *servicetest.Server, body string) price.Record {
	t.Helper()
	a := s.Do(t, "POST", "/v1/variants/A/sales", body, s.Bearer(t, write))
	require.Equal(t, 201, a.Status, "%s", a.Body)
	var r price.Record
	a.JSON(t, &r)
	require.Equal(t, "/v1/variants/A/sales/"+r.ID.String(), a.Header.Get("Location"))
	return r
}

type history struct {
	Items      []price.Record
	NextCursor *string `json:"next_cursor"`
	Effective  []price.Paid
	Lowest     []price.Lowest `json:"lowest_30d"`
}

func prices(t testing.TB, s *servicetest.Server, sku, query string, headers ...servicetest.Header) history {
	t.Helper()
	a := s.Do(t, "GET", "/v1/variants/"+sku+"/prices?"+query, nil, headers...)
	require.Equal(t, 200, a.Status, "%s", a.Body)
	var h history
	a.JSON(t, &h)
	return h
}

func in(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339Nano) }

// costs is what everything that tells a price says A costs in USD:
// amount and what it is compared with, 0 for nothing.
func costs(t testing.TB, s *servicetest.Server, d product.Document) [2]int64 {
	t.Helper()
	said := map[string][2]int64{}
	note := func(where string, v product.Variant) {
		said[where] = [2]int64{}
		for _, p := range v.AllPrices() {
			if p.Price.Currency == "USD" && p.CompareAt != nil {
				said[where] = [2]int64{p.Price.Amount, p.CompareAt.Amount}
			} else if p.Price.Currency == "USD" {
				said[where] = [2]int64{p.Price.Amount}
			}
		}
	}
	find := func(where string, d product.Document) {
		for _, v := range d.Variants {
			if v.SKU == "A" {
				note(where, v)
			}
		}
	}
	reader := s.Bearer(t, drafts)
	page, _ := get(t, s, "/v1/products/"+d.Slug)
	find("the page", page)
	parts, _ := get(t, s, "/v1/products/"+d.Slug, reader)
	find("the document", parts)
	var v product.Variant
	s.Do(t, "GET", "/v1/variants/A", nil).JSON(t, &v)
	note("the variant", v)
	for _, item := range list(t, s, "limit=100").Items {
		if item.Slug == d.Slug && len(d.Variants) == 1 {
			find("the list's document", item.Document)
			said["the list"] = [2]int64{}
			if item.Price != nil {
				said["the list"] = [2]int64{item.Price.Amount}
			}
			if item.CompareAt != nil {
				said["the list"] = [2]int64{item.Price.Amount, item.CompareAt.Amount}
			}
		}
	}
	said["the history"] = [2]int64{}
	for _, p := range prices(t, s, "A", "currency=USD").Effective {
		note("the history", product.Variant{Prices: []price.Price{p.Price}})
	}
	var offer struct {
		USD struct {
			Amount    int64
			CompareAt int64 `json:"compare_at"`
		}
	}
	var text string
	require.NoError(t, s.DB.Pool(t, "inventory").QueryRow(context.Background(), `select prices::text from catalog.offers where sku = 'A'`).Scan(&text))
	require.NoError(t, json.Unmarshal([]byte(text), &offer))
	said["the offer"] = [2]int64{offer.USD.Amount, offer.USD.CompareAt}
	for where, c := range said {
		require.Equal(t, said["the document"], c, "%s says another price: %v", where, said)
	}
	return said["the document"]
}

func TestASaleGoesBeforeTheBasePriceWhileItHolds(t *testing.T) {
	t.Parallel()
	s := start(t)
	d := create1(t, s, `{"name":"A","status":"active","variants":[{"sku":"A","price":`+usd(1000)+`}]}`)
	require.Equal(t, [2]int64{1000, 0}, costs(t, s, d))
	sell(t, s, `{"price":`+usd(700)+`,"starts_at":"`+in(time.Hour)+`","ends_at":"`+in(3*time.Hour)+`"}`)
	require.Equal(t, [2]int64{1000, 0}, costs(t, s, d), "not yet")
	pass(t, s, 2*time.Hour)
	require.Equal(t, [2]int64{700, 1000}, costs(t, s, d), "it began while nobody did anything")
	require.Equal(t, []string{"a"}, slugs(list(t, s, "price_max=700")))
	require.Empty(t, slugs(list(t, s, "price_min=701")))
	pass(t, s, 2*time.Hour)
	require.Equal(t, [2]int64{1000, 0}, costs(t, s, d), "it ended while nobody did anything")
	require.Empty(t, slugs(list(t, s, "price_max=999")))
	sell(t, s, `{"price":`+usd(600)+`,"compare_at":`+usd(2000)+`}`)
	require.Equal(t, [2]int64{600, 2000}, costs(t, s, d), "compared with what it names")
	token := s.Bearer(t, write)
	require.Equal(t, 200, s.Do(t, "PUT", "/v1/variants/A/price", `{"price":`+usd(500)+`}`, token, header("If-Match", "*")).Status)
	require.Equal(t, [2]int64{600, 2000}, costs(t, s, d), "a base price does not end a sale")
}

func TestAProductThatIsWrittenDuringASaleKeepsBothPrices(t *testing.T) {
	t.Parallel()
	s := start(t)
	row := `{"external_id":"x","slug":"a","name":"A","status":"active","variants":[{"sku":"A","price":` + usd(1000) + `}]}`
	imports(t, s, "products", "", []byte(row))
	d, _ := get(t, s, "/v1/products/a")
	sale := sell(t, s, `{"price":`+usd(700)+`,"ends_at":"`+in(time.Hour)+`"}`)
	_, sum := imports(t, s, "products", "", []byte(row))
	require.Equal(t, 1, sum.Unchanged, "a document speaks of base prices")
	token := s.Bearer(t, write)
	read, a := get(t, s, "/v1/products/a")
	require.EqualValues(t, 700, read.Variants[0].Price.Amount)
	require.Equal(t, 200, s.Do(t, "PUT", "/v1/products/a", a.Body, token, header("If-Match", "*")).Status)
	again, _ := get(t, s, "/v1/products/a")
	require.Equal(t, read, again, "what was read may be written back and changes nothing")
	for _, edit := range [][3]string{
		{"PATCH", "/v1/products/a", `{"name":"B"}`},
		{"PATCH", "/v1/variants/A", `{"mpn":"M"}`},
		{"POST", "/v1/products/a/variants", `{"sku":"B"}`},
		{"DELETE", "/v1/variants/B", ``},
	} {
		answer := s.Do(t, edit[0], edit[1], edit[2], token, header("If-Match", "*"))
		require.Less(t, answer.Status, 300, "%s", answer.Body)
		require.Equal(t, [2]int64{700, 1000}, costs(t, s, d), "%v", edit)
	}
	require.Equal(t, 204, s.Do(t, "DELETE", "/v1/variants/A/sales/"+sale.ID.String(), nil, token, header("If-Match", "*")).Status)
	require.Equal(t, [2]int64{1000, 0}, costs(t, s, d), "the base price is what it was")
	var bases int
	require.NoError(t, s.DB.Owner(t).QueryRow(context.Background(), `select count(*) from catalog.prices where kind = 'base'`).Scan(&bases))
	require.Equal(t, 1, bases)
}

func TestADocumentThatNamesAnotherPriceDuringASaleSetsTheBasePrice(t *testing.T) {
	t.Parallel()
	s := start(t)
	d := create1(t, s, `{"name":"A","status":"active","variants":[{"sku":"A","price":`+usd(1000)+`}]}`)
	sell(t, s, `{"price":`+usd(700)+`,"ends_at":"`+in(time.Hour)+`"}`)
	a := s.Do(t, "PUT", "/v1/products/a", `{"name":"A","status":"active","variants":[{"sku":"A","price":`+usd(900)+`}]}`, s.Bearer(t, write), header("If-Match", "*"))
	require.Equal(t, 200, a.Status, "%s", a.Body)
	require.Equal(t, [2]int64{700, 900}, costs(t, s, d))
	pass(t, s, 2*time.Hour)
	require.Equal(t, [2]int64{900, 0}, costs(t, s, d))
}

func TestABasePriceThatIsScheduledHoldsFromThenUntilTheNext(t *testing.T) {
	t.Parallel()
	s := start(t)
	d := create1(t, s, `{"name":"A","status":"active","variants":[{"sku":"A","price":`+usd(1000)+`}]}`)
	token, reader := s.Bearer(t, write), s.Bearer(t, drafts)
	set := func(body string) servicetest.Answer {
		return s.Do(t, "PUT", "/v1/variants/A/price", body, token, header("If-Match", "*"))
	}
	first, second := in(10*time.Hour), in(20*time.Hour)
	require.Equal(t, 200, set(`{"price":`+usd(1100)+`,"starts_at":"`+second+`"}`).Status)
	require.Equal(t, 200, set(`{"price":`+usd(1050)+`,"starts_at":"`+first+`"}`).Status)
	read, _ := get(t, s, "/v1/products/a")
	require.EqualValues(t, 3, read.Version)
	require.Equal(t, 200, set(`{"price":`+usd(1050)+`,"starts_at":"`+first+`"}`).Status)
	read, _ = get(t, s, "/v1/products/a")
	require.EqualValues(t, 3, read.Version, "the same again changes nothing")
	require.Equal(t, 200, set(`{"price":`+usd(1060)+`,"starts_at":"`+first+`"}`).Status, "what has not begun may be replaced")
	_, told := refused(t, set(`{"price":`+usd(1)+`,"starts_at":"`+in(-time.Hour)+`"}`), 422)
	require.Equal(t, []string{"/starts_at in_past"}, told)

	h := prices(t, s, "A", "", reader)
	require.Len(t, h.Items, 4)
	require.Equal(t, []int64{1100, 1060, 1050, 1000}, amounts(h.Items))
	require.NotNil(t, h.Items[2].CancelledAt, "what was replaced never holds")
	require.Nil(t, h.Items[0].EndsAt)
	require.Equal(t, h.Items[0].StartsAt, *h.Items[1].EndsAt)
	require.Equal(t, h.Items[1].StartsAt, *h.Items[3].EndsAt)
	visitor := prices(t, s, "A", "")
	require.Equal(t, []int64{1000}, amounts(visitor.Items), "what is planned is not told to all")
	require.Nil(t, visitor.Items[0].EndsAt, "nor that there is a plan")
	require.EqualValues(t, 1060, prices(t, s, "A", "at="+in(15*time.Hour), reader).Effective[0].Price.Price.Amount)
	_, told = refused(t, s.Do(t, "GET", "/v1/variants/A/prices?at="+in(15*time.Hour), nil), 422)
	require.Equal(t, []string{"/at out_of_range"}, told)

	withdraw := func(r price.Record, status int) servicetest.Answer {
		a := s.Do(t, "DELETE", "/v1/variants/A/prices/"+r.ID.String(), nil, token, header("If-Match", "*"))
		require.Equal(t, status, a.Status, "%s", a.Body)
		return a
	}
	withdraw(h.Items[1], 204)
	code, _ := refused(t, withdraw(h.Items[1], 409), 409)
	require.Equal(t, "cancelled", code)
	code, _ = refused(t, withdraw(h.Items[3], 409), 409)
	require.Equal(t, "begun", code)
	pass(t, s, 15*time.Hour)
	require.Equal(t, [2]int64{1000, 0}, costs(t, s, d), "the one before holds on")
	pass(t, s, 10*time.Hour)
	require.Equal(t, [2]int64{1100, 0}, costs(t, s, d))
	require.Equal(t, 200, set(`{"price":`+usd(1200)+`}`).Status)
	require.Equal(t, [2]int64{1200, 0}, costs(t, s, d))
}

func amounts(list []price.Record) []int64 {
	var all []int64
	for _, r := range list {
		all = append(all, r.Price.Price.Amount)
	}
	return all
}

func TestSalesNeverOverlapAndAreWithdrawnOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	create1(t, s, `{"name":"A","status":"active","variants":[{"sku":"A","price":`+usd(1000)+`},{"sku":"B"}]}`)
	token := s.Bearer(t, write)
	post := func(body string, headers ...servicetest.Header) servicetest.Answer {
		return s.Do(t, "POST", "/v1/variants/A/sales", body, append(headers, token)...)
	}
	running := sell(t, s, `{"price":`+usd(700)+`,"ends_at":"`+in(2*time.Hour)+`"}`)
	later := sell(t, s, `{"price":`+usd(600)+`,"starts_at":"`+in(5*time.Hour)+`"}`)
	for _, body := range []string{
		`{"price":` + usd(700) + `}`, `{"price":` + usd(1) + `,"ends_at":"` + in(time.Minute) + `"}`, `{"price":` + usd(1) + `,"starts_at":"` + in(9*time.Hour) + `"}`,
		`{"price":` + usd(1) + `,"starts_at":"` + in(3*time.Hour) + `","ends_at":"` + in(6*time.Hour) + `"}`,
	} {
		code, _ := refused(t, post(body), 409)
		require.Equal(t, "sale_overlap", code, body)
	}
	sell(t, s, `{"price":{"amount":1,"currency":"EUR"}}`)
	sell(t, s, `{"price":`+usd(650)+`,"starts_at":"`+in(3*time.Hour)+`","ends_at":"`+in(4*time.Hour)+`"}`)
	_, told := refused(t, post(`{"price":{"amount":-1,"currency":"XAU"},"compare_at":{"amount":1,"currency":"USD"},"starts_at":"`+in(2*time.Hour)+`","ends_at":"`+in(time.Hour)+`","x":1}`), 422)
	require.ElementsMatch(t, []string{"/price/amount out_of_range", "/price/currency unknown_currency", "/compare_at/currency other_currency", "/ends_at out_of_range", "/x unknown_field"}, told)
	_, told = refused(t, post(`{"price":`+usd(1)+`,"starts_at":"`+in(-time.Second)+`"}`), 422)
	require.Equal(t, []string{"/starts_at in_past"}, told)
	_, told = refused(t, post(`{"price":`+usd(1)+`,"ends_at":"`+in(-time.Second)+`"}`), 422)
	require.Equal(t, []string{"/ends_at out_of_range"}, told)
	refused(t, post(`{"price":`+usd(1)+`}`, header("If-Match", `"1"`)), 412)
	refused(t, s.Do(t, "POST", "/v1/variants/NONE/sales", `{"price":`+usd(1)+`}`, token), 404)

	withdraw := func(sku string, id uuid.UUID, headers ...servicetest.Header) servicetest.Answer {
		return s.Do(t, "DELETE", "/v1/variants/"+sku+"/sales/"+id.String(), nil, append(headers, token)...)
	}
	every := header("If-Match", "*")
	refused(t, withdraw("A", running.ID), 428)
	refused(t, withdraw("A", running.ID, header("If-Match", `"1"`)), 412)
	refused(t, withdraw("A", uuid.New(), every), 404)
	refused(t, withdraw("B", running.ID, every), 404)
	for id, code := range map[uuid.UUID]string{running.ID: "over", later.ID: "cancelled"} {
		require.Equal(t, 204, withdraw("A", id, every).Status)
		again, _ := refused(t, withdraw("A", id, every), 409)
		require.Equal(t, code, again)
	}
	base := prices(t, s, "A", "currency=USD", s.Bearer(t, drafts)).Items
	refused(t, withdraw("A", base[len(base)-1].ID, every), 404)
	sell(t, s, `{"price":`+usd(500)+`,"ends_at":"`+in(time.Hour)+`"}`)
}

func TestTwoSalesAtOnceAreOne(t *testing.T) {
	t.Parallel()
	s := start(t)
	create1(t, s, `{"name":"A","status":"active","variants":[{"sku":"A","price":`+usd(1000)+`}]}`)
	for round := range 5 {
		var mu sync.Mutex
		var statuses []int
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				body := fmt.Sprintf(`{"price":%s,"starts_at":"%s","ends_at":"%s"}`, usd(i+1), in(time.Duration(10*round+10)*time.Hour), in(time.Duration(10*round+15)*time.Hour))
				a := s.Do(t, "POST", "/v1/variants/A/sales", body, s.Bearer(t, write))
				mu.Lock()
				defer mu.Unlock()
				statuses = append(statuses, a.Status)
			})
		}
		wg.Wait()
		require.ElementsMatch(t, []int{201, 409, 409, 409, 409, 409}, statuses)
	}
}

func TestARepeatedSaleWithItsKeyIsOne(t *testing.T) {
	t.Parallel()
	s := start(t)
	create1(t, s, `{"name":"A","status":"active","variants":[{"sku":"A","price":`+usd(1000)+`},{"sku":"B","price":`+usd(1000)+`}]}`)
	token, key := s.Bearer(t, write), header("Idempotency-Key", "k")
	a := s.Do(t, "POST", "/v1/variants/A/sales", `{"price":`+usd(700)+`}`, token, key)
	b := s.Do(t, "POST", "/v1/variants/A/sales", `{"price":`+usd(700)+`}`, token, key)
	require.Equal(t, []int{201, 201}, []int{a.Status, b.Status})
	require.JSONEq(t, string(a.Body), string(b.Body))
	require.Equal(t, a.Header.Get("ETag"), b.Header.Get("ETag"))
	refused(t, s.Do(t, "POST", "/v1/variants/B/sales", `{"price":`+usd(700)+`}`, token, key), 422)
	require.Len(t, prices(t, s, "A", "").Items, 2)
}

func TestEveryPriceTellsOfItselfWithItsRange(t *testing.T) {
	t.Parallel()
	s := start(t)
	create1(t, s, `{"name":"A","status":"active","variants":[{"sku":"A","price":`+usd(1000)+`}]}`)
	emitted(t, s)
	token, every := s.Bearer(t, write), header("If-Match", "*")
	told := func() []event.PriceData {
		var list []event.PriceData
		states := 0
		for _, e := range emitted(t, s) {
			if e.Type != event.PriceChanged {
				states++
				require.Equal(t, event.ProductUpdated, e.Type)
				continue
			}
			var p event.PriceData
			require.NoError(t, json.Unmarshal(e.Data, &p))
			require.Equal(t, "A", e.Subject)
			list = append(list, p)
		}
		require.Equal(t, 1, states, "the product's state is told each time")
		return list
	}
	sale := sell(t, s, `{"price":`+usd(700)+`,"ends_at":"`+in(time.Hour)+`"}`)
	p := told()
	require.Len(t, p, 1)
	require.Equal(t, "sale", p[0].Kind)
	require.Equal(t, sale.StartsAt, p[0].StartsAt)
	require.Equal(t, sale.EndsAt, p[0].EndsAt)
	require.Equal(t, 204, s.Do(t, "DELETE", "/v1/variants/A/sales/"+sale.ID.String(), nil, token, every).Status)
	p = told()
	require.Len(t, p, 1)
	require.True(t, p[0].EndsAt.Before(*sale.EndsAt))
	require.Nil(t, p[0].CancelledAt)
	require.Equal(t, 200, s.Do(t, "PUT", "/v1/variants/A/price", `{"price":`+usd(900)+`,"starts_at":"`+in(time.Hour)+`"}`, token, every).Status)
	p = told()
	require.Len(t, p, 1)
	require.True(t, p[0].StartsAt.After(time.Now()))
	planned := prices(t, s, "A", "", s.Bearer(t, drafts)).Items[0]
	require.Equal(t, 204, s.Do(t, "DELETE", "/v1/variants/A/prices/"+planned.ID.String(), nil, token, every).Status)
	p = told()
	require.Len(t, p, 2, "the cancelled one, and the one that holds on instead")
	require.NotNil(t, p[0].CancelledAt)
	require.EqualValues(t, 1000, p[1].Price.Amount)
	require.Nil(t, p[1].EndsAt)
}

func TestTheHistoryOfPricesIsReadInPages(t *testing.T) {
	t.Parallel()
	s := start(t)
	create1(t, s, `{"name":"A","status":"active","variants":[{"sku":"A","prices":[{"price":`+usd(1)+`},{"price":{"amount":1,"currency":"EUR"}}]}]}`)
	token := s.Bearer(t, write)
	for i := 2; i <= 7; i++ {
		require.Equal(t, 200, s.Do(t, "PUT", "/v1/variants/A/price", `{"price":`+usd(i)+`}`, token, header("If-Match", "*")).Status)
	}
	var seen []int64
	query := "currency=USD&limit=3"
	h := prices(t, s, "A", query)
	for {
		seen = append(seen, amounts(h.Items)...)
		if h.NextCursor == nil {
			break
		}
		sell(t, s, fmt.Sprintf(`{"price":%s,"starts_at":"%s","ends_at":"%s"}`, usd(99), in(time.Duration(len(seen))*time.Hour), in(time.Duration(len(seen))*time.Hour+time.Minute)))
		h = prices(t, s, "A", query+"&cursor="+*h.NextCursor)
	}
	require.Equal(t, []int64{7, 6, 5, 4, 3, 2, 1}, seen)
	first := prices(t, s, "A", query)
	code, _ := refused(t, s.Do(t, "GET", "/v1/variants/A/prices?limit=3&cursor="+*first.NextCursor, nil), 400)
	require.Equal(t, "bad_cursor", code)
	require.Len(t, prices(t, s, "A", "").Effective, 2, "one for each currency")

	then := prices(t, s, "A", "currency=USD").Items[3]
	at := then.StartsAt.Format(time.RFC3339Nano)
	h = prices(t, s, "A", "currency=USD&at="+at)
	require.Equal(t, []int64{4}, amounts(h.Items), "what held at that moment, its first included")
	require.EqualValues(t, 4, h.Effective[0].Price.Price.Amount)
	refused(t, s.Do(t, "GET", "/v1/variants/A/prices?at=yesterday", nil), 422)
	refused(t, s.Do(t, "GET", "/v1/variants/A/prices?currency=usd", nil), 422)
	create1(t, s, `{"name":"Draft","variants":[{"sku":"D","price":`+usd(1)+`}]}`)
	refused(t, s.Do(t, "GET", "/v1/variants/D/prices", nil), 404)
	require.Len(t, prices(t, s, "D", "", s.Bearer(t, drafts)).Items, 1)
}

func TestTheLowestPriceIsOfThe30DaysBeforeTheSale(t *testing.T) {
	t.Parallel()
	s := start(t)
	create1(t, s, `{"name":"A","status":"active","variants":[{"sku":"A","price":`+usd(500)+`}]}`)
	token := s.Bearer(t, write)
	set := func(amount int) {
		require.Equal(t, 200, s.Do(t, "PUT", "/v1/variants/A/price", `{"price":`+usd(amount)+`}`, token, header("If-Match", "*")).Status)
	}
	lowest := func() int64 {
		h := prices(t, s, "A", "currency=USD")
		require.Len(t, h.Lowest, 1)
		return h.Lowest[0].Price.Amount
	}
	const day = 24 * time.Hour
	pass(t, s, 5*day)
	set(1000)
	require.EqualValues(t, 500, lowest(), "no sale: the last 30 days")
	pass(t, s, 28*day)
	sale := sell(t, s, `{"price":`+usd(400)+`}`)
	h := prices(t, s, "A", "currency=USD")
	require.EqualValues(t, 500, h.Lowest[0].Price.Amount, "held until 28 days before the sale")
	require.Equal(t, sale.StartsAt, h.Lowest[0].Before)
	pass(t, s, 10*day)
	require.EqualValues(t, 500, lowest(), "the 30 days end with the sale's start, however long it runs")
	require.Equal(t, 204, s.Do(t, "DELETE", "/v1/variants/A/sales/"+sale.ID.String(), nil, token, header("If-Match", "*")).Status)
	require.EqualValues(t, 400, lowest(), "the sale was paid within the last 30 days")
	pass(t, s, 5*day)
	sale = sell(t, s, `{"price":`+usd(300)+`}`)
	require.EqualValues(t, 400, lowest(), "a sale before counts")
	pass(t, s, 40*day)
	set(200)
	pass(t, s, day)
	set(1000)
	require.EqualValues(t, 400, lowest())
	require.Equal(t, 204, s.Do(t, "DELETE", "/v1/variants/A/sales/"+sale.ID.String(), nil, token, header("If-Match", "*")).Status)
	require.EqualValues(t, 300, lowest(), "a base price that a sale hid was never paid")
}

func TestPricesAreImportedAndARerunSaysUnchanged(t *testing.T) {
	t.Parallel()
	s := start(t)
	d := create1(t, s, `{"name":"A","status":"active","variants":[{"sku":"A","price":`+usd(1000)+`}]}`)
	create1(t, s, `{"name":"B","status":"active","variants":[{"sku":"B"}]}`)
	begin := time.Now().UTC().Add(time.Hour).Truncate(time.Microsecond)
	from, until := begin.Format(time.RFC3339Nano), begin.Add(8*time.Hour).Format(time.RFC3339Nano)
	rows := strings.Join([]string{
		`{"sku":"A","price":` + usd(900) + `}`,
		`{"sku":"A","price":{"amount":150000,"currency":"JPY"}}`,
		`{"sku":"A","kind":"sale","price":` + usd(700) + `,"starts_at":"` + from + `","ends_at":"` + until + `"}`,
		`{"sku":"A","kind":"sale","price":` + usd(1) + `,"starts_at":"` + in(2*time.Hour) + `"}`,
		`{"sku":"A","price":` + usd(950) + `,"starts_at":"` + from + `"}`,
		`{"sku":"B","kind":"sale","price":` + usd(5) + `,"ends_at":"` + until + `"}`,
		`{"sku":"NONE","price":` + usd(5) + `}`,
		`{"sku":"B","kind":"gift","price":{"amount":1,"currency":"XXX"},"ends_at":"` + until + `"}`,
		`{"sku":"B","price":` + usd(1) + `,"ends_at":"` + until + `"}`,
		`{"sku":"B","price":` + usd(1) + `,"starts_at":"` + in(-time.Hour) + `"}`,
		`{`,
	}, "\n")
	want := []string{
		"1 A updated", "2 A created", "3 A created", "4 A failed", "5 A updated", "6 B created",
		"7 NONE failed", "8 B failed", "9 B failed", "10 B failed", "11  failed",
	}
	dry, _ := imports(t, s, "prices", "?dry_run=true", []byte(rows))
	require.Equal(t, want, outcomes(dry))
	require.Equal(t, [2]int64{1000, 0}, costs(t, s, d))
	wet, sum := imports(t, s, "prices", "", []byte(rows))
	require.Equal(t, want, outcomes(wet))
	require.Equal(t, 6, sum.Failed)
	require.Equal(t, "sale_overlap", wet[3].Errors[0].Code)
	require.Equal(t, "/sku", wet[6].Errors[0].Pointer)
	require.Equal(t, "/ends_at", wet[8].Errors[0].Pointer)
	require.Equal(t, [2]int64{900, 0}, costs(t, s, d))
	emitted(t, s)
	read, _ := get(t, s, "/v1/products/a")
	_, sum = imports(t, s, "prices", "", []byte(rows))
	require.Equal(t, []int{0, 0, 5}, []int{sum.Created, sum.Updated, sum.Unchanged})
	again, _ := get(t, s, "/v1/products/a")
	require.Equal(t, read.Version, again.Version)
	require.Empty(t, emitted(t, s), "what did not change is not told")
	pass(t, s, 2*time.Hour)
	require.Equal(t, [2]int64{700, 950}, costs(t, s, d))
	pass(t, s, 10*time.Hour)
	require.Equal(t, [2]int64{950, 0}, costs(t, s, d))
	pass(t, s, 10*24*time.Hour)
	begin = begin.Add(-(2*time.Hour + 10*time.Hour + 10*24*time.Hour))
	from, until = begin.Format(time.RFC3339Nano), begin.Add(8*time.Hour).Format(time.RFC3339Nano)
	_, sum = imports(t, s, "prices", "", []byte(`{"sku":"A","kind":"sale","price":`+usd(700)+`,"starts_at":"`+from+`","ends_at":"`+until+`"}
{"sku":"A","price":`+usd(950)+`,"starts_at":"`+from+`"}`))
	require.Equal(t, 2, sum.Unchanged, "what is over long since was done, too")
}

func TestPricesThatChangeAtOnceAreToldAlike(t *testing.T) {
	t.Parallel()
	s := start(t)
	d := create1(t, s, `{"name":"A","slug":"a","status":"active","variants":[{"sku":"A","price":`+usd(1000)+`}]}`)
	token, every := s.Bearer(t, write), header("If-Match", "*")
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for n := range 5 {
				var a servicetest.Answer
				switch (i + n) % 4 {
				case 0:
					a = s.Do(t, "PUT", "/v1/variants/A/price", `{"price":`+usd(100*i+n)+`}`, token, every)
				case 1:
					a = s.Do(t, "POST", "/v1/variants/A/sales", `{"price":`+usd(10*i+n)+`,"ends_at":"`+in(time.Hour)+`"}`, token)
				case 2:
					a = s.Do(t, "PUT", "/v1/products/a", `{"name":"A","status":"active","variants":[{"sku":"A","price":`+usd(1000*i+n+1)+`}]}`, token, every)
				case 3:
					for _, p := range prices(t, s, "A", "currency=USD").Effective {
						a = s.Do(t, "DELETE", "/v1/variants/A/sales/"+p.ID.String(), nil, token, every)
					}
				}
				if !slices.Contains([]int{200, 201, 204, 404, 409}, a.Status) {
					t.Errorf("%d: %s", a.Status, a.Body)
				}
			}
		})
	}
	wg.Wait()
	costs(t, s, d)
	require.Equal(t, 200, s.Do(t, "PUT", "/v1/variants/A/price", `{"price":`+usd(7777)+`}`, token, every).Status)
	pass(t, s, 2*time.Hour)
	require.Equal(t, [2]int64{7777, 0}, costs(t, s, d), "sales are over, and no base price was lost")
}

func TestMoneyKeepsToTheExponentOfItsCurrency(t *testing.T) {
	t.Parallel()
	s := start(t)
	create1(t, s, `{"name":"A","status":"active","variants":[{"sku":"A","prices":[
		{"price":{"amount":1999,"currency":"JPY"}},{"price":{"amount":1999,"currency":"KWD"}},{"price":{"amount":1000000000000000,"currency":"USD"}}]}]}`)
	d, _ := get(t, s, "/v1/products/a")
	said := map[string]string{}
	for _, p := range d.Variants[0].Prices {
		said[p.Price.Currency] = p.Price.Decimal()
	}
	require.Equal(t, map[string]string{"JPY": "1999", "KWD": "1.999", "USD": "10000000000000.00"}, said)
	for _, wrong := range []string{
		`{"amount":19.99,"currency":"USD"}`, `{"amount":1000000000000001,"currency":"USD"}`, `{"amount":1,"currency":"XXX"}`,
		`{"amount":1,"currency":"DEM"}`, `{"amount":"1","currency":"USD"}`, `{"amount":1}`,
	} {
		a := s.Do(t, http.MethodPut, "/v1/variants/A/price", `{"price":`+wrong+`}`, s.Bearer(t, write), header("If-Match", "*"))
		require.Equal(t, 422, a.Status, wrong)
	}
}

func TestWhatAVariantCostsIsFoundWithoutWalkingThroughItsPast(t *testing.T) {
	t.Parallel()
	s := start(t)
	d := create1(t, s, `{"name":"A","status":"active","variants":[{"sku":"A","price":`+usd(1)+`}]}`)
	owner := s.DB.Owner(t)
	for _, sql := range []string{
		`insert into catalog.prices (id, variant_id, currency, kind, amount, starts_at, ends_at)
		select gen_random_uuid(), v.id, 'USD', 'base', i, now() - interval '1 day' - i * interval '1 minute', now() - interval '1 day' - (i - 1) * interval '1 minute'
		from generate_series(1, 3000) i, catalog.variants v`,
		`analyze catalog.prices`,
	} {
		_, err := owner.Exec(context.Background(), sql)
		require.NoError(t, err)
	}
	for _, sql := range []string{
		`select prices from catalog.offers where sku = 'A'`,
		`select document from catalog.product_documents where product_id = '` + d.ID.String() + `'`,
	} {
		var plan string
		require.NoError(t, owner.QueryRow(context.Background(), `explain (analyze, format json) `+sql).Scan(&plan))
		require.Contains(t, plan, `"Index Name": "prices_held"`, plan)
		require.NotContains(t, plan, `"Rows Removed by Filter": 3000`)
	}
	require.Len(t, prices(t, s, "A", "limit=100").Items, 100)
}

func TestPricesOfOneProductAreImportedInSeveralSets(t *testing.T) {
	t.Parallel()
	s := start(t)
	var variants, rows strings.Builder
	const many = 450
	for i := range many {
		fmt.Fprintf(&variants, `,{"sku":"V%d","options":{"n":"%d"},"price":%s}`, i, i, usd(1000))
		fmt.Fprintf(&rows, `{"sku":"V%d","price":%s}`+"\n", i, usd(500+i))
	}
	create1(t, s, `{"name":"A","status":"active","options":["n"],"variants":[`+variants.String()[1:]+`]}`)
	_, sum := imports(t, s, "prices", "", []byte(rows.String()))
	require.Equal(t, many, sum.Updated)
	d, _ := get(t, s, "/v1/products/a")
	for i, v := range d.Variants {
		require.EqualValues(t, 500+i, v.Price.Amount)
	}
	require.Equal(t, []string{"a"}, slugs(list(t, s, fmt.Sprintf("price_min=%d", 500+many-1))))
	_, sum = imports(t, s, "prices", "", []byte(rows.String()))
	require.Equal(t, many, sum.Unchanged)
}

// An index of each category has a copy of what its products cost.
func TestAPriceThatChangesIsFoundInItsCategory(t *testing.T) {
	t.Parallel()
	s, _ := shop(t)
	token := s.Bearer(t, write)
	create1(t, s, `{"name":"Wok","status":"active","categories":["pans"],"variants":[{"sku":"WOK","price":`+usd(5000)+`}]}`)
	require.Equal(t, 200, s.Do(t, "PUT", "/v1/variants/WOK/price", `{"price":`+usd(987_654)+`}`, token, header("If-Match", "*")).Status)
	found := func(amount int) int {
		var page struct{ Total struct{ Value int } }
		target := fmt.Sprintf("/v1/products?category=pans&total=true&price_min=%[1]d&price_max=%[1]d", amount)
		a := s.Do(t, "GET", target, nil, token)
		require.Equal(t, 200, a.Status, "%s", a.Body)
		a.JSON(t, &page)
		return page.Total.Value
	}
	require.Equal(t, 1, found(987_654))
	require.Zero(t, found(5000))
}
