package faults

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/broker"
	"github.com/mallhive/product-service/knative/local/client"
	"github.com/mallhive/product-service/knative/local/issuer"
	"github.com/mallhive/product-service/knative/local/manifest"
)

// message is what the order service says of an order.
func message(order, step string, data map[string]any) client.Event {
	data["order_id"] = order
	return client.Event{ID: order + "-" + step, Type: "com.mallhive.order." + step + ".v1", Source: orderService, Subject: order,
		Time: time.Now(), Data: data}
}

func placed(order, sku string, quantity int) client.Event {
	return message(order, "placed", map[string]any{"lines": wanted(sku, quantity)})
}

func paid(order string) client.Event { return message(order, "paid", map[string]any{}) }

func cancelled(order string) client.Event {
	return message(order, "cancelled", map[string]any{"reason": "faults"})
}

func givenBack(order, sku string, quantity int) client.Event {
	return message(order, "returned", map[string]any{"lines": wanted(sku, quantity), "restock": true})
}

func wanted(sku string, quantity int) []any {
	return []any{map[string]any{"sku": sku, "quantity": quantity}}
}

// publish hands a message to the broker, from where it is delivered until it is
// answered.
func (w *world) publish(m client.Event) {
	w.t.Helper()
	_, err := client.New(w.brokerURL(), "").Publish(context.Background(), m)
	require.NoError(w.t, err)
}

// orderTrigger is what brings the order service's messages to inventory.
func (w *world) orderTrigger() broker.Trigger {
	at := slices.IndexFunc(w.manifest.Triggers, func(t manifest.Trigger) bool { return t.Name == "inventory-orders" })
	require.NotEqual(w.t, -1, at)
	trigger, err := w.manifest.Triggers[at].Runnable(w.localAddress)
	require.NoError(w.t, err)
	return trigger
}

// deliveryToken is what the broker's deliveries to inventory carry.
func (w *world) deliveryToken() string {
	trigger := w.orderTrigger()
	token, err := w.issuer.Token(issuer.Claims{Subject: trigger.Subject, Audience: trigger.Subscriber.Audience})
	require.NoError(w.t, err)
	return token
}

// deliver brings a message to an instance of inventory, once, as the broker does.
func (w *world) deliver(instance string, m client.Event) (client.Reply, error) {
	c := client.New(w.functionURL(instance)+"/", w.deliveryToken())
	c.HTTP.Transport = &http.Transport{DisableKeepAlives: true}
	return c.Publish(context.Background(), m)
}

// short is the end of a reply's type: locked, rejected …
func short(kind string) string {
	return strings.TrimSuffix(strings.TrimPrefix(kind, "com.mallhive.inventory."), ".v1")
}
