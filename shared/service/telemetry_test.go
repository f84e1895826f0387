package service_test

import (
	"context"
	"maps"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/service"
	"github.com/mallhive/product-service/shared/service/servicetest"
	"github.com/mallhive/product-service/shared/web"
)

// Not parallel: what measures is one for the whole process.
func TestAFunctionTellsPrometheusWhatIsWrittenOfIt(t *testing.T) {
	port := freePort(t)
	t.Setenv("OTEL_METRICS_EXPORTER", "prometheus")
	t.Setenv("OTEL_EXPORTER_PROMETHEUS_PORT", port)
	s := servicetest.Start(t, "catalog", &config{Config: service.Config{CacheBytes: 1 << 20}}, buildOrders)
	for range 2 {
		require.Equal(t, 200, s.Do(t, "GET", "/v1/orders/o-1/skus/A", nil).Status)
	}
	require.Equal(t, 409, s.Do(t, "GET", "/v1/orders/o-2/skus/A", nil).Status)
	require.Equal(t, 404, s.Do(t, "GET", "/no/such/path", nil).Status)
	want := map[string]string{
		`http_request_method="GET",http_response_status_code="200",http_route="/v1/orders/{order_id}/skus/{sku}"`: "2",
		`http_request_method="GET",http_response_status_code="404"`:                                               "1",
		`http_request_method="GET",http_response_status_code="409",http_route="/v1/orders/{order_id}/skus/{sku}"`: "1",
	}
	var told string
	require.Eventually(t, func() bool { // an answer is measured when it has been given
		told = scrape(t, s, port)
		return maps.Equal(want, samples(told, "http_server_request_duration_seconds_count"))
	}, 20*time.Second, 10*time.Millisecond, "by operation and status, and by nothing that a caller chooses")
	require.ElementsMatch(t, []string{`result="hit"`, `result="miss"`, `result="shared"`}, slices.Collect(maps.Keys(samples(told, "web_cache_requests_total"))))
	require.Equal(t, []string{""}, slices.Collect(maps.Keys(samples(told, "db_client_connection_max"))), "one sum for the pool, whatever else ran in this process")
	require.ElementsMatch(t, []string{`db_client_connection_state="idle"`, `db_client_connection_state="used"`}, slices.Collect(maps.Keys(samples(told, "db_client_connection_count"))))
	require.ElementsMatch(t, written(t, "catalog"), families(told))
}

// written are the metrics of a function in the documentation.
func written(t *testing.T, function string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/metrics.md")
	require.NoError(t, err)
	_, section, _ := strings.Cut(string(text), "\n## "+function+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	return joined(regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\w+) "), section)
}

func families(told string) []string {
	return slices.DeleteFunc(joined(regexp.MustCompile(`(?m)^# TYPE (\w+) (\w+)`), told), func(family string) bool {
		return strings.HasPrefix(family, "target_info ") || strings.HasPrefix(family, "promhttp_")
	})
}

func joined(row *regexp.Regexp, text string) []string {
	var found []string
	for _, m := range row.FindAllStringSubmatch(text, -1) {
		found = append(found, m[1]+" "+m[2])
	}
	return found
}

// samples are those of one name, by their labels without the scope's.
func samples(told, name string) map[string]string {
	found := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^`+name+`\{(.*)\} (\S+)$`).FindAllStringSubmatch(told, -1) {
		labels := slices.DeleteFunc(strings.Split(m[1], ","), func(l string) bool { return strings.HasPrefix(l, "otel_scope_") })
		found[strings.Join(labels, ",")] = m[2]
	}
	return found
}

func scrape(t *testing.T, s *servicetest.Server, port string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://localhost:"+port+"/metrics", nil)
	require.NoError(t, err)
	return string(s.Send(t, r).Body)
}

func buildOrders(_ context.Context, _ *config, s *service.Service) error {
	op := huma.Operation{OperationID: "get-sku-of-order", Method: "GET", Path: "/v1/orders/{order_id}/skus/{sku}", Summary: "test", Security: web.Public()}
	web.Register(s.API, op, func(_ context.Context, in *struct {
		Order string `path:"order_id"`
		SKU   string `path:"sku"`
	},
	) (*kept, error) {
		if in.Order == "o-2" {
			return nil, fault.Clash("other_lines", "no")
		}
		return &kept{CacheControl: web.PublicCache, Body: thing{Name: "o"}}, nil
	})
	return nil
}

type kept struct {
	CacheControl string `header:"Cache-Control"`
	Body         thing
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "localhost:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func TestTheLineOfARequestIsFoundByOrderSKUAndTrace(t *testing.T) {
	t.Parallel()
	s := servicetest.Start(t, "catalog", &config{}, buildOrders)
	s.Do(t, "GET", "/v1/orders/o-2/skus/A", nil, servicetest.Header{Name: "Traceparent", Value: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
	s.Stop()
	lines := s.Logs.FilterMessage("request").All()
	require.Len(t, lines, 1)
	said := lines[0].ContextMap()
	require.Equal(t, "o-2", said["order_id"])
	require.Equal(t, "A", said["sku"])
	require.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", said["trace_id"])
	require.NotEmpty(t, said["request_id"])
}
