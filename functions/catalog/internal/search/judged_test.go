package search_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/search"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// judgement says what a shopper who types a text into the search box of a
// catalogue means: a product's grade is the best of the rules that it meets.
type judgement struct {
	In    string
	Q     string
	Rules []rule
}

// rule is met when all that it names holds; patterns ignore case.
type rule struct {
	Grade                       float64
	Name, Not, Brand, Text, Cat string
	Attr                        map[string]string
}

type product struct {
	Name, Description, Brand string
	Categories               []string
	Attributes               map[string]any
	Variants                 []struct {
		SKU, MPN string
		GTINs    []string
	}
	text string
}

var catalogues = map[string]string{"icecat": "icecat", "retail": "retail", "gifts": "online-retail"}

// realProducts reads a catalogue, which lies beside the checkout and is no part
// of it.
func realProducts(t testing.TB, catalogue string) []product {
	t.Helper()
	dir := os.Getenv("REAL_DATA")
	if dir == "" {
		dir = "../../../../../shared/data"
	}
	f, err := os.Open(filepath.Join(dir, catalogues[catalogue], "products.ndjson.gz"))
	if err != nil {
		t.Skipf("real data is not here (%s); REAL_DATA names its folder", catalogue)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var all []product
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var p product
		require.NoError(t, json.Unmarshal(lines.Bytes(), &p))
		p.text = p.Name + " " + p.Brand + " " + p.Description + " " + fmt.Sprint(p.Attributes)
		all = append(all, p)
	}
	require.NoError(t, lines.Err())
	return all
}

func (p product) entry(id uuid.UUID) search.Entry {
	e := search.Entry{ProductID: id, Name: p.Name, Brand: p.Brand, Description: p.Description, Attributes: p.Attributes}
	for _, v := range p.Variants {
		e.Codes = append(append(e.Codes, v.SKU), v.GTINs...)
		e.PartNumbers = append(e.PartNumbers, v.MPN)
	}
	return e
}

// fill writes products as the function does, and returns which is which.
func fill(t testing.TB, db *postgres.Pool, products []product) map[uuid.UUID]product {
	t.Helper()
	byID := map[uuid.UUID]product{}
	entries := make([]search.Entry, len(products))
	for i, p := range products {
		id := uuid.MustParse(fmt.Sprintf("00000000-0000-7000-8000-%012x", i))
		byID[id], entries[i] = p, p.entry(id)
	}
	for chunk := range slices.Chunk(entries, 500) {
		require.NoError(t, postgres.InTx(context.Background(), db, func(tx pgx.Tx) error {
			return search.Write(context.Background(), tx, nil, chunk, nil)
		}))
	}
	return byID
}

var patterns sync.Map // that are compiled

func (r rule) meets(p product) bool {
	is := func(pattern, text string) bool {
		compiled, done := patterns.Load(pattern)
		if !done {
			compiled, _ = patterns.LoadOrStore(pattern, regexp.MustCompile(`(?i)`+pattern))
		}
		return compiled.(*regexp.Regexp).MatchString(text)
	}
	if r.Name != "" && !is(r.Name, p.Name) || r.Not != "" && is(r.Not, p.Name) || r.Brand != "" && !is(r.Brand, p.Brand) {
		return false
	}
	if r.Text != "" && !is(r.Text, p.text) {
		return false
	}
	if r.Cat != "" && !slices.Contains(p.Categories, r.Cat) {
		return false
	}
	for code, pattern := range r.Attr {
		if v, has := p.Attributes[code]; !has || !is(pattern, fmt.Sprint(v)) {
			return false
		}
	}
	return true
}

// judge gives every product its grade.
func (j judgement) judge(products map[uuid.UUID]product) map[uuid.UUID]float64 {
	grades := map[uuid.UUID]float64{}
	for id, p := range products {
		for _, r := range j.Rules {
			if r.Grade > grades[id] && r.meets(p) {
				grades[id] = r.Grade
			}
		}
	}
	return grades
}

// ndcg is the normalised discounted cumulative gain of the first ten.
func ndcg(found []uuid.UUID, grades map[uuid.UUID]float64) float64 {
	gain := func(grade float64, rank int) float64 { return (math.Pow(2, grade) - 1) / math.Log2(float64(rank)+2) }
	var best []float64
	for _, g := range grades {
		best = append(best, g)
	}
	slices.Sort(best)
	slices.Reverse(best)
	var got, ideal float64
	for i := range min(10, len(found)) {
		got += gain(grades[found[i]], i)
	}
	for i := range min(10, len(best)) {
		ideal += gain(best[i], i)
	}
	if ideal == 0 {
		return 1
	}
	return got / ideal
}

func judgements(t testing.TB) []judgement {
	t.Helper()
	f, err := os.Open("testdata/judged.jsonl")
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	var all []judgement
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var j judgement
		require.NoError(t, json.Unmarshal(lines.Bytes(), &j), "%s", lines.Bytes())
		all = append(all, j)
	}
	return all
}

// The search before had 0.66, 0.72 and 0.68; this one 0.92, 0.94 and 0.94. The
// bounds leave room for changes that do good elsewhere: words must not be fitted
// to the set.
func TestShoppersFindWhatTheyMean(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("nothing runs side by side here: make race leaves it to make test")
	}
	least := map[string]float64{"icecat": 0.87, "retail": 0.9, "gifts": 0.9}
	for in := range catalogues {
		t.Run(in, func(t *testing.T) {
			t.Parallel()
			db := testdb.New(t).Pool(t, "catalog")
			products := fill(t, db, realProducts(t, in))
			sum, n := 0.0, 0.0
			for _, j := range judgements(t) {
				if j.In != in {
					continue
				}
				result, err := search.Find(context.Background(), db, j.Q)
				require.NoError(t, err)
				ids := make([]uuid.UUID, len(result.Hits))
				for i, h := range result.Hits {
					ids[i] = h.ProductID
				}
				value := ndcg(ids, j.judge(products))
				t.Logf("%.3f  %s (%d hits) %s", value, j.Q, len(ids), result.Instead)
				sum, n = sum+value, n+1
			}
			t.Logf("nDCG@10 of %s: %.3f", in, sum/n)
			require.Greater(t, sum/n, least[in])
		})
	}
}
