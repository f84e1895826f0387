package event_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
)

const placed = `{"order_id":"o-1","lines":[{"sku":"A","quantity":1}]}`

func order(data string) *http.Request {
	return post("application/json", data, "ce-specversion", "1.0", "ce-id", "1", "ce-source", "/order-service",
		"ce-type", event.OrderPlaced, "ce-subject", "o-1", "ce-traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
}

func deliver(o event.Receiving, do event.Handler, r *http.Request) *http.Response {
	rec := httptest.NewRecorder()
	o.PublicBaseURL = base
	event.Receive(o, map[string]event.Handler{event.OrderPlaced: do}).ServeHTTP(rec, r)
	return rec.Result()
}

func answer(err error) event.Handler {
	return func(context.Context, event.Event) (*event.Event, error) { return nil, err }
}

// Knative retries 5xx, 404, 408, 409 and 429: a final answer is never one.
func TestEveryFaultOfAHandlerHasItsVerdict(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		status int
	}{
		"done":            {nil, 202},
		"malformed":       {fault.New(fault.Malformed, "bad", "bad"), 400},
		"invalid":         {fault.InvalidInput(fault.At("/lines", "bad", "bad")), 422},
		"missing":         {fault.Missing("no such order"), 422},
		"gone":            {fault.Deleted("gone"), 422},
		"conflict":        {fault.Clash("other_lines", "other lines"), 422},
		"stale":           {fault.Stale("stale"), 422},
		"denied":          {fault.New(fault.Denied, "no", "no"), 403},
		"unauthenticated": {fault.New(fault.Unauthenticated, "no", "no"), 401},
		"passing":         {fault.Passing(errors.New("secret"), 7*time.Second, "later"), 503},
		"deadline":        {context.DeadlineExceeded, 503},
		"hung up":         {context.Canceled, 503},
		"a bug":           {errors.New("secret"), 500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp := deliver(event.Receiving{}, answer(c.err), order(placed))
			require.Equal(t, c.status, resp.StatusCode)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.NotContains(t, string(body), "secret")
			if c.status < 300 {
				require.Empty(t, body, "any body that is no event would be a 502")
				return
			}
			require.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"))
			require.Equal(t, c.status == 503, resp.Header.Get("Retry-After") != "")
			if c.status >= 400 && c.status < 500 {
				require.NotContains(t, []int{404, 408, 409, 429}, resp.StatusCode)
			}
		})
	}
}

func TestARetryIsAskedForWhenTheFaultPasses(t *testing.T) {
	t.Parallel()
	resp := deliver(event.Receiving{}, answer(fault.Passing(nil, 7*time.Second, "later")), order(placed))
	require.Equal(t, "7", resp.Header.Get("Retry-After"))
}

func TestWhatIsWrongBeforeTheHandlerNeverReachesIt(t *testing.T) {
	t.Parallel()
	denied := event.Receiving{Authorize: func(*http.Request) error { return fault.New(fault.Unauthenticated, "token_required", "no token") }}
	large := `{"order_id":"o-1","lines":[{"sku":"A","quantity":1}],"x":"` + strings.Repeat("x", event.MaxBytes) + `"}`
	for name, c := range map[string]struct {
		o      event.Receiving
		r      *http.Request
		status int
	}{
		"no token":        {denied, order(placed), 401},
		"not an event":    {event.Receiving{}, post("application/json", placed), 400},
		"batch":           {event.Receiving{}, post("application/cloudevents-batch+json", "[]"), 400},
		"data cut":        {event.Receiving{}, order(`{"order_id":`), 400},
		"no data":         {event.Receiving{}, order(``), 400},
		"breaks schema":   {event.Receiving{}, order(`{"order_id":"o-1","lines":[]}`), 422},
		"data not JSON":   {event.Receiving{}, post("text/plain", placed, "ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", event.OrderPlaced), 422},
		"more than 1 MiB": {event.Receiving{}, order(large), 413},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp := deliver(c.o, func(context.Context, event.Event) (*event.Event, error) {
				t.Error("the handler was called")
				return nil, nil
			}, c.r)
			require.Equal(t, c.status, resp.StatusCode)
			var p struct {
				Code   string
				Status int
			}
			require.NoError(t, json.NewDecoder(resp.Body).Decode(&p))
			require.Equal(t, c.status, p.Status)
			require.NotEmpty(t, p.Code)
		})
	}
}

func TestAnUnknownTypeIsTakenWithoutAHandler(t *testing.T) {
	t.Parallel()
	r := order(placed)
	r.Header.Set("Ce-Type", "com.mallhive.order.shipped.v1")
	resp := deliver(event.Receiving{}, answer(errors.New("not called")), r)
	require.Equal(t, http.StatusAccepted, resp.StatusCode)
}

func TestAReplyIsAnEventOfTheContract(t *testing.T) {
	t.Parallel()
	reply, err := event.New(event.InventoryLocked, event.FromInventory, "o-1", event.ReservationData{OrderID: "o-1", State: "locked", Lines: []event.ReservationLineData{}})
	require.NoError(t, err)
	reply.ID = event.ReplyID("o-1", "placed")
	reply.Sequence = 9
	for range 2 {
		resp := deliver(event.Receiving{}, func(context.Context, event.Event) (*event.Event, error) { return &reply, nil }, order(placed))
		require.Equal(t, http.StatusOK, resp.StatusCode)
		got, err := event.FromResponse(resp)
		require.NoError(t, err)
		require.NoError(t, event.NewSchemas().Check(got))
		require.Equal(t, reply.ID, got.ID)
		require.Equal(t, reply.Time, got.Time)
		require.Equal(t, event.SchemaURL(base, event.InventoryLocked), got.DataSchema)
		require.Contains(t, got.Traceparent, "4bf92f3577b34da6a3ce929d0e0e4736")
	}
}

func TestTheLineOfADeliveryIsFoundByOrderAndTrace(t *testing.T) {
	t.Parallel()
	for message, err := range map[string]error{"event taken": nil, "event refused": fault.Missing("no such order")} {
		core, logs := observer.New(zap.DebugLevel)
		require.NoError(t, deliver(event.Receiving{Log: zap.New(core)}, answer(err), order(placed)).Body.Close())
		lines := logs.FilterMessage(message).All()
		require.Len(t, lines, 1, message)
		said := lines[0].ContextMap()
		require.Equal(t, "o-1", said["order_id"], message)
		require.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", said["trace_id"], message)
		require.Equal(t, "1", said["event_id"], message)
	}
}
