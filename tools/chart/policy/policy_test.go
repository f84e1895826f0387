// Package policy_test holds what the chart renders to what the platform needs.
package policy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/strvals"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	"github.com/mallhive/product-service/tools/chart/render"
)

var (
	root  = filepath.Join("..", "..", "..")
	chart = filepath.Join(root, "helm")
	at    = render.At
)

// modes are the ways to install the chart that must all hold.
var modes = map[string]struct {
	files []string
	set   string
}{
	"defaults":         {nil, ""},
	"deployment":       {nil, "runtime: deployment"},
	"production":       {[]string{filepath.Join(chart, "values-production.yaml")}, "securityGroupPolicy: {enabled: true, groupIds: [sg-0123456789abcdef0]}"},
	"as ko builds it":  {[]string{filepath.Join(chart, "values-ko.yaml")}, ""},
	"deployment, oidc": {nil, "{runtime: deployment, eventing: {enabled: true, auth: oidc}}"},
	"everything":       {nil, everything},
	"as little as can": {nil, "{ingress: {enabled: false}, networkPolicy: {enabled: false}, migrations: {enabled: false}, eventing: {enabled: false}, metrics: {enabled: false}}"},
	"forwards itself":  {nil, "ingress: {mode: forwardService}"},
	"own authorities":  {nil, `database: {caBundle: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"}`},
}

const everything = `
namespace: {create: true}
database: {caBundle: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"}
ingress: {certificateArn: "arn:aws:acm:us-east-1:123456789012:certificate/1", groupName: internal, subnets: [a, b], securityGroups: [c], inboundCidrs: [10.0.0.0/8], annotations: {team: commerce}}
eventing: {auth: oidc, broker: {class: Kafka, config: {apiVersion: v1, kind: ConfigMap, name: kafka, namespace: knative-eventing}}}
securityGroupPolicy: {enabled: true, groupIds: [sg-0123456789abcdef0]}
metrics: {podMonitor: {enabled: true}, rules: {enabled: true}, dashboards: {enabled: true}}
tracing: {otlpEndpoint: "http://collector.monitoring.svc.cluster.local:4318"}
policies: {enabled: true}
auth: {clusterIssuer: "https://oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF"}
`

func render1(t *testing.T, files []string, set string) []render.Object {
	t.Helper()
	objects, err := render.Chart(chart, files, set)
	require.NoError(t, err)
	require.NotEmpty(t, objects)
	return objects
}

func inEveryMode(t *testing.T, check func(t *testing.T, objects []render.Object)) {
	t.Helper()
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) { check(t, render1(t, mode.files, mode.set)) })
	}
}

func ofKind(objects []render.Object, kind string) []render.Object {
	var found []render.Object
	for _, o := range objects {
		if o.Kind() == kind {
			found = append(found, o)
		}
	}
	return found
}

func knativeServices(objects []render.Object) []render.Object {
	var found []render.Object
	for _, o := range ofKind(objects, "Service") {
		if o.APIVersion() == "serving.knative.dev/v1" {
			found = append(found, o)
		}
	}
	return found
}

// workloads are all objects that make pods.
func workloads(objects []render.Object) []render.Object {
	return append(append(knativeServices(objects), ofKind(objects, "Deployment")...), ofKind(objects, "Job")...)
}

func podOf(o render.Object) any { return at(o.Value, "spec", "template", "spec") }

func containerOf(o render.Object) any { return at(podOf(o), "containers", 0) }

func env(o render.Object, name string) string {
	list, _ := at(containerOf(o), "env").([]any)
	for _, v := range list {
		if at(v, "name") == name {
			return at(v, "value").(string)
		}
	}
	return ""
}

func number(t *testing.T, value any) float64 {
	t.Helper()
	q, err := resource.ParseQuantity(fmt.Sprint(value))
	require.NoError(t, err)
	return q.AsApproximateFloat64()
}

