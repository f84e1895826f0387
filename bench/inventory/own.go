package main

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mallhive/product-service/bench/drive"
)

// What the answer to an order must have in it.
const (
	locked   = `"state":"locked"`
	rejected = `"state":"rejected"`
)

// run is what one side did in one window.
type run struct {
	drive.Window
	postgres time.Duration // CPU time of the server and all its processes
	found    rows
}

// buffers are for answers, so that the client makes no garbage.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// order delivers an order and reads the answer, which must have want in it.
func (w *world) order(line *drive.Line, id string, skus []int, quantity int64, want string) error {
	headers, data, err := delivery(w.token, id, skus, quantity, time.Now())
	if err != nil {
		return err
	}
	return exchange(line, "/", headers, data, want)
}

func exchange(line *drive.Line, target, headers string, data []byte, want string) error {
	body := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(body)
	body.Reset()
	status, err := line.Post(target, headers, data, body)
	if err != nil {
		return err
	}
	if status != "200" || !bytes.Contains(body.Bytes(), []byte(want)) {
		return fmt.Errorf("status %s, and not %s: %.300s", status, want, body)
	}
	return nil
}

// orders drives the function with orders; what it answered must then be found.
func (w *world) orders(ctx context.Context, s *drive.Server, kind string, of wishes, want string) (run, error) {
	window := w.window(kind)
	var lines atomic.Int64
	r, err := w.drive(ctx, s, func(line *drive.Line, n int64) error {
		skus := of(draw(window, n))
		if err := w.order(line, orderID(window, line.Number, n), skus, 1, want); err != nil {
			return err
		}
		lines.Add(int64(len(skus)))
		return nil
	})
	if err != nil {
		return r, err
	}
	if r.found, err = w.database.find(ctx, "inventory", window); err != nil {
		return r, err
	}
	expected := rows{locked: r.Requests, lines: lines.Load(), movements: lines.Load()}
	if want == rejected {
		expected = rows{rejected: r.Requests}
	}
	return r, expected.compare(r.found)
}

func (expected rows) compare(found rows) error {
	found.transactions = 0
	if expected != found {
		return fmt.Errorf("what was answered is not what is found: %+v and %+v", expected, found)
	}
	return nil
}

func (w *world) drive(ctx context.Context, s *drive.Server, ask func(*drive.Line, int64) error) (r run, err error) {
	if err := w.database.Checkpoint(ctx); err != nil {
		return r, err
	}
	before := w.database.CPU()
	r.Window, err = drive.Drive(ctx, s, connections, w.span, ask)
	r.postgres = w.database.CPU() - before
	return r, err
}

// carts asks what is available of ten SKUs.
func (w *world) carts(ctx context.Context) (run, error) {
	window := w.window("cart")
	return w.drive(ctx, w.own, func(line *drive.Line, n int64) error {
		question := buffers.Get().(*bytes.Buffer)
		defer buffers.Put(question)
		question.Reset()
		writeCart(question, cart(draw(window, n)))
		return exchange(line, "/v1/availability", "", question.Bytes(), `"orderable":true`)
	})
}

// writeCart writes a cart with one of each.
func writeCart(question *bytes.Buffer, skus []int) {
	opening := `{"lines":[`
	for _, sku := range skus {
		question.WriteString(opening + `{"sku":"` + skuOf(sku) + `","quantity":1}`)
		opening = ","
	}
	question.WriteString("]}")
}

// alone is how long single orders of one random SKU take, one after the other.
func (w *world) alone(ctx context.Context) (took []time.Duration, err error) {
	window := w.window("alone")
	line, err := drive.Dial(ctx, w.own.Address)
	if err != nil {
		return nil, err
	}
	defer line.Close()
	for n := range int64(loneOrders) {
		skus := oneRandom(draw(window, n))
		asked := time.Now()
		if err := w.order(line, orderID(window, 0, n), skus, 1, locked); err != nil {
			return nil, err
		}
		took = append(took, time.Since(asked))
	}
	found, err := w.database.find(ctx, "inventory", window)
	if err != nil {
		return nil, err
	}
	return took, rows{locked: loneOrders, lines: loneOrders, movements: loneOrders}.compare(found)
}
