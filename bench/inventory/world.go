package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mallhive/product-service/bench/drive"
	"github.com/mallhive/product-service/bench/stage"
	"github.com/mallhive/product-service/knative/local/issuer"
)

// world is all that is measured and what it is measured with.
type world struct {
	stage    *stage.Stage
	dir      string
	own      *drive.Server
	database database
	span     time.Duration
	token    string // of the Trigger, as every delivery carries it
	writer   string // of who fills and audits
	windows  int
}

const databaseName = "bench_inventory"

func openWorld(ctx context.Context, dir string, span time.Duration) (w *world, err error) {
	w = &world{dir: dir, span: span}
	w.stage, err = stage.Open(ctx, stage.Options{Admin: os.Getenv("TEST_DATABASE_URL"), Name: databaseName})
	if err != nil {
		return nil, err
	}
	if err := w.fill(ctx); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) close() {
	if w.own != nil {
		w.own.Stop()
	}
	if w.database.Postgres != nil {
		w.database.Close()
	}
	w.stage.Close()
}

func (w *world) fill(ctx context.Context) (err error) {
	if w.database.Postgres, err = drive.OpenPostgres(ctx, w.stage.URL(nil)); err != nil {
		return err
	}
	say("building the functions as shipped")
	if err := stage.BuildAsShipped(ctx, w.dir, "functions/catalog", "functions/inventory"); err != nil {
		return err
	}
	if w.writer, err = w.stage.Issuer.Token(issuer.Claims{Scopes: []string{"catalog:write", "inventory:write"}}); err != nil {
		return err
	}
	w.token, err = w.stage.Issuer.Token(issuer.Claims{Subject: "system:serviceaccount:product-service:trigger", Audience: "product-service", Life: 2 * time.Hour})
	if err != nil {
		return err
	}
	say("filling: %d SKUs, offered and counted", skus)
	if err := w.offer(ctx); err != nil {
		return err
	}
	if w.own, err = w.serve(ctx); err != nil {
		return err
	}
	if err := w.count(ctx); err != nil {
		return err
	}
	if err := makeReference(ctx, w.database.Conn); err != nil {
		return err
	}
	_, err = w.database.Conn.Exec(ctx, "vacuum (analyze)")
	return err
}

// serve starts the function as the manifest has it; also are settings besides.
func (w *world) serve(ctx context.Context, also ...string) (*drive.Server, error) {
	env := append(w.stage.Env("inventory", w.stage.Login("inventory")), "PUBLIC_RATE_LIMIT=0")
	return drive.Serve(ctx, "inventory", filepath.Join(w.dir, "inventory"), append(env, also...))
}

type offered struct {
	Slug     string    `json:"slug"`
	Name     string    `json:"name"`
	Status   string    `json:"status"`
	Variants []variant `json:"variants"`
}

type variant struct {
	SKU   string         `json:"sku"`
	Price map[string]any `json:"price"`
}

// offer makes a product of every SKU.
func (w *world) offer(ctx context.Context) error {
	catalog, err := drive.Serve(ctx, "catalog", filepath.Join(w.dir, "catalog"), w.stage.Env("catalog", w.stage.Login("catalog")))
	if err != nil {
		return err
	}
	defer catalog.Stop()
	return drive.ImportRows(ctx, catalog, w.writer, "products", skus, func(i int) any {
		sku := skuOf(firstSKU + i)
		price := map[string]any{"amount": 1000 + i, "currency": "USD"}
		return offered{Slug: strings.ToLower(sku), Name: "Product " + sku, Status: "active", Variants: []variant{{sku, price}}}
	})
}

type counted struct {
	SKU      string `json:"sku"`
	Location string `json:"location"`
	OnHand   int    `json:"on_hand"`
}

// fewPieces is what there is of the SKU that one order buys out.
const fewPieces = 100

// count puts stock of every SKU on hand, and lets an order buy one of them out.
func (w *world) count(ctx context.Context) error {
	if err := drive.PutLocation(ctx, w.own, w.writer, location); err != nil {
		return err
	}
	err := drive.ImportRows(ctx, w.own, w.writer, "stock", skus+2, func(i int) any {
		row := counted{SKU: skuOf(firstSKU + i), Location: location, OnHand: stockEach}
		if firstSKU+i == soldOut {
			row.OnHand = fewPieces
		}
		return row
	})
	if err != nil {
		return err
	}
	line, err := drive.Dial(ctx, w.own.Address)
	if err != nil {
		return err
	}
	defer line.Close()
	return w.order(line, "buyer-1", []int{soldOut}, fewPieces, locked)
}

// window names the next one; no name begins another.
func (w *world) window(kind string) string {
	w.windows++
	return fmt.Sprintf("%s%d", kind, w.windows)
}