// P7: what opens the database is in Secrets Manager alone.
func TestNoSecretIsInKubernetes(t *testing.T) {
	inEveryMode(t, func(t *testing.T, objects []render.Object) {
		for _, o := range objects {
			require.NotContains(t, []string{"Secret", "ExternalSecret", "SecretProviderClass"}, o.Kind(), o)
			if o.APIVersion() == "policies.kyverno.io/v1" {
				continue // it names what it forbids
			}
			text, err := json.Marshal(o.Value)
			require.NoError(t, err)
			for _, word := range []string{"secretKeyRef", "secretRef", "secretName", `"secret":`, "DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"} {
				require.NotContains(t, string(text), word, o)
			}
		}
	})
}

// Design decisions 4 and 5: what Fargate provisions is what is asked for.
func TestEveryPodFitsTheFargateRowThatItClaims(t *testing.T) {
	inEveryMode(t, func(t *testing.T, objects []render.Object) {
		for _, o := range workloads(objects) {
			requests, limits := at(containerOf(o), "resources", "requests"), at(containerOf(o), "resources", "limits")
			require.Equal(t, requests, limits, "%s: Fargate gives no more than is asked for", o)
			cpu, memory := number(t, at(requests, "cpu")), number(t, at(requests, "memory"))
			if o.APIVersion() == "serving.knative.dev/v1" {
				annotations := at(o.Value, "spec", "template", "metadata", "annotations")
				for _, kind := range []string{"cpu", "memory"} {
					key := "queue.sidecar.serving.knative.dev/" + kind + "-resource-"
					require.Equal(t, at(annotations, key+"request"), at(annotations, key+"limit"), o)
				}
				cpu += number(t, at(annotations, "queue.sidecar.serving.knative.dev/cpu-resource-request"))
				memory += number(t, at(annotations, "queue.sidecar.serving.knative.dev/memory-resource-request"))
			}
			vcpu, gigabytes := fargateRow(cpu, memory)
			require.Equal(t, []float64{0.25, 0.5}, []float64{vcpu, gigabytes}, o)
		}
	})
}

// fargateRow is the size that Fargate rounds up to: the requests of all
// containers, and 256 MB for the node's own (Amazon EKS user guide, Fargate pod
// configuration), whose MB and GB are powers of two. Memory in bytes.
func fargateRow(cpu, memory float64) (vcpu, gigabytes float64) {
	const mib, gib = 1 << 20, 1 << 30
	gb := (memory + 256*mib) / gib
	rows := []struct {
		vcpu     float64
		from, to float64
		step     float64
	}{{.25, .5, 2, .5}, {.5, 1, 4, 1}, {1, 2, 8, 1}, {2, 4, 16, 1}, {4, 8, 30, 1}, {8, 16, 60, 4}, {16, 32, 120, 8}}
	for _, r := range rows {
		if cpu > r.vcpu || gb > r.to {
			continue
		}
		size := r.from
		for size < gb {
			if r.vcpu == .25 {
				size *= 2 // 0.5, 1, 2
			} else {
				size += r.step
			}
		}
		return r.vcpu, size
	}
	return 0, 0
}

func TestGoCollectsBeforeThePodIsKilled(t *testing.T) {
	inEveryMode(t, func(t *testing.T, objects []render.Object) {
		for _, o := range knativeServices(objects) {
			mib, err := strconv.ParseFloat(strings.TrimSuffix(env(o, "GOMEMLIMIT"), "MiB"), 64)
			require.NoError(t, err)
			limit := number(t, at(containerOf(o), "resources", "limits", "memory"))
			share := mib * (1 << 20) / limit
			require.True(t, share >= 0.8 && share <= 0.9, "%s: GOMEMLIMIT is %.2f of the limit", o, share)
		}
	})
}

