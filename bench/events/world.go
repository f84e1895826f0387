package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/mallhive/product-service/bench/drive"
	"github.com/mallhive/product-service/bench/stage"
	"github.com/mallhive/product-service/knative/local/issuer"
)

// world is what is measured and what it is measured with.
type world struct {
	dir    string // of programs
	rounds int
	span   time.Duration
	rows   int

	stage    *stage.Stage
	database *drive.Postgres
	broker   *broker
	token    string // of the Trigger, as every delivery carries it
}

func (w *world) open(ctx context.Context) (err error) {
	w.broker = newBroker()
	w.stage, err = stage.Open(ctx, stage.Options{
		Admin: os.Getenv("TEST_DATABASE_URL"), Name: "bench_events",
		Handle: func(mux *http.ServeMux) { mux.Handle("POST /events", w.broker) },
	})
	if err != nil {
		return err
	}
	if w.database, err = drive.OpenPostgres(ctx, w.stage.URL(nil)); err != nil {
		return err
	}
	say("building the function as shipped")
	if err := stage.BuildAsShipped(ctx, w.dir, "functions/events"); err != nil {
		return err
	}
	w.token, err = w.stage.Issuer.Token(issuer.Claims{
		Subject: "system:serviceaccount:product-service:trigger", Audience: "product-service", Life: 2 * time.Hour,
	})
	return err
}

func (w *world) close() {
	if w.database != nil {
		w.database.Close()
	}
	if w.stage != nil {
		w.stage.Close()
	}
}

// serve starts the function as the manifest has it, with its events going to
// the broker; also are settings besides.
func (w *world) serve(ctx context.Context, also ...string) (*drive.Server, error) {
	env := append(w.stage.Env("events", w.stage.Login("events")), "K_SINK="+w.stage.Server.URL+"/events", "PUBLIC_RATE_LIMIT=0", "LOG_LEVEL=error")
	return drive.Serve(ctx, "events", filepath.Join(w.dir, "events"), append(env, also...))
}
