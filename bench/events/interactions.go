package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/bench/drive"
)

// item is an interaction as a browser sends it.
type item struct {
	ID         string    `json:"id"`
	Type       string    `json:"type"`
	ProductID  string    `json:"product_id"`
	SessionID  string    `json:"session_id"`
	OccurredAt time.Time `json:"occurred_at"`
	Page       string    `json:"page"`
	Referrer   string    `json:"referrer"`
	List       string    `json:"list"`
	Position   int       `json:"position"`
	Consent    bool      `json:"consent"`
}

type answer struct {
	Accepted int               `json:"accepted"`
	Rejected []json.RawMessage `json:"rejected"`
}

// crowd is one way in which interactions come.
type crowd struct {
	batch, connections int
	own, bare          []taken
}

// taken is a window, and what it did to the broker.
type taken struct {
	drive.Window
	broker time.Duration // CPU time
	items  int64
	late   int64 // items that did not come to the broker, but to the outbox
	busy   int64 // requests that were told to come again
}

func (t taken) rate() float64 { return float64(t.items) / t.Elapsed.Seconds() }

// interactions is the part that measures how many are accepted a second.
type interactions struct {
	*world
	own, bare, broker *drive.Server
	products          []uuid.UUID
	bodies            map[int][][]byte
	atRest            int64
}

func measureInteractions(ctx context.Context, w *world) (err error) {
	m := &interactions{world: w, bodies: map[int][][]byte{}}
	defer m.stop()
	if err := m.open(ctx); err != nil {
		return err
	}
	var crowds []*crowd
	for _, batch := range []int{1, 20, 500} {
		for _, connections := range []int{16, 64} {
			crowds = append(crowds, &crowd{batch: batch, connections: connections})
		}
	}
	say("interactions: warming up")
	for _, server := range []*drive.Server{m.own, m.bare} {
		if _, err := m.window(ctx, server, crowds[3], time.Second); err != nil {
			return err
		}
	}
	for round := range w.rounds {
		for _, c := range crowds {
			if err := m.pair(ctx, c, round); err != nil {
				return fmt.Errorf("batches of %d over %d connections: %w", c.batch, c.connections, err)
			}
		}
	}
	if err := m.print(crowds); err != nil {
		return err
	}
	underLoad := m.own.Resident()
	m.crush(ctx)
	if m.own.Resident() == 0 {
		return errors.New("the largest bodies were the function's end")
	}
	fmt.Printf("memory: %d MiB at rest, at most %d MiB under this load, %d MiB under 64 bodies of 1 MiB at once; bare at most %d MiB under this load\n",
		m.atRest>>20, underLoad>>20, m.own.Resident()>>20, m.bare.Resident()>>20)
	return nil
}

// crush sends bodies of nearly 1 MiB over more connections than there is room
// for: what counts is the memory this takes, so what becomes of one does not.
func (m *interactions) crush(ctx context.Context) {
	body := m.compose(0, 500, "&more="+strings.Repeat("x", 1500))
	ctx, cancel := context.WithTimeout(ctx, m.span)
	defer cancel()
	client := &http.Client{Timeout: time.Minute}
	var senders sync.WaitGroup
	for range 64 {
		senders.Go(func() {
			for ctx.Err() == nil {
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+m.own.Address+"/v1/interactions", bytes.NewReader(body))
				if err != nil {
					return
				}
				if resp, err := client.Do(req); err == nil {
					_ = resp.Body.Close()
				}
			}
		})
	}
	senders.Wait()
}

const benchProducts = 2000

const productsSQL = `
insert into catalog.products (id, slug, name, status, content_hash)
select p.id, 'bench-' || p.id, 'Bench', 'active', ''
from unnest($1::uuid[]) as p (id)`

func (m *interactions) open(ctx context.Context) error {
	for range benchProducts {
		m.products = append(m.products, uuid.New())
	}
	if _, err := m.database.Conn.Exec(ctx, productsSQL, m.products); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	if m.broker, err = drive.Serve(ctx, "broker", program, nil, "thin-broker"); err != nil {
		return err
	}
	sink := "K_SINK=http://" + m.broker.Address + "/events"
	if m.own, err = m.serve(ctx, sink); err != nil {
		return err
	}
	m.atRest = m.own.Resident()
	m.bare, err = drive.Serve(ctx, "bare", program, []string{sink, "GOMEMLIMIT=150MiB", "GOGC=400"}, "bare")
	return err
}

func (m *interactions) stop() {
	for _, s := range []*drive.Server{m.own, m.bare, m.broker} {
		if s != nil {
			s.Stop()
		}
	}
}

// body is one of the bodies with so many items: there are enough of them for
// every product to be in some.
func (m *interactions) body(batch int, n int64) []byte {
	if m.bodies[batch] == nil {
		for first := 0; first < benchProducts; first += batch {
			m.bodies[batch] = append(m.bodies[batch], m.compose(first, batch, ""))
		}
	}
	bodies := m.bodies[batch]
	return bodies[n%int64(len(bodies))]
}

