package faults

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/client"
	"github.com/mallhive/product-service/knative/local/importer"
	"github.com/mallhive/product-service/knative/local/replay"
)

// ordersEach is how many orders are placed while one thing is broken.
const ordersEach = 150

// orders writes the next real orders to a file when they are there, and made
// up ones otherwise; no order is used twice in a world.
func (w *world) orders(round int) string {
	w.t.Helper()
	lines := realOrders(w.t, round*ordersEach, ordersEach)
	if len(lines) < ordersEach {
		lines = madeUp(round)
	}
	file := filepath.Join(w.t.TempDir(), "orders.ndjson")
	require.NoError(w.t, os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	return file
}

func realOrders(t require.TestingT, skip, n int) []string {
	file, err := os.Open("../../../../shared/data/online-retail/orders.ndjson.gz")
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }()
	unpacked, err := gzip.NewReader(file)
	require.NoError(t, err)
	rows := bufio.NewScanner(unpacked)
	rows.Buffer(nil, 1<<20)
	var lines []string
	for i := 0; i < skip+n && rows.Scan(); i++ {
		if i >= skip {
			lines = append(lines, rows.Text())
		}
	}
	return lines
}

// madeUp orders want few SKUs often, so that some get nothing.
func madeUp(round int) []string {
	dice := rand.New(rand.NewPCG(uint64(round), 1))
	lines := make([]string, ordersEach)
	for i := range lines {
		var wants []string
		for range 1 + dice.IntN(4) {
			wants = append(wants, fmt.Sprintf(`{"sku":"FAULT-%d-%d","quantity":%d}`, round, dice.IntN(40), 1+dice.IntN(4)))
		}
		lines[i] = fmt.Sprintf(`{"order_id":"fault-%d-%d","lines":[%s]}`, round, i, strings.Join(wants, ","))
	}
	return lines
}

// replayed is a replay under way.
type replayed struct {
	w      *world
	giveUp context.CancelFunc
	done   chan error
}

// replay places, pays and proves orders: every order one outcome, the books of
// every SKU right, no stock sold twice. It is run while something breaks.
func (w *world) replay(orders string) *replayed {
	ctx, giveUp := context.WithCancel(context.Background())
	w.t.Cleanup(giveUp)
	r := &replayed{w: w, giveUp: giveUp, done: make(chan error, 1)}
	before := w.answered()
	report.add(ordersPlaced, ordersEach)
	go func() { r.done <- replay.Run(ctx, w.replayOptions(orders)) }()
	w.eventually("orders are being answered", func() bool { return w.answered() >= before+ordersEach/5 || r.over() })
	require.Less(w.t, w.answered()-before, ordersEach, "the fault must come in the middle")
	return r
}

func (w *world) replayOptions(orders string) replay.Options {
	return replay.Options{Orders: orders, Stock: 60, Concurrency: 16, PayPercent: 40, FrontURL: w.frontURL,
		BrokerURL: w.brokerURL(), SinksURL: w.sinksURL, Token: w.token, Out: io.Discard, Patience: within}
}

func (r *replayed) over() bool { return len(r.done) > 0 }

// await waits for the proof, and runs it again: a second pass must be answered
// in the same words.
func (r *replayed) await(orders string) {
	r.w.t.Helper()
	// It reads the books, too, and may have been told to come again: the second
	// pass proves all that the first would have.
	if err := <-r.done; err != nil {
		require.True(r.w.t, client.IsStatus(err, http.StatusServiceUnavailable) || client.IsStatus(err, http.StatusBadGateway), "%v", err)
	}
	require.NoError(r.w.t, replay.Run(context.Background(), r.w.replayOptions(orders)))
}

// answered is how many orders got their first answer.
func (w *world) answered() int {
	return w.recorder.of("com.mallhive.inventory.locked.v1") + w.recorder.of("com.mallhive.inventory.rejected.v1")
}

// productsEach is how many products one import has.
const productsEach = 1500

// products writes an import of new products, every tenth of which is refused.
func (w *world) products(round int) string {
	w.t.Helper()
	dir := w.t.TempDir()
	file, err := os.Create(filepath.Join(dir, "products.ndjson"))
	require.NoError(w.t, err)
	rows := json.NewEncoder(file)
	for i := range productsEach {
		amount := 100 + i
		if i%10 == 9 {
			amount = -1
		}
		require.NoError(w.t, rows.Encode(map[string]any{
			"external_id": fmt.Sprintf("fault:%d:%d", round, i), "slug": fmt.Sprintf("fault-%d-%d", round, i),
			"name": fmt.Sprintf("Fault %d of round %d", i, round), "description": strings.Repeat("It breaks. ", 20), "status": "active",
			"variants": []any{map[string]any{"sku": fmt.Sprintf("FP-%d-%d", round, i), "price": map[string]any{"amount": amount, "currency": "USD"}}},
		}))
	}
	require.NoError(w.t, file.Close())
	return dir
}

const (
	refusedRows = productsEach / 10
	takenRows   = productsEach - refusedRows
)

// imported is an import under way.
type imported struct {
	w     *world
	dir   string
	round int
	done  chan struct{}
	err   error // once done
}

// importing starts an import and returns when a part of it is in the database.
func (w *world) importing(round int) *imported {
	w.t.Helper()
	i := w.beginImport(round)
	w.eventually("products come in", func() bool { return i.count() > 0 || i.over() })
	require.False(w.t, i.over(), "the fault must come in the middle: %v", i.err)
	return i
}

func (w *world) beginImport(round int) *imported {
	i := &imported{w: w, dir: w.products(round), round: round, done: make(chan struct{})}
	go func() {
		defer close(i.done)
		_, i.err = i.run()
	}()
	return i
}

func (i *imported) run() ([]importer.Tally, error) {
	return importer.Import(context.Background(), importer.Options{Dir: i.dir, FrontURL: i.w.frontURL, Token: i.w.token, Out: io.Discard})
}

func (i *imported) over() bool {
	select {
	case <-i.done:
		return true
	default:
		return false
	}
}

func (i *imported) count() int {
	return i.w.count(`select count(*) from catalog.products where external_id like $1`, fmt.Sprintf("fault:%d:%%", i.round))
}

// finish waits for the import's end, whichever, and imports again until all is
// there: that is what its caller does, and it must be enough.
func (i *imported) finish() {
	i.w.t.Helper()
	<-i.done
	i.w.eventually("the import can be repeated to its end", func() bool {
		tallies, _ := i.run()
		return len(tallies) == 1 && !tallies[0].Incomplete && tallies[0].Rows == productsEach && tallies[0].Failed == refusedRows
	})
	require.Equal(i.w.t, takenRows, i.count())
}

// each lets workers do something over and over until they are told to stop.
func (w *world) each(workers int, do func(worker, n int) bool) (stop func()) {
	over := make(chan struct{})
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-over:
					return
				default:
				}
				if !do(worker, n) {
					return
				}
			}
		})
	}
	return func() { close(over); group.Wait() }
}
