package telemetry

import (
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"
)

// Instrument is a metric that a function has.
type Instrument struct {
	Name        string // as Prometheus shows it, its unit in it, without _bucket, _sum and _count
	Kind        string
	Description string
}

// Listen starts metrics that go nowhere. The function that it returns tells
// which ones have been made since.
func Listen() (*Telemetry, func() []Instrument) {
	var mu sync.Mutex
	made := map[string]Instrument{}
	hear := func(i metric.Instrument) (metric.Stream, bool) {
		mu.Lock()
		defer mu.Unlock()
		if told := instrument(i); !dropped(i) {
			made[told.Name] = told
		}
		return metric.Stream{}, false
	}
	provider := metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()), metric.WithView(hear))
	otel.SetMeterProvider(provider)
	return &Telemetry{stops: []stop{provider.Shutdown}}, func() []Instrument {
		mu.Lock()
		defer mu.Unlock()
		var all []Instrument
		for _, i := range made {
			all = append(all, i)
		}
		slices.SortFunc(all, func(a, b Instrument) int { return strings.Compare(a.Name, b.Name) })
		return all
	}
}

func dropped(i metric.Instrument) bool {
	return slices.ContainsFunc(views(), func(view metric.View) bool {
		stream, matches := view(i)
		_, drop := stream.Aggregation.(metric.AggregationDrop)
		return matches && drop
	})
}

func instrument(i metric.Instrument) Instrument {
	kind, shown := kindOf(i.Kind)
	namer := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
	name, err := namer.Build(otlptranslator.Metric{Name: i.Name, Unit: i.Unit, Type: shown})
	if err != nil {
		otel.Handle(err)
	}
	return Instrument{Name: name, Kind: kind, Description: i.Description}
}

func kindOf(k metric.InstrumentKind) (string, otlptranslator.MetricType) {
	switch k {
	case metric.InstrumentKindCounter, metric.InstrumentKindObservableCounter:
		return "counter", otlptranslator.MetricTypeMonotonicCounter
	case metric.InstrumentKindHistogram:
		return "histogram", otlptranslator.MetricTypeHistogram
	case metric.InstrumentKindUpDownCounter, metric.InstrumentKindObservableUpDownCounter:
		return "gauge", otlptranslator.MetricTypeNonMonotonicCounter
	default:
		return "gauge", otlptranslator.MetricTypeGauge
	}
}
