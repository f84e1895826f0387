package main

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/price"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

// tag is the model of one variant's prices: what it costs in each quarter of an
// hour, written down one by one. Whatever is done is done at full hours; base
// prices begin at the first quarter after, sales at the second, and end at the
// third.
type tag struct {
	sku    string
	starts map[int]int // base price by the quarter it begins in
	sale   [quarters]sold
	sales  map[string][2]int // those that have not ended, by id
}

type sold struct{ amount, compareAt, since int }

const quarters, month = 40 * 96, 30 * 96

func (m *tag) base(q int) int {
	for ; q >= 0; q-- {
		if amount, begins := m.starts[q]; begins {
			return amount
		}
	}
	return 0
}

// paid is amount and what it is compared with.
func (m *tag) paid(q int) [2]int64 {
	base, sale := m.base(q), m.sale[q]
	switch {
	case sale.amount == 0:
		return [2]int64{int64(base)}
	case sale.compareAt == 0 && base > sale.amount:
		return [2]int64{int64(sale.amount), int64(base)}
	}
	return [2]int64{int64(sale.amount), int64(sale.compareAt)}
}

// lowest is of the month before the sale of the quarter began; without one the
// price that has just been set counts too.
func (m *tag) lowest(now int) int64 {
	until := now + 1
	if m.sale[now].amount > 0 {
		until = m.sale[now].since
	}
	var low int64
	for q := max(0, until-month); q < until; q++ {
		if p := m.paid(q)[0]; p > 0 && (low == 0 || p < low) {
			low = p
		}
	}
	return low
}

type tagger struct {
	*servicetest.Server
	t     *testing.T
	rand  *rand.Rand
	token servicetest.Header
	every servicetest.Header
	now   int
}

// when is the start of a quarter as a JSON member, and nothing when it is now.
func (s *tagger) when(member string, q int) string {
	if q == s.now {
		return ""
	}
	return fmt.Sprintf(`,"%s":"%s"`, member, in(time.Duration(q-s.now)*15*time.Minute))
}

func (s *tagger) setBase(m *tag) {
	start, amount := s.now, 1+s.rand.IntN(6)
	if s.rand.IntN(2) == 0 {
		start += 1 + 4*s.rand.IntN(100)
	}
	a := s.Do(s.t, "PUT", "/v1/variants/"+m.sku+"/price", `{"price":`+usd(amount)+s.when("starts_at", start)+`}`, s.token, s.every)
	require.Equal(s.t, 200, a.Status, "%s", a.Body)
	if start != s.now || m.base(s.now) != amount {
		m.starts[start] = amount
	}
}

func (s *tagger) sell(m *tag) {
	start, sale := s.now, sold{amount: 1 + s.rand.IntN(6)}
	if s.rand.IntN(2) == 0 {
		start += 2 + 4*s.rand.IntN(100)
	}
	end := start - start%4 + 4*s.rand.IntN(150) + 3
	compared := ""
	if s.rand.IntN(3) == 0 {
		sale.compareAt = 9
		compared = `,"compare_at":` + usd(9)
	}
	free := true
	for q := start; q < end; q++ {
		free = free && m.sale[q].amount == 0
	}
	body := `{"price":` + usd(sale.amount) + compared + s.when("starts_at", start) + s.when("ends_at", end) + `}`
	a := s.Do(s.t, "POST", "/v1/variants/"+m.sku+"/sales", body, s.token)
	if !free {
		require.Equal(s.t, 409, a.Status, "%s", a.Body)
		return
	}
	require.Equal(s.t, 201, a.Status, "%s", a.Body)
	var r price.Record
	a.JSON(s.t, &r)
	sale.since = start
	for q := start; q < end; q++ {
		m.sale[q] = sale
	}
	m.sales[r.ID.String()] = [2]int{start, end}
}

