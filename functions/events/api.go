package main

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"go.opentelemetry.io/otel"

	"github.com/mallhive/product-service/functions/events/internal/deadletter"
	"github.com/mallhive/product-service/functions/events/internal/interaction"
	"github.com/mallhive/product-service/functions/events/internal/relay"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/service"
	"github.com/mallhive/product-service/shared/web"
)

// routes is the whole surface of the function.
func routes(_ context.Context, cfg *config, s *service.Service) error {
	introduce(s.API)
	sink, err := openSink(cfg, s)
	if err != nil {
		return err
	}
	intake := interaction.New(interaction.Options{DB: s.DB, Send: sink.quick, Wake: sink.waker.Wake, Trouble: logGone(s.Log)})
	meter := otel.Meter(meterName)
	countTaken, err := countInteractions(meter)
	if err != nil {
		return err
	}
	lag, err := measureLag(meter)
	if err != nil {
		return err
	}
	drainer := relay.New(relay.Options{DB: s.DB, Send: sink.send, Trouble: logTrouble(s.Log), Sent: lag})
	s.OnStop(drainer.Close)
	count, err := countSent(meter)
	if err != nil {
		return err
	}
	if err := watchBacklog(meter, s.DB); err != nil {
		return err
	}
	if err := watchLetters(meter, s.DB); err != nil {
		return err
	}

	api := s.API
	admin := web.Scope("events:admin")
	api.Handle(interactionsOperation(api), takeInteractions(intake, countTaken))

	contract := published{cfg.PublicBaseURL}
	web.Register(api, operation("list-event-types", "GET", "/v1/event-types", "Every event type that comes in or goes out", "event types", web.Public()), contract.list)
	web.Register(api, web.Quickly(operation("get-event-type", "GET", "/v1/event-types/{type}", "One event type with its JSON Schema and an example", "event types", web.Public(), http.StatusNotFound), contract.alone), contract.one)
	offerSchema(api.Document().Paths["/v1/event-types/{type}"].Get)
	api.Handle(asyncapiOperation(), sendAsyncAPI(cfg.PublicBaseURL))

	web.Register(api, operation("list-dead-letters", "GET", "/v1/dead-letters", "Events that could not be delivered, newest first", "dead letters", admin), listLetters(s.DB))
	web.Register(api, operation("get-dead-letter", "GET", "/v1/dead-letters/{id}", "One dead letter with its event", "dead letters", admin, http.StatusNotFound), getLetter(s.DB))
	web.Register(api, operation("replay-dead-letter", "POST", "/v1/dead-letters/{id}/replay", "Send the event to the broker again, with its id and sequence", "dead letters", admin, http.StatusNotFound, http.StatusConflict), replayLetter(s.DB, sink.send))
	web.Register(api, deletion("delete-dead-letter", "/v1/dead-letters/{id}", "Forget a dead letter", "dead letters", admin), deleteLetter(s.DB))

	// Deliveries of the broker; the ingress routes neither.
	authorize := s.EventAuth(cfg.EventConfig)
	wake := drainOn(drainer, sink.waker, count)
	api.Mount("POST /{$}", event.Receive(event.Receiving{Authorize: authorize, PublicBaseURL: cfg.PublicBaseURL, Log: s.Log}, map[string]event.Handler{
		event.OutboxReady: wake,
		event.Ping:        wake,
	}))
	api.Mount("POST /dead-letters", takeLetter(authorize, s.DB, s.Log))
	return nil
}

func operation(id, method, path, summary, tag string, security []map[string][]string, errors ...int) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{tag}, Security: security, Errors: errors}
}

func deletion(id, path, summary, tag string, security []map[string][]string) huma.Operation {
	op := operation(id, http.MethodDelete, path, summary, tag, security, http.StatusNotFound)
	op.DefaultStatus = http.StatusNoContent
	return op
}

// sink is the broker as this function uses it. The senders are nil when there
// is none.
type sink struct {
	send  deadletter.Send // patient
	quick deadletter.Send // for callers who wait
	waker *outbox.Waker
}

func openSink(cfg *config, s *service.Service) (sink, error) {
	waker, err := outbox.OpenWaker(cfg.Sink, cfg.CEOverrides, event.FromEvents, s.Log)
	if err != nil {
		return sink{}, err
	}
	s.OnDrain(waker.Close)
	if cfg.Sink == "" {
		return sink{waker: waker}, nil
	}
	patient := event.SenderOptions{Sink: cfg.Sink, Overrides: cfg.CEOverrides, PublicBaseURL: cfg.PublicBaseURL, Timeout: relay.SendLimit}
	sender, err := event.NewSender(patient)
	if err != nil {
		return sink{}, err
	}
	hasty := patient
	hasty.Timeout, hasty.MaxConns = interaction.SendLimit, 128
	quick, err := event.NewSender(hasty)
	if err != nil {
		return sink{}, err
	}
	return sink{send: sender.Send, quick: quick.Send, waker: waker}, nil
}