// Decision 17, with the pool that a request waits for.
func TestTheDatabaseHasConnectionsForEveryRevisionOfARollout(t *testing.T) {
	inEveryMode(t, func(t *testing.T, objects []render.Object) {
		want := 0
		for _, o := range knativeServices(objects) {
			scale, err := strconv.Atoi(at(o.Value, "spec", "template", "metadata", "annotations", "autoscaling.knative.dev/max-scale").(string))
			require.NoError(t, err)
			conns, err := strconv.Atoi(env(o, "DATABASE_MAX_CONNS"))
			require.NoError(t, err)
			want += 2 * scale * conns
			require.LessOrEqual(t, at(podOf(o), "containerConcurrency").(float64), float64(16*conns), "%s: requests wait for a connection that long", o)
		}
		require.LessOrEqual(t, want, 360)
	})
	_, err := render.Chart(chart, nil, "functions: {catalog: {scaling: {maxScale: 60}}}")
	require.ErrorContains(t, err, "connections")
}

// Decisions 2 and 6.
func TestAColdStartOutlastsNoTimeout(t *testing.T) {
	inEveryMode(t, func(t *testing.T, objects []render.Object) {
		for _, o := range knativeServices(objects) {
			for _, timeout := range []string{"timeoutSeconds", "responseStartTimeoutSeconds"} {
				require.GreaterOrEqual(t, at(podOf(o), timeout).(float64), 180.0, o)
			}
			for _, i := range ofKind(objects, "Ingress") {
				attributes := at(i.Value, "metadata", "annotations", "alb.ingress.kubernetes.io/load-balancer-attributes").(string)
				require.Contains(t, attributes, fmt.Sprintf("idle_timeout.timeout_seconds=%v", at(podOf(o), "timeoutSeconds")))
			}
			for _, trigger := range ofKind(objects, "Trigger") {
				var seconds float64
				_, err := fmt.Sscanf(at(trigger.Value, "spec", "delivery", "timeout").(string), "PT%fS", &seconds)
				require.NoError(t, err)
				require.True(t, seconds >= 120 && seconds < at(podOf(o), "timeoutSeconds").(float64), trigger)
			}
		}
		for _, o := range append(knativeServices(objects), ofKind(objects, "Deployment")...) {
			require.Equal(t, "/healthz", at(containerOf(o), "startupProbe", "httpGet", "path"), o)
			require.Equal(t, "/healthz", at(containerOf(o), "livenessProbe", "httpGet", "path"), o)
			require.Equal(t, "/readyz", at(containerOf(o), "readinessProbe", "httpGet", "path"), o)
		}
	})
	_, err := render.Chart(chart, nil, "ingress: {idleTimeout: 60}")
	require.ErrorContains(t, err, "cold start")
}

func TestEveryContainerIsHardened(t *testing.T) {
	inEveryMode(t, func(t *testing.T, objects []render.Object) {
		require.NotEmpty(t, workloads(objects))
		for _, o := range workloads(objects) {
			security := at(containerOf(o), "securityContext")
			require.Equal(t, true, at(security, "runAsNonRoot"), o)
			require.Equal(t, true, at(security, "readOnlyRootFilesystem"), o)
			require.Equal(t, false, at(security, "allowPrivilegeEscalation"), o)
			require.Equal(t, []any{"ALL"}, at(security, "capabilities", "drop"), o)
			require.Equal(t, "RuntimeDefault", at(security, "seccompProfile", "type"), o)
			require.Equal(t, false, at(podOf(o), "automountServiceAccountToken"), o)
			require.Nil(t, at(podOf(o), "initContainers"), "%s: a Knative Service may have none", o)
		}
		for _, o := range knativeServices(objects) {
			require.Nil(t, at(podOf(o), "securityContext"), "%s: refused unless a feature is on", o)
			text, err := json.Marshal(o.Value)
			require.NoError(t, err)
			require.NotContains(t, string(text), "fieldRef", "%s: refused unless a feature is on", o)
			require.Len(t, at(containerOf(o), "ports"), 1, "%s: one port is allowed", o)
		}
	})
}

