package main

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOneSeedMakesOneWorld(t *testing.T) {
	t.Parallel()
	for _, i := range []int{0, 1, 999} {
		a, err := json.Marshal(newWorld(20_000, 1).product(i, 0))
		require.NoError(t, err)
		b, err := json.Marshal(newWorld(20_000, 1).product(i, 0))
		require.NoError(t, err)
		require.JSONEq(t, string(a), string(b))
	}
	require.NotEqual(t, newWorld(20_000, 1).product(0, 0).Name, newWorld(20_000, 2).product(0, 0).Name)
}

func TestProductsAreSpreadAsInTheRealCatalogue(t *testing.T) {
	t.Parallel()
	const products = 20_000
	w := newWorld(products, 1)
	brands, kinds, counts, sum := map[string]int{}, map[string]int{}, []int{}, 0
	for i := range products {
		p := w.product(i, 0)
		brands[p.Brand]++
		kinds[p.Categories[0]]++
		counts = append(counts, len(p.Attributes))
		sum += len(p.Attributes)
	}
	slices.Sort(counts)
	require.InDelta(t, 19, float64(sum)/products, 2, "attributes of a product, on average")
	require.InDelta(t, 12, counts[products/2], 2, "in the median")
	require.Greater(t, counts[products-1], 150, "at most")
	require.Zero(t, counts[products/50], "some have none")
	require.Len(t, brands, 161)
	require.Greater(t, largest(brands), products/12, "a few brands have most of the products")
	require.Greater(t, largest(kinds), 50*smallest(kinds), "categories are of very different sizes")
	require.Equal(t, 5, most(w, 5), "attributes can be bounded")
}

func largest(of map[string]int) int {
	n := 0
	for _, v := range of {
		n = max(n, v)
	}
	return n
}

func smallest(of map[string]int) int {
	n := largest(of)
	for _, v := range of {
		n = min(n, v)
	}
	return n
}

func most(w *world, bound int) int {
	n := 0
	for i := range 500 {
		n = max(n, len(w.product(i, bound).Attributes))
	}
	return n
}
