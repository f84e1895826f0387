package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/mallhive/product-service/knative/local/broker"
	"github.com/mallhive/product-service/knative/local/issuer"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/service"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

// The whole way: a commit wakes the function through the broker, which sends
// the change back through the broker to who wants it; what nobody takes comes
// back as a dead letter.
func TestAChangeFindsItsWayThroughTheBroker(t *testing.T) {
	t.Parallel()
	recommendation := startBroker(t)
	failing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnprocessableEntity) }))
	t.Cleanup(failing.Close)
	var ingress http.Handler
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { ingress.ServeHTTP(w, r) }))
	t.Cleanup(front.Close)
	cfg := &config{EventConfig: service.EventConfig{EventAuth: "oidc", EventAudience: "events", EventSubjects: []string{"outbox", "products", "stock"}}}
	cfg.Sink = front.URL + "/product-service/default"
	s := servicetest.Start(t, "events", cfg, routes)

	delivery := broker.Delivery{DeadLetter: &broker.Destination{URL: s.URL + "/dead-letters", Audience: "events"}}
	b, err := broker.New(broker.Options{
		Namespace: "product-service", BackoffScale: 0.01,
		Token: func(subject, audience string) (string, error) {
			return s.Issuer.Token(issuer.Claims{Subject: subject, Audience: audience})
		},
		Triggers: []broker.Trigger{
			{Name: "outbox", Subject: "outbox", Filters: exactly(event.OutboxReady), Subscriber: broker.Destination{URL: s.URL, Audience: "events"}, Delivery: delivery},
			{Name: "products", Subject: "products", Filters: exactly(event.ProductCreated), Subscriber: broker.Destination{URL: recommendation.URL}, Delivery: delivery},
			{Name: "stock", Subject: "stock", Filters: exactly(event.StockLow), Subscriber: broker.Destination{URL: failing.URL}, Delivery: delivery},
		},
	})
	require.NoError(t, err)
	ingress = b
	t.Cleanup(func() { b.Close() })

	waker, err := outbox.OpenWaker(event.SenderOptions{Sink: cfg.Sink}, event.FromCatalog, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { waker.Close(context.Background()) })
	product := newProduct(t, s)
	e, err := event.New(event.ProductCreated, event.FromCatalog, product.String(), nil)
	require.NoError(t, err)
	require.NoError(t, outbox.AppendState(context.Background(), s.DB.Pool(t, "catalog"), e))
	low := stockLow(t, "A", 1)
	appended(t, s, low)
	waker.Wake()

	require.Eventually(t, func() bool { return len(recommendation.took()) == 1 }, soon, time.Millisecond)
	require.Equal(t, product.String(), recommendation.took()[0].Subject)
	var letters struct {
		Items []struct{ EventID, Destination string }
	}
	require.Eventually(t, func() bool {
		s.Do(t, "GET", "/v1/dead-letters", nil, s.Bearer(t, "events:admin")).JSON(t, &letters)
		return len(letters.Items) == 1
	}, soon, 10*time.Millisecond)
	require.Contains(t, letters.Items[0].Destination, failing.URL)
	require.Zero(t, waiting(t, s))
}

func exactly(typ string) []broker.Filter {
	return []broker.Filter{{Exact: map[string]string{"type": typ}}}
}