// Decision 15: each function reads its own secret, as an identity of its own.
func TestEachFunctionHasItsOwnIdentityAndSecret(t *testing.T) {
	inEveryMode(t, func(t *testing.T, objects []render.Object) {
		accounts := map[string]bool{}
		for _, o := range ofKind(objects, "ServiceAccount") {
			accounts[o.Name()] = true
			require.Regexp(t, `^arn:aws:iam::\d{12}:role/product-service-`+o.Name()+`$`, at(o.Value, "metadata", "annotations", "eks.amazonaws.com/role-arn"))
			require.Equal(t, false, at(o.Value, "automountServiceAccountToken"))
		}
		for _, o := range workloads(objects) {
			account := at(podOf(o), "serviceAccountName").(string)
			require.True(t, accounts[account], "%s runs as %s, which is not made", o, account)
		}
		for _, o := range knativeServices(objects) {
			require.Equal(t, "product-service/"+o.Name(), env(o, "DATABASE_SECRET_ID"))
			require.NotEmpty(t, env(o, "AWS_REGION"), "%s: Fargate has no metadata service that would say", o)
		}
	})
}

// Decision 1: two autoscalers would fight over one Deployment.
func TestEachRuntimeMakesItsOwnKindsOnly(t *testing.T) {
	knative := render1(t, nil, "")
	require.Len(t, knativeServices(knative), 3)
	for _, kind := range []string{"HorizontalPodAutoscaler", "Deployment", "PodDisruptionBudget"} {
		require.Empty(t, ofKind(knative, kind))
	}
	deployment := render1(t, nil, "runtime: deployment")
	for _, kind := range []string{"Deployment", "Service", "HorizontalPodAutoscaler", "ConfigMap", "PodDisruptionBudget"} {
		require.Len(t, ofKind(deployment, kind), 3, kind)
	}
	for _, o := range deployment {
		require.NotContains(t, o.APIVersion(), "knative.dev", "%s: there is no Knative there", o)
	}
}

func TestADeploymentIsToldWhatAKnativeServiceIsTold(t *testing.T) {
	knative, deployment := render1(t, nil, "eventing: {enabled: true}"), render1(t, nil, "{runtime: deployment, eventing: {enabled: true}}")
	for _, o := range knativeServices(knative) {
		var told map[string]any
		for _, c := range ofKind(deployment, "ConfigMap") {
			if c.Name() == o.Name() {
				told = at(c.Value, "data").(map[string]any)
			}
		}
		list := at(containerOf(o), "env").([]any)
		require.Len(t, told, len(list))
		for _, v := range list {
			require.Equal(t, at(v, "value"), told[at(v, "name").(string)], at(v, "name"))
		}
	}
}

// Decision 24.
func TestANewDigestOfCatalogChangesNoOtherKnativeService(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	before := render1(t, nil, "")
	after := render1(t, nil, "functions: {catalog: {image: {digest: '"+digest+"'}}}")
	require.Len(t, after, len(before))
	for i := range before {
		if before[i].Name() == "catalog" && before[i].APIVersion() == "serving.knative.dev/v1" {
			require.Equal(t, "123456789012.dkr.ecr.us-east-1.amazonaws.com/mallhive-product-service@"+digest, at(containerOf(after[i]), "image"))
			continue
		}
		require.Equal(t, before[i].Value, after[i].Value)
	}
}

func TestANewReleaseOfTheChartMakesNoRevision(t *testing.T) {
	for _, o := range knativeServices(render1(t, nil, "")) {
		text, err := json.Marshal(at(o.Value, "spec", "template"))
		require.NoError(t, err)
		require.NotContains(t, string(text), "helm.sh/chart")
		require.NotContains(t, string(text), "app.kubernetes.io/version")
	}
}

