package policy_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/tools/chart/render"
)

func TestEveryDecisionNamesTheTestThatKeepsIt(t *testing.T) {
	var code strings.Builder
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		code.Write(text)
		return err
	}))
	there := map[string]bool{}
	for _, found := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(code.String(), -1) {
		there[found[1]] = true
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "aws", "decisions.md"))
	require.NoError(t, err)
	rows := regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \|$`).FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(rows), 20)
	for _, row := range rows[2:] { // below the head and its line
		for name := range strings.SplitSeq(row[2], ", ") {
			require.True(t, there[name], "%s: there is no %s", row[1], name)
		}
	}
}

func minScale(o render.Object) any {
	return at(o.Value, "spec", "template", "metadata", "annotations", "autoscaling.knative.dev/min-scale")
}

func TestProductionKeepsAwakeWhoMustAnswerAtOnce(t *testing.T) {
	production := modes["production"]
	for _, o := range knativeServices(render1(t, production.files, production.set)) {
		want := map[string]string{"catalog": "2", "inventory": "2", "events": "0"}[o.Name()]
		require.Equal(t, want, minScale(o), o)
		retention := at(o.Value, "spec", "template", "metadata", "annotations", "autoscaling.knative.dev/scale-to-zero-pod-retention-period")
		require.Equal(t, "15m", retention, o)
	}
	for _, o := range knativeServices(render1(t, nil, "")) {
		require.Equal(t, "0", minScale(o), "%s: elsewhere all sleep", o)
	}
}

// 8012 and 8112 are where queue-proxy takes requests, 8008 and 8022 its own, 9090
// and 9091 its numbers.
func TestNoPortIsQueueProxys(t *testing.T) {
	inEveryMode(t, func(t *testing.T, objects []render.Object) {
		for _, o := range append(knativeServices(objects), ofKind(objects, "Deployment")...) {
			require.Equal(t, 8080.0, at(containerOf(o), "ports", 0, "containerPort"), o)
			if o.APIVersion() == "serving.knative.dev/v1" {
				require.Equal(t, "http1", at(containerOf(o), "ports", 0, "name"), o)
			}
			if address := env(o, "METRICS_ADDRESS"); address != "" {
				require.Equal(t, ":9464", address, o)
			}
		}
	})
	for _, port := range []string{"8008", "8012", "8013", "8022", "8080", "8112", "9090", "9091"} {
		_, err := render.Chart(chart, nil, "metrics: {port: "+port+"}")
		require.Error(t, err, port)
	}
}

func TestKnativeServicesAreLocalToTheCluster(t *testing.T) {
	inEveryMode(t, func(t *testing.T, objects []render.Object) {
		for _, o := range knativeServices(objects) {
			require.Equal(t, "cluster-local", at(o.Value, "metadata", "labels", "networking.knative.dev/visibility"), o)
		}
	})
}

func TestSecurityGroupsAreGivenOnlyWhereTheyAreNamed(t *testing.T) {
	require.Empty(t, ofKind(render1(t, nil, ""), "SecurityGroupPolicy"))
	policies := ofKind(render1(t, nil, "securityGroupPolicy: {enabled: true, groupIds: [sg-0123456789abcdef0]}"), "SecurityGroupPolicy")
	require.Len(t, policies, 1)
	require.Equal(t, []any{"sg-0123456789abcdef0"}, at(policies[0].Value, "spec", "securityGroups", "groupIds"))
	_, err := render.Chart(chart, nil, "securityGroupPolicy: {enabled: true}")
	require.Error(t, err, "a policy of no groups would cut the pods off")
}

func TestTheTickGoesThroughTheBroker(t *testing.T) {
	ticks := ofKind(render1(t, nil, ""), "PingSource")
	require.Len(t, ticks, 1)
	require.Equal(t, "Broker", at(ticks[0].Value, "spec", "sink", "ref", "kind"))
	require.Empty(t, ofKind(render1(t, nil, "eventing: {tick: ''}"), "PingSource"))
}

func TestNothingOfThePlatformIsRendered(t *testing.T) {
	inEveryMode(t, func(t *testing.T, objects []render.Object) {
		for _, o := range objects {
			require.NotContains(t, []string{"DaemonSet", "NodePool", "EC2NodeClass", "StatefulSet", "ClusterRole", "ClusterRoleBinding"}, o.Kind(), o)
			if namespace := at(o.Value, "metadata", "namespace"); namespace != nil && o.Kind() != "Ingress" {
				require.Contains(t, []any{"product-service"}, namespace, o)
			}
		}
	})
}
