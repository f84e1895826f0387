package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/mallhive/product-service/knative/local/broker"
	"github.com/mallhive/product-service/knative/local/issuer"
	"github.com/mallhive/product-service/knative/local/manifest"
)

func (s *stack) makeBroker() (*broker.Broker, error) {
	local := s.settings.localAddress(s.manifest)
	var triggers []broker.Trigger
	for _, t := range s.manifest.Triggers {
		runnable, err := t.Runnable(local)
		if err != nil {
			return nil, err
		}
		triggers = append(triggers, runnable)
	}
	return broker.New(broker.Options{
		Namespace: s.manifest.Broker.Namespace, Name: s.manifest.Broker.Name, Triggers: triggers,
		BackoffScale: s.settings.backoff, CopiesFrom: s.settings.copies.from, CopiesTo: s.settings.copies.to, Log: s.log.Named("broker"),
		Token: func(subject, audience string) (string, error) {
			return s.issuer.Token(issuer.Claims{Subject: subject, Audience: audience})
		},
	})
}

// brokerHandler is the ingress, and GET /stats for whoever wants to know what
// each Trigger and each instance of inventory did.
func (s *stack) brokerHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s.broker)
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"triggers": s.broker.Stats(), "inventory": s.shares()})
	})
	return mux
}

// keepPending writes down what was not delivered, so that a stop loses nothing.
func (s *stack) keepPending(rest []broker.Undelivered) {
	file := s.settings.path("pending.json")
	_ = os.Remove(file)
	if len(rest) == 0 {
		return
	}
	text, err := json.Marshal(rest)
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		s.say("%d events that the broker had not delivered are lost: %v", len(rest), err)
		return
	}
	s.say("%d events were not delivered yet; the next start goes on with them", len(rest))
}

func (s *stack) restorePending() {
	file := s.settings.path("pending.json")
	text, err := os.ReadFile(file)
	if err != nil {
		return
	}
	var rest []broker.Undelivered
	if err := json.Unmarshal(text, &rest); err != nil {
		s.say("%s cannot be read, its events are not delivered: %v", file, err)
		return
	}
	s.say("delivering %d events that the last stop left", s.broker.Restore(rest))
	_ = os.Remove(file)
}

// tick sends what the ping sources send, each minute that their schedule names.
func (s *stack) tick(ctx context.Context) {
	for {
		next := time.Now().Truncate(time.Minute).Add(time.Minute)
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(next)):
		}
		for _, p := range s.manifest.Pings {
			if p.Due(next) {
				s.ping(ctx, p)
			}
		}
	}
}

func (s *stack) ping(ctx context.Context, p manifest.Ping) {
	e := event.New()
	e.SetID(uuid.NewString())
	e.SetType("dev.knative.sources.ping")
	e.SetSource(p.Source())
	e.SetTime(time.Now())
	if err := e.SetData(p.ContentType, []byte(p.Data)); err != nil {
		s.log.Warn("tick", zap.Error(err))
		return
	}
	if err := s.broker.Publish(ctx, e); err != nil {
		s.log.Warn("tick", zap.Error(err))
	}
}
