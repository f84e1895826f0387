package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/mallhive/product-service/shared/event"
)

const (
	skus      = 5000
	firstSKU  = 10_000 // so that all names are of one length
	hotSKU    = firstSKU + skus
	soldOut   = hotSKU + 1
	mostLines = 3
	cartLines = 10
	location  = "bench"
	stockEach = 1_000_000_000
	source    = "/bench/orders"
)

func skuOf(number int) string { return "BENCH-" + strconv.Itoa(number) }

// wishes says which SKUs the n-th order is for, by number; none is in it twice.
type wishes func(r *rand.Rand) []int

// randomWishes are 1 to 3 SKUs out of all, as pgbench draws them too: the
// second lies in the half that follows the first, the third in the other.
func randomWishes(r *rand.Rand) []int {
	a := r.IntN(skus)
	b := (a + 1 + r.IntN(skus/2-1)) % skus
	c := (a + skus/2 + r.IntN(skus/2)) % skus
	return []int{firstSKU + a, firstSKU + b, firstSKU + c}[:1+r.IntN(mostLines)]
}

func oneRandom(r *rand.Rand) []int { return []int{firstSKU + r.IntN(skus)} }

func only(sku int) wishes { return func(*rand.Rand) []int { return []int{sku} } }

// cart is ten SKUs that lie evenly apart.
func cart(r *rand.Rand) []int {
	numbers := make([]int, cartLines)
	from, step := r.IntN(skus), 1+r.IntN(skus/cartLines-1)
	for i := range numbers {
		numbers[i] = firstSKU + (from+i*step)%skus
	}
	return numbers
}

// draw makes the randomness of the n-th request of a window: the same each time.
func draw(window string, n int64) *rand.Rand {
	seed := uint64(n) //nolint:gosec // not below zero
	for _, b := range []byte(window) {
		seed = seed*31 + uint64(b)<<32
	}
	return rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // repeatable, not secret
}

// Ids of orders rise within each connection, on both sides, and begin with the
// window's name and a dash.
const (
	idBase   = 100_000_000_000
	idStride = 1_000_000_000
)

func orderID(window string, connection int, n int64) string {
	return window + "-" + strconv.FormatInt(idBase+int64(connection)*idStride+n, 10)
}

// delivery is an order as the broker delivers it: the headers of a CloudEvent in
// binary mode, and its data.
func delivery(token, id string, skus []int, quantity int64, at time.Time) (headers string, data []byte, err error) {
	d := event.OrderPlacedData{OrderID: id}
	for _, sku := range skus {
		d.Lines = append(d.Lines, event.OrderLine{SKU: skuOf(sku), Quantity: quantity})
	}
	data, err = json.Marshal(d)
	headers = fmt.Sprintf("Authorization: Bearer %s\r\nce-specversion: 1.0\r\nce-id: placed-%s\r\nce-source: %s\r\nce-type: %s\r\n"+
		"ce-subject: %s\r\nce-partitionkey: %s\r\nce-time: %s\r\n",
		token, id, source, event.OrderPlaced, id, id, at.UTC().Format(time.RFC3339Nano))
	return headers, data, err
}