func TestACanaryLeavesTheRestToTheRevisionBefore(t *testing.T) {
	objects := render1(t, nil, "functions: {catalog: {traffic: {stableRevision: catalog-00007, canaryPercent: 10}}}")
	for _, o := range knativeServices(objects) {
		traffic := at(o.Value, "spec", "traffic").([]any)
		if o.Name() != "catalog" {
			require.Equal(t, []any{map[string]any{"latestRevision": true, "percent": 100.0}}, traffic)
			continue
		}
		require.Equal(t, []any{
			map[string]any{"revisionName": "catalog-00007", "percent": 90.0, "tag": "stable"},
			map[string]any{"latestRevision": true, "percent": 10.0, "tag": "canary"},
		}, traffic)
	}
}

// Decisions 10 and 11.
func TestTheIngressRoutesEveryPathAndNothingElse(t *testing.T) {
	inEveryMode(t, func(t *testing.T, objects []render.Object) {
		for _, o := range ofKind(objects, "Ingress") {
			annotations := at(o.Value, "metadata", "annotations")
			require.Equal(t, "internal", at(annotations, "alb.ingress.kubernetes.io/scheme"))
			require.Equal(t, "443", at(annotations, "alb.ingress.kubernetes.io/ssl-redirect"))
			require.Equal(t, "product.internal.mallhive.com", at(o.Value, "spec", "rules", 0, "host"))
			paths := at(o.Value, "spec", "rules", 0, "http", "paths").([]any)
			for _, p := range paths {
				require.Equal(t, "ImplementationSpecific", at(p, "pathType"), "Prefix loses /v1/products:lookup")
				require.Regexp(t, `^/v1/[a-z/-]+(\*|\.json)$`, at(p, "path"))
				backend := at(p, "backend", "service", "name").(string)
				if len(knativeServices(objects)) == 0 {
					continue
				}
				require.Equal(t, "use-annotation", at(p, "backend", "service", "port", "name"))
				transform := at(annotations, "alb.ingress.kubernetes.io/transforms."+backend).(string)
				checkRewrite(t, transform, strings.TrimPrefix(backend, "fn-"))
			}
		}
	})
}

func checkRewrite(t *testing.T, transform, function string) {
	t.Helper()
	var rules []struct {
		Config struct {
			Rewrites []struct{ Regex, Replace string }
		} `json:"hostHeaderRewriteConfig"`
	}
	require.NoError(t, json.Unmarshal([]byte(transform), &rules))
	rewrite := rules[0].Config.Rewrites[0]
	require.Equal(t, function+".product-service.svc.cluster.local", rewrite.Replace)
	host := regexp.MustCompile(rewrite.Regex)
	require.True(t, host.MatchString("product.internal.mallhive.com:443"))
	require.False(t, host.MatchString("productXinternal.mallhive.com"))
}

// Decision 20.
func TestEachTriggerRetriesPatientlyAndKeepsWhatItGivesUp(t *testing.T) {
	inEveryMode(t, func(t *testing.T, objects []render.Object) {
		for _, o := range ofKind(objects, "Trigger") {
			delivery := at(o.Value, "spec", "delivery")
			require.GreaterOrEqual(t, at(delivery, "retry").(float64), 5.0, o)
			require.Equal(t, "exponential", at(delivery, "backoffPolicy"), o)
			require.Equal(t, "events", at(delivery, "deadLetterSink", "ref", "name"), o)
			require.Equal(t, "/dead-letters", at(delivery, "deadLetterSink", "uri"), o)
			require.Nil(t, at(delivery, "retryAfterMax"), "%s: refused unless an alpha feature is on", o)
		}
	})
}