// compose makes a body; more is added to each page's address.
func (m *interactions) compose(first, batch int, more string) []byte {
	var sent struct {
		Interactions []item `json:"interactions"`
	}
	for n := range batch {
		sent.Interactions = append(sent.Interactions, item{
			ID: uuid.NewString(), Type: []string{"view", "click", "save"}[n%3], ProductID: m.products[(first+n)%benchProducts].String(),
			SessionID: uuid.NewString(), OccurredAt: time.Now().UTC(), Page: "https://products.mallhive.com/c/office?page=" + strconv.Itoa(n) + more,
			Referrer: "https://homepage.mallhive.com/", List: "category", Position: n, Consent: true,
		})
	}
	body, err := json.Marshal(sent)
	if err != nil {
		panic(err) // it is made of text and numbers
	}
	return body
}

// pair is a window of each, in an order that changes.
func (m *interactions) pair(ctx context.Context, c *crowd, round int) error {
	for turn := range 2 {
		server, into := m.own, &c.own
		if (turn+round)%2 == 1 {
			server, into = m.bare, &c.bare
		}
		t, err := m.window(ctx, server, c, m.span)
		if err != nil {
			return err
		}
		*into = append(*into, t)
	}
	return nil
}

func (m *interactions) window(ctx context.Context, s *drive.Server, c *crowd, span time.Duration) (taken, error) {
	var t taken
	m.body(c.batch, 0)
	before, err := m.arrived(ctx)
	if err != nil {
		return t, err
	}
	broker := drive.CPUOf(m.broker.PID)
	answers := make([]bytes.Buffer, c.connections)
	t.Window, err = drive.Drive(ctx, s, c.connections, span, func(l *drive.Line, n int64) error {
		into := &answers[l.Number]
		into.Reset()
		status, err := l.Post("/v1/interactions", "", m.body(c.batch, n), into)
		switch {
		case err != nil:
			return err
		case status == "503":
			atomic.AddInt64(&t.busy, 1)
			return drive.Wait(ctx, time.Second) // as Retry-After says
		case status != "202":
			return fmt.Errorf("status %s: %.300s", status, into.Bytes())
		}
		var a answer
		if c.batch < 500 || n%16 == 0 { // to read it costs the machine more than to send it
			if err := json.Unmarshal(into.Bytes(), &a); err != nil || a.Accepted != c.batch {
				return fmt.Errorf("accepted %d of %d: %.300s", a.Accepted, c.batch, into.Bytes())
			}
		}
		atomic.AddInt64(&t.items, int64(c.batch))
		return nil
	})
	if err != nil {
		return t, err
	}
	t.broker = drive.CPUOf(m.broker.PID) - broker
	after, err := m.arrived(ctx)
	t.late = max(t.items-(after-before), 0)
	return t, err
}

// arrived is how many events the broker has taken.
func (m *interactions) arrived(ctx context.Context) (int64, error) {
	line, err := drive.Dial(ctx, m.broker.Address)
	if err != nil {
		return 0, err
	}
	defer line.Close()
	var count bytes.Buffer
	if err := line.Get("/", &count); err != nil {
		return 0, err
	}
	return strconv.ParseInt(count.String(), 10, 64)
}

func (m *interactions) print(crowds []*crowd) error {
	fmt.Printf("\ninteractions accepted, %d windows of %s in turns, beside a bare handler that decodes the same JSON and posts as many requests\n", m.rounds, m.span)
	out := drive.Table()
	row := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) }
	row("batch\tconnections\tper second\tbare\tratio\tlowest–highest\tCPU µs of an item: function\tbare\tbroker\tclient\tmachine\tstored %%\ttold to wait\t\n")
	for _, c := range crowds {
		var ratios []float64
		for i := range c.own {
			ratios = append(ratios, c.own[i].rate()/c.bare[i].rate())
		}
		own, bare := middle(c.own), middle(c.bare)
		row("%d\t%d\t%.0f\t%.0f\t%.2f\t%.2f–%.2f\t%s\t%s\t%s\t%s\t%s\t%.1f\t%d\t\n", c.batch, c.connections, own.rate(), bare.rate(),
			drive.Median(ratios), slices.Min(ratios), slices.Max(ratios),
			own.micros(own.Server), bare.micros(bare.Server), own.micros(own.broker), own.micros(own.Client), own.micros(own.Machine),
			100*float64(own.late)/float64(max(own.items, 1)), own.busy)
	}
	return out.Flush()
}

func middle(of []taken) taken {
	sorted := slices.SortedFunc(slices.Values(of), func(a, b taken) int { return int(a.rate() - b.rate()) })
	return sorted[len(sorted)/2]
}

func (t taken) micros(cpu time.Duration) string {
	return fmt.Sprintf("%.1f", float64(cpu.Microseconds())/float64(max(t.items, 1)))
}
