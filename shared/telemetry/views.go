package telemetry

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
)

// views leave of the HTTP server's metrics what somebody looks at. The Host
// header must go: whoever calls could make a time series with each request.
func views() []metric.View {
	kept := attribute.NewAllowKeysFilter("http.route", "http.request.method", "http.response.status_code")
	return []metric.View{
		metric.NewView(metric.Instrument{Name: "http.server.request.duration"}, metric.Stream{AttributeFilter: kept}),
		metric.NewView(metric.Instrument{Name: "http.server.*.body.size"}, metric.Stream{Aggregation: metric.AggregationDrop{}}),
	}
}
