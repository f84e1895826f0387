package manifest_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/manifest"
)

const shipped = "../.."

func read(t *testing.T) *manifest.Stack {
	t.Helper()
	stack, err := manifest.Read(shipped)
	require.NoError(t, err)
	return stack
}

func function(t *testing.T, s *manifest.Stack, name string) manifest.Function {
	t.Helper()
	for _, f := range s.Functions {
		if f.Name == name {
			return f
		}
	}
	require.Fail(t, "no function "+name)
	return manifest.Function{}
}

func TestTheShippedManifestsDescribeTheWholeStack(t *testing.T) {
	t.Parallel()
	s := read(t)
	require.Len(t, s.Functions, 3)
	require.Equal(t, "github.com/mallhive/product-service/functions/catalog", function(t, s, "catalog").Package)
	require.Equal(t, "github.com/mallhive/product-service/shared/schema/migrate", s.Migrate)
	for _, f := range s.Functions {
		require.Equal(t, s.Broker.URL(), f.Value("K_SINK"), f.Name)
		require.Equal(t, "product-service/"+f.Name, f.Value("DATABASE_SECRET_ID"))
		require.Empty(t, f.Value("DATABASE_URL"), "a connection string would be a secret in Kubernetes")
		require.Empty(t, f.Value("OTEL_METRICS_EXPORTER"), "three functions cannot have one port")
	}
	require.Len(t, s.Pings, 1)
	require.True(t, s.Pings[0].Due(time.Now()))
}

// A function believes exactly the Triggers that deliver to it, events and dead
// letters alike, for exactly the audience they name. Who receives dead letters
// also believes the Subscriptions behind the Broker, whose names are generated.
func TestFunctionsTrustExactlyTheTriggersThatDeliverToThem(t *testing.T) {
	t.Parallel()
	s := read(t)
	senders, audiences := map[string][]string{}, map[string][]string{}
	note := func(trigger manifest.Trigger, d manifest.Destination) {
		if d.Ref == nil || slices.Contains(senders[d.Ref.Name], trigger.Subject()) {
			return
		}
		senders[d.Ref.Name] = append(senders[d.Ref.Name], trigger.Subject())
		audiences[d.Ref.Name] = append(audiences[d.Ref.Name], d.Audience)
	}
	for _, trigger := range s.Triggers {
		note(trigger, trigger.Subscriber)
		require.NotNil(t, trigger.Delivery.DeadLetterSink, trigger.Name)
		note(trigger, *trigger.Delivery.DeadLetterSink)
	}
	senders["events"] = append(senders["events"], "system:serviceaccount:product-service:"+s.Broker.Name+"-*")
	for name, subjects := range senders {
		f := function(t, s, name)
		require.Equal(t, "oidc", f.Value("EVENT_AUTH"))
		require.ElementsMatch(t, subjects, strings.Split(f.Value("EVENT_SUBJECTS"), ","), name)
		for _, a := range audiences[name] {
			require.Equal(t, a, f.Value("EVENT_AUDIENCE"), name)
		}
	}
	require.Empty(t, senders["catalog"])
	require.Empty(t, function(t, s, "catalog").Value("EVENT_AUTH"))
}

func TestTriggersRunWithLocalAddresses(t *testing.T) {
	t.Parallel()
	s := read(t)
	local := func(url string) (string, error) { return strings.Replace(url, "http://", "local:", 1), nil }
	for _, trigger := range s.Triggers {
		r, err := trigger.Runnable(local)
		require.NoError(t, err)
		require.Equal(t, 5, r.Delivery.Retry)
		require.Equal(t, 2*time.Second, r.Delivery.BackoffDelay)
		require.Equal(t, 150*time.Second, r.Delivery.Timeout)
		require.Equal(t, "local:events.product-service.svc.cluster.local/dead-letters", r.Delivery.DeadLetter.URL)
		if trigger.Name == "inventory-orders" {
			require.Equal(t, "local:inventory.product-service.svc.cluster.local/", r.Subscriber.URL)
			require.Equal(t, "product-service/inventory", r.Subscriber.Audience)
			require.Equal(t, "system:serviceaccount:product-service:inventory-orders-oidc-eventing.knative.dev-trigger", r.Subject)
		}
	}
}

func TestRoutesReachEveryPublicPathAndNothingElse(t *testing.T) {
	t.Parallel()
	s := read(t)
	to := func(path string) string {
		for _, r := range s.Routes {
			if r.Matches(path) {
				name, _, _ := strings.Cut(r.Host, ".")
				return name
			}
		}
		return ""
	}
	for path, want := range map[string]string{
		"/v1/products": "catalog", "/v1/products:lookup": "catalog", "/v1/products/a-b/variants": "catalog",
		"/v1/categories:import": "catalog", "/v1/attributes/x": "catalog", "/v1/openapi/catalog.json": "catalog",
		"/v1/stock:lookup": "inventory", "/v1/stock/X/locations/main": "inventory", "/v1/movements": "inventory",
		"/v1/reservations/1/commit": "inventory", "/v1/availability": "inventory", "/v1/locations": "inventory",
		"/v1/interactions": "events", "/v1/event-types/x": "events", "/v1/dead-letters:replay": "events",
		"/": "", "/dead-letters": "", "/healthz": "", "/V1/products": "", "/v1/openapi/other.json": "", "/x/v1/products": "",
	} {
		require.Equal(t, want, to(path), path)
	}
}

func TestBadManifestsAreRefusedWithTheFileAndTheReason(t *testing.T) {
	t.Parallel()
	trigger := func(spec string) string {
		return "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: t, namespace: n}\nspec: " + spec
	}
	for name, c := range map[string]struct{ text, want string }{
		"not yaml":          {"a: b: c", "bad.yaml"},
		"plain image":       {"apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: f}\nspec: {template: {spec: {containers: [{image: nginx}]}}}", "not ko://"},
		"old filter":        {trigger("{broker: b, filter: {attributes: {type: x}}}"), "use spec.filters"},
		"bad schedule":      {"apiVersion: sources.knative.dev/v1\nkind: PingSource\nmetadata: {name: p}\nspec: {schedule: '* *', sink: {ref: {kind: Broker, name: b}}}", "five fields"},
		"nothing to run":    {"apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}", "are needed"},
		"prefix path types": {"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\nspec: {rules: [{http: {paths: [{path: /a, pathType: Prefix}]}}]}", "ImplementationSpecific"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.yaml"), []byte(c.text), 0o600))
			_, err := manifest.Read(dir)
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := manifest.Read(t.TempDir())
	require.ErrorContains(t, err, "repository's root")
}
