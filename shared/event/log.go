package event

import (
	"net/http"

	"go.uber.org/zap"
)

// LogFields are what a log line says of an event, so that it is found by the
// order, the SKU and the trace it belongs to.
func LogFields(e Event) []zap.Field {
	fields := []zap.Field{zap.String("event_id", e.ID), zap.String("event_type", e.Type), zap.String("subject", e.Subject)}
	if t, known := TypeOf(e.Type); known && e.Subject != "" {
		if field := t.subjectField(); field == "order_id" || field == "sku" {
			fields = append(fields, zap.String(field, e.Subject))
		}
	}
	if id := traceID(e.Traceparent); id != "" {
		fields = append(fields, zap.String("trace_id", id))
	}
	return fields
}

// deliveryFields add to them what the edge has told the caller of its request.
func deliveryFields(h http.Header, e Event) []zap.Field {
	if e.Traceparent == "" {
		e.Traceparent = h.Get("Traceparent")
	}
	return append(LogFields(e), zap.String("request_id", h.Get("X-Request-Id")))
}

// traceID is the second field of a W3C traceparent.
func traceID(traceparent string) string {
	const from, to = len("00-"), len("00-") + 32
	if len(traceparent) < to {
		return ""
	}
	return traceparent[from:to]
}
