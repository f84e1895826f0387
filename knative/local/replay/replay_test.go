package replay

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/client"
)

// world is a broker, an inventory and an order service in one, small enough to
// be right by looking at it, and willing to break a promise when told to.
type world struct {
	mu           sync.Mutex
	levels       map[string]*Level
	movements    map[string][]movement
	reservations map[string]Reservation
	answers      map[string]client.Received
	inbox        []client.Received
	counts       int  // stock imports
	forgetful    bool // answers a repeated order anew, with another id
	generous     bool // locks what is not there
}

func newWorld(t *testing.T) (*world, string) {
	t.Helper()
	w := &world{
		levels: map[string]*Level{}, movements: map[string][]movement{},
		reservations: map[string]Reservation{}, answers: map[string]client.Received{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /v1/locations/{code}", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusCreated) })
	mux.HandleFunc("POST /v1/stock:import", w.importStock)
	mux.HandleFunc("POST /v1/stock:lookup", w.lookup)
	mux.HandleFunc("GET /v1/stock/{sku}/movements", w.ledger)
	mux.HandleFunc("GET /v1/stock:audit", func(rw http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(rw, `{"items":[]}`) })
	mux.HandleFunc("GET /v1/reservations/{id}", w.reservation)
	mux.HandleFunc("POST /broker", w.publish)
	mux.HandleFunc("GET /stats", func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(rw, `{"inventory":[{"address":"a","requests":%d},{"address":"b","requests":7}]}`, 7+len(w.inbox))
	})
	mux.HandleFunc("GET /order/received", w.received)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		mux.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	return w, server.URL
}

func (w *world) importStock(rw http.ResponseWriter, r *http.Request) {
	w.counts++
	n := 0
	for rows := bufio.NewScanner(r.Body); rows.Scan(); n++ {
		var row Level
		_ = json.Unmarshal(rows.Bytes(), &row)
		row.Available = row.OnHand
		w.levels[row.SKU] = &row
		w.movements[row.SKU] = []movement{{Kind: "count", OnHandDelta: row.OnHand, OnHandAfter: row.OnHand}}
	}
	_, _ = fmt.Fprintf(rw, `{"summary":{"rows":%d,"created":%d}}`, n, n)
}

func (w *world) lookup(rw http.ResponseWriter, r *http.Request) {
	var asked struct{ SKUs []string }
	_ = json.NewDecoder(r.Body).Decode(&asked)
	items := []*Level{}
	for _, sku := range asked.SKUs {
		if l := w.levels[sku]; l != nil {
			items = append(items, l)
		}
	}
	_ = json.NewEncoder(rw).Encode(map[string]any{"items": items})
}

// ledger answers one movement a page, so that pages are followed.
func (w *world) ledger(rw http.ResponseWriter, r *http.Request) {
	all := w.movements[r.PathValue("sku")]
	at := 0
	_, _ = fmt.Sscan(r.URL.Query().Get("cursor"), &at)
	page := map[string]any{"items": all[at : at+1], "next_cursor": nil}
	if at+1 < len(all) {
		page["next_cursor"] = fmt.Sprint(at + 1)
	}
	_ = json.NewEncoder(rw).Encode(page)
}

func (w *world) reservation(rw http.ResponseWriter, r *http.Request) {
	found, ok := w.reservations[r.PathValue("id")]
	if !ok {
		rw.WriteHeader(http.StatusNotFound)
		return
	}
	_ = json.NewEncoder(rw).Encode(found)
}

func (w *world) publish(rw http.ResponseWriter, r *http.Request) {
	var order struct {
		OrderID string `json:"order_id"`
		Lines   []Line `json:"lines"`
	}
	_ = json.NewDecoder(r.Body).Decode(&order)
	switch r.Header.Get("Ce-Type") {
	case "com.mallhive.order.placed.v1":
		if _, known := w.answers[order.OrderID]; !known || w.forgetful {
			w.place(order.OrderID, order.Lines)
		}
		w.inbox = append(w.inbox, w.answers[order.OrderID])
	case "com.mallhive.order.paid.v1":
		w.pay(order.OrderID)
	}
	rw.WriteHeader(http.StatusAccepted)
}

func (w *world) place(id string, lines []Line) {
	r := Reservation{OrderID: id, State: "locked"}
	for _, l := range lines {
		at := slices.IndexFunc(r.Lines, func(have ReservationLine) bool { return have.SKU == l.SKU })
		if at < 0 {
			at, r.Lines = len(r.Lines), append(r.Lines, ReservationLine{SKU: l.SKU})
		}
		r.Lines[at].Requested += l.Quantity
	}
	for _, l := range r.Lines {
		if w.levels[l.SKU].Available < l.Requested && !w.generous {
			r.State = "rejected"
		}
	}
	for i, l := range r.Lines {
		if r.State == "locked" {
			r.Lines[i].Locked = l.Requested
			w.move(l.SKU, "reserve", 0, l.Requested)
		}
	}
	kind := map[string]string{"locked": locked, "rejected": rejected}[r.State]
	data, _ := json.Marshal(r)
	w.reservations[id] = r
	w.answers[id] = client.Received{ID: fmt.Sprint(id, "-", len(w.inbox)), Type: kind, Subject: id, Data: data}
}

func (w *world) pay(id string) {
	r := w.reservations[id]
	for i, l := range r.Lines {
		if r.State == "locked" {
			r.Lines[i].Committed = l.Locked
			w.move(l.SKU, "commit", -l.Locked, -l.Locked)
		}
	}
	r.State = "committed"
	w.reservations[id] = r
	w.inbox = append(w.inbox, client.Received{ID: "paid-" + id, Type: committed, Subject: id})
}

func (w *world) move(sku, kind string, onHand, reserved int64) {
	l := w.levels[sku]
	l.OnHand += onHand
	l.Reserved += reserved
	l.Available += onHand - reserved
	w.movements[sku] = append(w.movements[sku], movement{Kind: kind, OnHandDelta: onHand, ReservedDelta: reserved, OnHandAfter: l.OnHand, ReservedAfter: l.Reserved})
}

func (w *world) received(rw http.ResponseWriter, r *http.Request) {
	kind, subject := r.URL.Query().Get("type"), r.URL.Query().Get("subject")
	items := []client.Received{}
	for _, e := range w.inbox {
		if (kind == "" || e.Type == kind) && (subject == "" || e.Subject == subject) {
			items = append(items, e)
		}
	}
	_ = json.NewEncoder(rw).Encode(map[string]any{"items": items, "total": len(items)})
}

// scarce is sixty orders that want more than there is.
func scarce(t *testing.T, url string, out *bytes.Buffer) Options {
	t.Helper()
	path := filepath.Join(t.TempDir(), "orders.ndjson")
	file, err := os.Create(path)
	require.NoError(t, err)
	for i := range 60 {
		order := Order{OrderID: fmt.Sprint(1000 + i), Lines: []Line{{"A", 1}, {fmt.Sprint("B", i%7), 2}, {"A", 1}}}
		require.NoError(t, json.NewEncoder(file).Encode(order))
	}
	require.NoError(t, file.Close())
	return Options{Orders: path, Stock: 50, FrontURL: url, BrokerURL: url + "/broker", SinksURL: url, Out: out, Patience: 5 * time.Second}
}

func TestTwoPassesAreAnsweredAlikeAndTheStockIsCountedOnce(t *testing.T) {
	t.Parallel()
	w, url := newWorld(t)
	var out bytes.Buffer
	options := scarce(t, url, &out)
	require.NoError(t, Run(t.Context(), options), out.String())
	require.Contains(t, out.String(), "outcomes: 25 locked, 35 rejected; 58.3 % of the orders were rejected")
	require.Contains(t, out.String(), "inventory: 2 instances took 60, 0 requests")

	out.Reset()
	require.NoError(t, Run(t.Context(), options), out.String())
	require.Contains(t, out.String(), "60 orders were answered before")
	require.Equal(t, 1, w.counts)
}

func TestWhatWasPaidIsSoldAndStillAddsUp(t *testing.T) {
	t.Parallel()
	_, url := newWorld(t)
	var out bytes.Buffer
	options := scarce(t, url, &out)
	options.PayPercent = 100
	require.NoError(t, Run(t.Context(), options), out.String())
	require.Contains(t, out.String(), "outcomes: 25 committed, 35 rejected")
	require.Contains(t, out.String(), "sold 100 + reserved 0 + remaining 300 = 400, opening 400")
}

func TestAnAnswerThatChangesIsFound(t *testing.T) {
	t.Parallel()
	w, url := newWorld(t)
	var out bytes.Buffer
	options := scarce(t, url, &out)
	require.NoError(t, Run(t.Context(), options), out.String())
	w.forgetful = true
	require.ErrorIs(t, Run(t.Context(), options), ErrBroken)
	require.Contains(t, out.String(), "but also")
}

func TestAnOversellIsFound(t *testing.T) {
	t.Parallel()
	w, url := newWorld(t)
	w.generous = true
	var out bytes.Buffer
	require.ErrorIs(t, Run(t.Context(), scarce(t, url, &out)), ErrBroken)
	require.Contains(t, out.String(), "A: is oversold: 120 reserved of 50 on hand")
}
