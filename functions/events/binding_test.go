package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/event/conformance"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

func TestDeliveriesHoldToEachMustOfCloudEvents(t *testing.T) {
	t.Parallel()
	s := start(t, startBroker(t))
	ping := event.Event{ID: "ping-1", Source: "/ping", Type: event.Ping, Subject: "tick", Data: json.RawMessage(`{}`)}
	servicetest.Binding(t, s, "/", ping, nil, func(t *testing.T, _ conformance.Case, a servicetest.Answer) {
		require.Equal(t, http.StatusAccepted, a.Status, "%s", a.Body)
		require.Empty(t, a.Body)
	})
}

// A dead letter is kept as it was sent, whatever it holds: it may be replayed.
func TestDeadLettersHoldToEachMustOfCloudEvents(t *testing.T) {
	t.Parallel()
	s := start(t, startBroker(t))
	admin := s.Bearer(t, "events:admin")
	low := event.Event{ID: "low-1", Source: event.FromInventory, Type: event.StockLow, Subject: "A", Data: json.RawMessage(`{"available":1,"sku":"A"}`)}
	servicetest.Binding(t, s, "/dead-letters", low, nil, func(t *testing.T, c conformance.Case, a servicetest.Answer) {
		require.Equal(t, http.StatusAccepted, a.Status, "%s", a.Body)
		var list struct{ Items []struct{ ID uuid.UUID } }
		s.Do(t, "GET", "/v1/dead-letters", nil, admin).JSON(t, &list)
		require.Len(t, list.Items, 1)
		path := "/v1/dead-letters/" + list.Items[0].ID.String()
		var letter struct{ Event event.Event }
		s.Do(t, "GET", path, nil, admin).JSON(t, &letter)
		require.Equal(t, *c.Want, letter.Event)
		require.Equal(t, http.StatusNoContent, s.Do(t, "DELETE", path, nil, admin).Status)
	})
}

func TestInteractionsAsEventsHoldToEachMustOfCloudEvents(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	click := event.Event{ID: "click-1", Source: "https://shop", Type: event.InteractionClicked, Subject: "ICE-9", Data: json.RawMessage(`{"consent":false,"sku":"ICE-9"}`)}
	// Here what names itself no event is read as a list of interactions.
	refused := map[string]int{
		"HTTP 1.4 refuses a format it cannot handle":                    http.StatusUnsupportedMediaType,
		"CE 3.1 requires specversion in binary mode":                    http.StatusUnprocessableEntity,
		"CE 3.1 requires more than an empty specversion in binary mode": http.StatusUnprocessableEntity,
	}
	servicetest.Binding(t, s, "/v1/interactions", click, refused, func(t *testing.T, c conformance.Case, a servicetest.Answer) {
		require.Equal(t, http.StatusAccepted, a.Status, "%s", a.Body)
		if c.Other {
			return
		}
		var got taken
		a.JSON(t, &got)
		require.Equal(t, 1, got.Accepted, "%s", a.Body)
		took := b.took()
		e := took[len(took)-1]
		require.Equal(t, click.ID, e.ID)
		require.Equal(t, click.Type, e.Type)
		require.Equal(t, "ICE-9", dataOf(t, e).SKU)
	})
}

// The cases of one event in a batch: each item is judged alone.
func TestABatchHoldsToEachMustOfTheJSONFormat(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	require.Equal(t, taken{Rejected: []struct {
		Index  int
		Reason string
	}{}}, interact(t, s, `[]`, contentType("application/cloudevents-batch+json")), "a batch may be empty")

	click := event.Event{ID: "click-1", Source: "https://shop", Type: event.InteractionClicked, Subject: "ICE-9", Data: json.RawMessage(`{"consent":false,"sku":"ICE-9"}`)}
	batch, wrong := []byte("\xef\xbb\xbf["), map[int]string{}
	n := 0
	for _, c := range conformance.Cases(click) {
		if c.Header.Get("Content-Type") != "application/cloudevents+json" || !json.Valid(c.Body) || c.Other {
			continue
		}
		if n > 0 {
			batch = append(batch, ',')
		}
		if c.Want == nil {
			wrong[n] = c.Name()
		}
		// Two items of one id would be one interaction, twice.
		body := bytes.ReplaceAll(c.Body, []byte(click.ID), []byte("click-"+strconv.Itoa(n)))
		batch, n = append(batch, body...), n+1
	}
	got := interact(t, s, append(batch, ']'), contentType("Application/CloudEvents-Batch+JSON; charset=UTF-8"))
	require.Equal(t, n-len(wrong), got.Accepted)
	require.Len(t, b.took(), got.Accepted)
	for _, r := range got.Rejected {
		require.NotEmpty(t, wrong[r.Index], r.Reason)
		require.NotEmpty(t, r.Reason, wrong[r.Index])
	}
	require.Len(t, got.Rejected, len(wrong))
}