// Decision 22.
func TestTokensAreAskedForOnlyWhereTheyAreGiven(t *testing.T) {
	network := render1(t, nil, "")
	require.Empty(t, ofKind(network, "EventPolicy"))
	require.Empty(t, ofKind(network, "SinkBinding"))
	oidc := render1(t, nil, "eventing: {auth: oidc}")
	require.Len(t, ofKind(oidc, "SinkBinding"), 3)
	require.NotEmpty(t, ofKind(oidc, "EventPolicy"))
	for _, o := range knativeServices(network) {
		require.Empty(t, env(o, "EVENT_AUDIENCE"))
	}
	for _, o := range knativeServices(oidc) {
		if o.Name() == "catalog" {
			require.Empty(t, env(o, "EVENT_AUTH"), "it receives no events")
			continue
		}
		require.Equal(t, "oidc", env(o, "EVENT_AUTH"))
		for _, trigger := range ofKind(oidc, "Trigger") {
			if at(trigger.Value, "spec", "subscriber", "ref", "name") == o.Name() {
				require.Equal(t, env(o, "EVENT_AUDIENCE"), at(trigger.Value, "spec", "subscriber", "audience"))
				require.Contains(t, env(o, "EVENT_SUBJECTS"), ":"+trigger.Name()+"-oidc-eventing.knative.dev-trigger")
			}
		}
	}
}

// Decision 12: the policy names the paths that exist in each runtime.
func TestTheNetworkPolicyNamesThePathsThatExist(t *testing.T) {
	text := func(set string) string {
		policies := ofKind(render1(t, nil, set), "NetworkPolicy")
		require.Len(t, policies, 1)
		return policies[0].Text
	}
	knative, deployment := text(""), text("runtime: deployment")
	for _, peer := range []string{"3scale-kourier-gateway", "activator", "autoscaler"} {
		require.Contains(t, knative, peer)
		require.NotContains(t, deployment, peer)
	}
	require.NotContains(t, knative, "cart-service", "a pod never sees it as its caller")
	require.Contains(t, deployment, "cart-service")
	far := text(`{aws: {endpointUrl: "http://aws.test.svc:4566"}, tracing: {otlpEndpoint: "http://collector:4318"}}`)
	require.Contains(t, far, "port: 4566")
	require.Contains(t, far, "port: 4318")
}

func TestTheMigrationIsAHookThatCleansUpAfterItself(t *testing.T) {
	jobs := ofKind(render1(t, nil, ""), "Job")
	require.Len(t, jobs, 1)
	annotations := at(jobs[0].Value, "metadata", "annotations")
	require.Equal(t, "post-install,pre-upgrade", at(annotations, "helm.sh/hook"))
	require.NotNil(t, at(jobs[0].Value, "spec", "ttlSecondsAfterFinished"))
	require.Equal(t, "product-service/owner", env(jobs[0], "DATABASE_SECRET_ID"))
}

func TestTheNamespaceIsMadeOnlyWhenAskedFor(t *testing.T) {
	require.Empty(t, ofKind(render1(t, nil, ""), "Namespace"), "it would clash with --create-namespace")
	require.Len(t, ofKind(render1(t, nil, "namespace: {create: true}"), "Namespace"), 1)
}

// As helm reads it: a number that --set is given is no string.
func TestTheCommandOfTheReadmeRenders(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(chart, "README.md"))
	require.NoError(t, err)
	_, command, found := strings.Cut(string(text), "helm upgrade --install")
	require.True(t, found)
	command, _, _ = strings.Cut(command, "\n\n")
	values := map[string]any{}
	for _, option := range regexp.MustCompile(`--(set|set-string) (\S+)`).FindAllStringSubmatch(command, -1) {
		parse := strvals.ParseInto
		if option[1] == "set-string" {
			parse = strvals.ParseIntoString
		}
		require.NoError(t, parse(option[2], values))
	}
	require.Contains(t, values, "aws")
	set, err := yaml.Marshal(values)
	require.NoError(t, err)
	render1(t, nil, string(set))
}

func TestAMisspeltValueIsRefused(t *testing.T) {
	for _, set := range []string{"commmon: {}", "common: {timeoutseconds: 3}", "aws: {accountId: '12'}", "metrics: {port: 9090}", "functions: {catalog: {image: {digest: latest}}}"} {
		_, err := render.Chart(chart, nil, set)
		require.Error(t, err, set)
	}
}
