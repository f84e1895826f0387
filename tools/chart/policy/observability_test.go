package policy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/mallhive/product-service/tools/chart/render"
)

type rule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

// rules are those of a PrometheusRule's spec or of its file, which are the same.
func rules(t *testing.T, spec any) []rule {
	t.Helper()
	text, err := yaml.Marshal(spec)
	require.NoError(t, err)
	var groups struct{ Groups []struct{ Rules []rule } }
	require.NoError(t, yaml.Unmarshal(text, &groups))
	var all []rule
	for _, g := range groups.Groups {
		all = append(all, g.Rules...)
	}
	require.NotEmpty(t, all)
	return all
}

func renderedRules(t *testing.T) []rule {
	t.Helper()
	objects := ofKind(render1(t, nil, everything), "PrometheusRule")
	require.Len(t, objects, 1)
	return rules(t, at(objects[0].Value, "spec"))
}

type dashboard struct {
	UID, Title    string
	SchemaVersion int
	Panels        []struct {
		ID      int
		Title   string
		Targets []struct{ Expr string }
		GridPos struct{ X, Y, W, H int }
	}
}

func dashboards(t *testing.T) []dashboard {
	t.Helper()
	var all []dashboard
	for _, o := range ofKind(render1(t, nil, everything), "ConfigMap") {
		if o.Template != "dashboards.yaml" {
			continue
		}
		require.Equal(t, "1", at(o.Value, "metadata", "labels", "grafana_dashboard"))
		for name, text := range at(o.Value, "data").(map[string]any) {
			var d dashboard
			require.NoError(t, json.Unmarshal([]byte(text.(string)), &d), name)
			all = append(all, d)
		}
	}
	return all
}

func TestObservabilityIsMadeWhereItIsAskedFor(t *testing.T) {
	count := func(objects []render.Object) (n [3]int) {
		n[0], n[1] = len(ofKind(objects, "PodMonitor")), len(ofKind(objects, "PrometheusRule"))
		for _, o := range objects {
			if o.Template == "dashboards.yaml" {
				n[2]++
			}
		}
		return n
	}
	for name, mode := range modes {
		want := [3]int{}
		if name == "everything" || name == "production" {
			want = [3]int{1, 1, 4}
		}
		require.Equal(t, want, count(render1(t, mode.files, mode.set)), name)
	}
	pushed := render1(t, []string{filepath.Join(chart, "values-production.yaml")}, "metrics: {enabled: false}")
	require.Equal(t, [3]int{0, 1, 4}, count(pushed), "what is pushed is not scraped, and judged and shown all the same")
}

// Decision 9.
func TestPrometheusScrapesEachPodByItsNumberAndNamesItAsOTLPDoes(t *testing.T) {
	objects := render1(t, nil, everything)
	monitor := ofKind(objects, "PodMonitor")[0]
	endpoint := at(monitor.Value, "spec", "podMetricsEndpoints", 0)
	require.Equal(t, 9464.0, at(endpoint, "portNumber"))
	require.Equal(t, "15s", at(endpoint, "interval"))
	named := map[any]any{}
	for _, r := range at(endpoint, "relabelings").([]any) {
		named[at(r, "targetLabel")] = at(r, "replacement")
	}
	require.Equal(t, map[any]any{"service_namespace": "product-service", "service_name": nil, "service_version": nil}, named)
	for _, o := range knativeServices(objects) {
		require.Equal(t, "9464", env(o, "OTEL_EXPORTER_PROMETHEUS_PORT"))
		labels := at(o.Value, "spec", "template", "metadata", "labels")
		for name, value := range at(monitor.Value, "spec", "selector", "matchLabels").(map[string]any) {
			require.Equal(t, value, at(labels, name))
		}
		require.Contains(t, at(monitor.Value, "spec", "selector", "matchExpressions", 0, "values"), at(labels, "app.kubernetes.io/component"))
	}
}

// exported are the metrics that docs/metrics.md lists, with their kinds. A test
// of shared/service holds that to what a function tells Prometheus.
func exported(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "metrics.md"))
	require.NoError(t, err)
	kinds := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\w+) ").FindAllStringSubmatch(string(text), -1) {
		kinds[row[1]] = row[2]
	}
	require.NotEmpty(t, kinds)
	return kinds
}

var (
	// What stands in braces, quotes and after by is no metric; what is called is none either.
	noMetric = regexp.MustCompile(`\{[^}]*\}|\b(?:by|without|on|ignoring)\s*\([^)]*\)|"[^"]*"|\[[^\]]*\]`)
	words    = regexp.MustCompile(`[a-zA-Z_][\w:]*\s*\(?`)
	operator = regexp.MustCompile(`^(and|or|unless)$`)
)

