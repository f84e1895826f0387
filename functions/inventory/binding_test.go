package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/event/conformance"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

func TestOrdersHoldToEachMustOfCloudEvents(t *testing.T) {
	t.Parallel()
	s := stocked(t, map[string]int{"ICE-1": 10})
	placed := event.Event{
		ID: "placed-1", Source: "/order-service", Type: event.OrderPlaced, Subject: "o-1",
		Data: json.RawMessage(`{"lines":[{"quantity":2,"sku":"ICE-1"}],"order_id":"o-1"}`),
	}
	servicetest.Binding(t, s.Server, "/", placed, nil, func(t *testing.T, c conformance.Case, a servicetest.Answer) {
		if c.Other {
			require.Contains(t, []int{http.StatusBadRequest, http.StatusUnprocessableEntity}, a.Status, "%s", a.Body)
			return
		}
		require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
		reply, err := event.FromResponse(&http.Response{Header: a.Header, Body: io.NopCloser(bytes.NewReader(a.Body))})
		require.NoError(t, err)
		require.Equal(t, event.InventoryLocked, reply.Type)
		require.Equal(t, event.ReplyID("o-1", "placed"), reply.ID)
	})
	require.EqualValues(t, 8, s.stock("ICE-1").Available, "however often and in whatever form it came, it is one order")
	s.sound()
}
