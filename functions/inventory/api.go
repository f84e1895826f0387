package main

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"go.opentelemetry.io/otel"

	"github.com/mallhive/product-service/functions/inventory/internal/availability"
	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/service"
	"github.com/mallhive/product-service/shared/web"
)

// routes is the whole surface of the function.
func routes(_ context.Context, cfg *config, s *service.Service) error {
	introduce(s.API)
	waker, err := outbox.OpenWaker(cfg.SinkOptions(), event.FromInventory, s.Log)
	if err != nil {
		return err
	}
	s.OnDrain(waker.Close)
	told, err := measure(otel.Meter(meter))
	if err != nil {
		return err
	}
	queue := reservation.NewQueue(s.DB, cfg.rules(), reservation.Options{MaxWait: cfg.LockMaxWait, Observe: told.decided})
	if err := told.watch(queue.Waiting); err != nil {
		return err
	}
	came := handOver(s.DB, s.Log, waker.Wake)
	api := s.API
	public, lock, write, read := web.Public(), web.Scope("inventory:lock"), web.Scope("inventory:write"), web.Scope("inventory:lock", "inventory:write")

	checker := availability.NewChecker(s.DB)
	web.Register(api, web.Quickly(operation("check-availability", "POST", "/v1/availability", "Whether a cart can be ordered now, and why not", "availability", public),
		quickAvailability(checker, cfg.DefaultCurrency)), checkAvailability(checker, cfg.DefaultCurrency))

	web.Register(api, operation("list-stock", "GET", "/v1/stock", "Stock of all SKUs, or of those that run low", "stock", read), listStock(s.DB))
	web.Register(api, operation("get-stock", "GET", "/v1/stock/{sku}", "Stock of one SKU, by location", "stock", read, 404), getStock(s.DB))
	web.Register(api, operation("lookup-stock", "POST", "/v1/stock:lookup", "Stock of up to 250 SKUs", "stock", read), lookupStock(s.DB))
	web.Register(api, policyOperation(write), setPolicy(s.DB, waker.Wake))
	web.Register(api, countOperation(write), countStock(s.DB, came))
	web.Register(api, adjustOperation(write), adjustStock(s.DB, came))
	web.Register(api, transferOperation(write), transferStock(s.DB, came))
	importStock(api, write, s.DB, came)

	web.Register(api, operation("list-movements-of-sku", "GET", "/v1/stock/{sku}/movements", "The ledger of a SKU, newest first", "ledger", read, 404), movementsOfSKU(s.DB))
	web.Register(api, operation("list-movements-of-order", "GET", "/v1/movements", "The ledger of an order, newest first", "ledger", read), movementsOfOrder(s.DB))
	web.Register(api, operation("audit-stock", "GET", "/v1/stock:audit", "Levels that disagree with the ledger or with reservations: none, always", "ledger", read), auditStock(s.DB))

	web.Register(api, operation("list-locations", "GET", "/v1/locations", "Where stock lies, in the order in which locks take from it", "locations", write), listLocations(s.DB))
	web.Register(api, operation("get-location", "GET", "/v1/locations/{code}", "One location", "locations", write, 404), getLocation(s.DB))
	web.Register(api, creating(operation("put-location", "PUT", "/v1/locations/{code}", "Create or change a location", "locations", write, 412, 428)), putLocation(s.DB))

	web.Register(api, placeOperation(lock), placeReservation(s.DB, queue, cfg.rules(), waker.Wake))
	web.Register(api, operation("list-reservations", "GET", "/v1/reservations", "Reservations by state and SKU", "reservations", lock), listReservations(s.DB))
	web.Register(api, operation("get-reservation", "GET", "/v1/reservations/{order_id}", "The reservation of an order", "reservations", lock, 404), getReservation(s.DB))
	web.Register(api, withOutcomes(operation("commit-reservation", "POST", "/v1/reservations/{order_id}/commit", "Sell what an order locked", "reservations", lock, 409, 428), reservation.Paid), stepReservation(s.DB, reservation.Paid, waker.Wake))
	web.Register(api, withOutcomes(operation("release-reservation", "POST", "/v1/reservations/{order_id}/release", "Free what an order locked, take back what it bought", "reservations", lock, 409, 428), reservation.Cancelled), stepReservation(s.DB, reservation.Cancelled, waker.Wake))
	web.Register(api, withOutcomes(operation("return-reservation", "POST", "/v1/reservations/{order_id}/return", "Take goods of an order back", "reservations", lock, 409, 428), reservation.Returned), returnReservation(s.DB, waker.Wake))
	web.Register(api, operation("extend-reservation", "POST", "/v1/reservations/{order_id}/extend", "Let a lock hold longer", "reservations", lock, 404, 409), extendReservation(s.DB, cfg.rules()))

	// Deliveries of the broker; the ingress does not route it.
	table := orders(s.DB, queue, waker.Wake)
	table[event.Ping] = told.auditing(s.DB, s.Log, table[event.Ping])
	api.Mount("POST /{$}", event.Receive(event.Receiving{
		Authorize: s.EventAuth(cfg.EventConfig), PublicBaseURL: cfg.PublicBaseURL, Log: s.Log,
	}, table))
	return nil
}

// operation documents an operation; also are the statuses it can answer besides
// those that all can.
func operation(id, method, path, summary, tag string, security []map[string][]string, also ...int) huma.Operation {
	op := huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{tag}, Security: security, Errors: also}
	if method == http.MethodPost {
		op.DefaultStatus = http.StatusOK
	}
	return op
}

// creating says that a PUT may be the first.
func creating(op huma.Operation) huma.Operation {
	op.Responses = map[string]*huma.Response{"201": {Description: "Created"}}
	return op
}

// private is the Cache-Control of everything here: stock is read from the
// primary and never kept.
const private = "private, no-store"