func (s *tagger) withdraw(m *tag) {
	for id, span := range m.sales { // any
		a := s.Do(s.t, "DELETE", "/v1/variants/"+m.sku+"/sales/"+id, nil, s.token, s.every)
		if span[1] <= s.now {
			require.Equal(s.t, 409, a.Status, "%s", a.Body)
			return
		}
		require.Equal(s.t, 204, a.Status, "%s", a.Body)
		for q := max(span[0], s.now); q < span[1]; q++ {
			m.sale[q] = sold{}
		}
		delete(m.sales, id)
		return
	}
}

// compare asks all that tell prices.
func (s *tagger) compare(tags []*tag) {
	want := map[string][2]int64{}
	var refs []string
	for _, m := range tags {
		want[m.sku] = m.paid(s.now)
		refs = append(refs, m.sku)
	}
	listed := map[string][2]int64{}
	for _, item := range list(s.t, s.Server, "limit=100").Items {
		listed[item.Variants[0].SKU] = shownAs(item.Price.Amount, price.Price{Price: *item.Price, CompareAt: item.CompareAt})
	}
	require.Equal(s.t, want, listed, "the list")
	for who, headers := range map[string][]servicetest.Header{"visitors": nil, "who reads drafts": {s.Bearer(s.t, drafts)}} {
		var found struct{ Items []product.Document }
		s.Do(s.t, "POST", "/v1/products:lookup", map[string]any{"refs": refs}, headers...).JSON(s.t, &found)
		read := map[string][2]int64{}
		for _, d := range found.Items {
			p := d.Variants[0].AllPrices()[0]
			read[d.Variants[0].SKU] = shownAs(p.Price.Amount, p)
		}
		require.Equal(s.t, want, read, "the documents for %s", who)
	}
	for _, m := range tags[:6] {
		h := prices(s.t, s.Server, m.sku, "")
		require.Equal(s.t, want[m.sku], shownAs(h.Effective[0].Price.Price.Amount, h.Effective[0].Price), "the history")
		require.Equal(s.t, m.lowest(s.now), h.Lowest[0].Price.Amount, "the lowest of 30 days")
		q := s.rand.IntN(s.now + 400)
		// Amid a quarter: real time has gone on a little since the hour.
		at := in(time.Duration(q-s.now)*15*time.Minute + 7*time.Minute)
		then := prices(s.t, s.Server, m.sku, "at="+at, s.Bearer(s.t, drafts))
		if p := m.paid(q); p[0] == 0 {
			require.Empty(s.t, then.Effective)
		} else {
			require.Equal(s.t, p, shownAs(then.Effective[0].Price.Price.Amount, then.Effective[0].Price), "in quarter %d, now %d", q, s.now)
		}
	}
}

func shownAs(amount int64, p price.Price) [2]int64 {
	if p.CompareAt == nil {
		return [2]int64{amount}
	}
	return [2]int64{amount, p.CompareAt.Amount}
}

func TestWhateverIsDoneToPricesAllTellWhatBruteForcePays(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	server := start(t)
	s := &tagger{Server: server, t: t, rand: rand.New(rand.NewPCG(seed, 0)), token: server.Bearer(t, write), every: header("If-Match", "*")}
	var tags []*tag
	for i := range 20 {
		m := &tag{sku: fmt.Sprintf("V%d", i), starts: map[int]int{0: 5}, sales: map[string][2]int{}}
		create1(t, server, fmt.Sprintf(`{"name":"%[1]s","status":"active","variants":[{"sku":"%[1]s","price":%[2]s}]}`, m.sku, usd(5)))
		tags = append(tags, m)
	}
	pass(t, server, time.Hour)
	s.now = 4
	for range 14 {
		for _, m := range tags {
			[]func(*tag){s.setBase, s.sell, s.sell, s.withdraw}[s.rand.IntN(4)](m)
		}
		s.compare(tags)
		hours := []int{1, 2, 10, 30, 100}[s.rand.IntN(5)]
		pass(t, server, time.Duration(hours)*time.Hour)
		s.now += 4 * hours
		s.compare(tags)
		if s.now > quarters-1100 {
			break
		}
	}
}