func metricsOf(expr string) []string {
	// A regular expression in a selector may hold braces.
	expr = regexp.MustCompile(`"[^"]*"`).ReplaceAllString(expr, `""`)
	var found []string
	for _, word := range words.FindAllString(noMetric.ReplaceAllString(expr, " "), -1) {
		if word = strings.TrimSpace(word); !strings.HasSuffix(word, "(") && !operator.MatchString(word) {
			found = append(found, word)
		}
	}
	return found
}

func TestEveryMetricOfRulesAndDashboardsIsOneThatAFunctionExports(t *testing.T) {
	known := map[string]bool{"ALERTS": true}
	for name, kind := range exported(t) {
		known[name] = kind != "histogram"
		if kind == "histogram" {
			known[name+"_bucket"], known[name+"_sum"], known[name+"_count"] = true, true, true
		}
	}
	for _, r := range renderedRules(t) {
		if r.Record != "" {
			known[r.Record] = true
		}
	}
	check := func(where, expr string) {
		used := metricsOf(expr)
		require.NotEmpty(t, used, "%s: %s", where, expr)
		for _, name := range used {
			require.True(t, known[name], "%s: nothing exports %s", where, name)
			if strings.Contains(name, ":") || name == "ALERTS" {
				continue
			}
			selector := regexp.MustCompile(`\b` + name + `\{service_namespace="product-service"[,}]`)
			require.Regexp(t, selector, expr, "%s: other services have metrics of this name", where)
		}
	}
	for _, r := range renderedRules(t) {
		check(r.Record+r.Alert, r.Expr)
	}
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			require.NotEmpty(t, p.Targets, "%s: %s", d.Title, p.Title)
			for _, target := range p.Targets {
				check(d.Title+": "+p.Title, target.Expr)
			}
		}
	}
}

func TestEveryMetricOfOursIsShownSomewhere(t *testing.T) {
	var shown strings.Builder
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				shown.WriteString(target.Expr)
			}
		}
	}
	for name := range exported(t) {
		if name == "db_client_connection_waits_total" {
			continue // how long is what matters
		}
		require.Contains(t, shown.String(), name)
	}
}

func TestDashboardsCanStandBesideEachOther(t *testing.T) {
	all := dashboards(t)
	require.Len(t, all, 4)
	uids, titles := map[string]bool{}, map[string]bool{}
	for _, d := range all {
		require.Regexp(t, `^product-service-[a-z]+$`, d.UID)
		require.False(t, uids[d.UID] || titles[d.Title], d.Title)
		uids[d.UID], titles[d.Title] = true, true
		require.GreaterOrEqual(t, d.SchemaVersion, 41)
		ids, places := map[int]bool{}, map[[2]int]bool{}
		for _, p := range d.Panels {
			require.False(t, ids[p.ID] || places[[2]int{p.GridPos.X, p.GridPos.Y}], "%s: %s", d.Title, p.Title)
			ids[p.ID], places[[2]int{p.GridPos.X, p.GridPos.Y}] = true, true
			require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24)
		}
	}
}

func TestEveryAlertHasItsRunbookAndEveryRunbookItsAlert(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root, "docs", "runbooks", "*.md"))
	require.NoError(t, err)
	var written, alerts []string
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".md")
		written = append(written, name)
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(text), "# "+name+"\n"), page)
		for _, part := range []string{"What it means", "Look first", "Do", "Over when"} {
			require.Contains(t, string(text), "\n## "+part+"\n", page)
		}
		for _, link := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(string(text), -1) {
			_, err := os.Stat(filepath.Join(root, "docs", "runbooks", link[1]))
			require.NoError(t, err, page)
		}
	}
	seen := map[string]bool{}
	for _, r := range renderedRules(t) {
		if r.Alert == "" {
			continue
		}
		if !seen[r.Alert] {
			alerts = append(alerts, r.Alert)
		}
		seen[r.Alert] = true
		require.Equal(t, "https://github.com/mallhive/product-service/blob/main/docs/runbooks/"+r.Alert+".md", r.Annotations["runbook_url"])
		require.NotEmpty(t, r.Annotations["summary"], r.Alert)
		require.Contains(t, []string{"page", "ticket"}, r.Labels["severity"], r.Alert)
	}
	require.ElementsMatch(t, alerts, written)
}

// Decision 9: a function that sleeps has no numbers, and that is no alarm.
func TestNoAlertAsksWhetherANumberIsThere(t *testing.T) {
	asks := regexp.MustCompile(`\babsent|\bup\b`)
	for _, r := range renderedRules(t) {
		require.NotRegexp(t, asks, r.Expr, r.Alert+r.Record)
	}
}

func TestTheChartLeavesTheTextOfAlertsToPrometheus(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(chart, "rules", "product-service.yaml"))
	require.NoError(t, err)
	var file any
	require.NoError(t, yaml.Unmarshal(text, &file))
	want, got := rules(t, file), renderedRules(t)
	for i := range got {
		delete(got[i].Annotations, "runbook_url")
	}
	require.Equal(t, want, got)
}
