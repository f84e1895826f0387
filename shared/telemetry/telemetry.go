// Package telemetry starts OpenTelemetry when OTEL_* asks for it and costs
// nothing when not. Traces and metrics are pushed (OTLP), because what scales
// to zero loses what is only scraped, or offered to Prometheus.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
)

// Telemetry is what was started; the zero value is telemetry that is off.
type Telemetry struct {
	tracing bool
	stops   []stop
}

type stop func(context.Context) error

// Start reads OTEL_*. It contacts nothing before there is something to send.
func Start(ctx context.Context, function string, getenv func(string) string) (*Telemetry, error) {
	t := &Telemetry{}
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return t, nil
	}
	otlp := getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != ""
	traces := on(getenv("OTEL_TRACES_EXPORTER"), otlp || getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "")
	metrics := on(getenv("OTEL_METRICS_EXPORTER"), otlp || getenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") != "")
	if !traces && !metrics {
		return t, nil
	}
	who := describe(ctx, function, getenv)
	if traces {
		exporter, err := autoexport.NewSpanExporter(ctx)
		if err != nil {
			return nil, fmt.Errorf("OTEL_TRACES_EXPORTER: %w", err)
		}
		provider := trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(who))
		otel.SetTracerProvider(provider)
		t.tracing, t.stops = true, append(t.stops, provider.Shutdown)
	}
	if metrics {
		reader, err := autoexport.NewMetricReader(ctx)
		if err != nil {
			return nil, fmt.Errorf("OTEL_METRICS_EXPORTER: %w", err)
		}
		provider := metric.NewMeterProvider(metric.WithReader(reader), metric.WithResource(who), metric.WithView(views()...))
		otel.SetMeterProvider(provider)
		t.stops = append(t.stops, provider.Shutdown)
	}
	otel.SetTextMapPropagator(propagation.TraceContext{})
	return t, nil
}

func on(exporter string, byEndpoint bool) bool {
	if exporter == "" {
		return byEndpoint
	}
	return exporter != "none"
}

func describe(ctx context.Context, function string, getenv func(string) string) *resource.Resource {
	host, _ := os.Hostname()
	own := []attribute.KeyValue{
		attribute.String("service.namespace", "product-service"),
		attribute.String("service.name", function),
		attribute.String("service.version", getenv("K_REVISION")),
		attribute.String("service.instance.id", host),
	}
	// OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME win over ours.
	r, err := resource.New(ctx, resource.WithAttributes(own...), resource.WithFromEnv())
	if err != nil {
		return resource.NewSchemaless(own...)
	}
	return r
}

// Handler gives each request a span and the HTTP server metrics.
func (t *Telemetry) Handler(next http.Handler) http.Handler {
	if len(t.stops) == 0 {
		return next
	}
	return otelhttp.NewHandler(next, "http", otelhttp.WithFilter(func(r *http.Request) bool {
		return r.URL.Path != "/healthz" && r.URL.Path != "/readyz"
	}))
}

// QueryTracer gives each query a span; nil when traces are off.
func (t *Telemetry) QueryTracer() pgx.QueryTracer {
	if !t.tracing {
		return nil
	}
	return otelpgx.NewTracer()
}

// Stop sends what is left.
func (t *Telemetry) Stop(ctx context.Context) error {
	var errs []error
	for _, stop := range t.stops {
		errs = append(errs, stop(ctx))
	}
	return errors.Join(errs...)
}
