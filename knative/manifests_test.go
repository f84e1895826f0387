// Package knative_test holds the manifests to what the platform needs.
package knative_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

type document struct {
	name  string
	file  string
	value map[string]any
}

func documents(t *testing.T) []document {
	t.Helper()
	files, err := filepath.Glob("*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var all []document
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, part := range bytes.Split(append([]byte("\n"), text...), []byte("\n---")) {
			var value map[string]any
			require.NoError(t, yaml.UnmarshalStrict(part, &value), file)
			all = append(all, document{file: file, value: value, name: at(value, "kind").(string) + " " + at(value, "metadata", "name").(string)})
		}
	}
	return all
}

// at walks keys (string) and positions (int); nil when something is missing.
func at(value any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := value.(map[string]any)
			value = m[step]
		case int:
			l, _ := value.([]any)
			if step >= len(l) {
				return nil
			}
			value = l[step]
		}
	}
	return value
}

// The schemas are closed: a misspelt field fails. KNATIVE_SCHEMAS names their
// folder, files named as kubeconform's {{.ResourceKind}}-{{.Group}}-{{.ResourceAPIVersion}}.json.
func TestManifestsFitTheirSchemas(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("KNATIVE_SCHEMAS")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "schemas")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no schemas in %s: set KNATIVE_SCHEMAS to a folder of Kubernetes and Knative JSON Schemas to check against", dir)
	}
	compiler := jsonschema.NewCompiler()
	for _, d := range documents(t) {
		group, version, grouped := strings.Cut(at(d.value, "apiVersion").(string), "/")
		if !grouped {
			group, version = "v1", group
		}
		kind := strings.ToLower(at(d.value, "kind").(string))
		schema, err := compiler.Compile(filepath.Join(dir, kind+"-"+group+"-"+version+".json"))
		require.NoError(t, err, d.name)
		text, err := json.Marshal(d.value)
		require.NoError(t, err)
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		require.NoError(t, err)
		require.NoError(t, schema.Validate(value), "%s: %s", d.file, d.name)
	}
}

func TestEachFunctionIsSizedHardenedAndPatient(t *testing.T) {
	t.Parallel()
	found := 0
	for _, d := range documents(t) {
		if at(d.value, "apiVersion") != "serving.knative.dev/v1" {
			continue
		}
		found++
		template := at(d.value, "spec", "template")
		container := at(template, "spec", "containers", 0)
		require.Equal(t, at(container, "resources", "requests"), at(container, "resources", "limits"), d.name)
		require.Equal(t, "200m", at(container, "resources", "limits", "cpu"))
		require.Equal(t, "176Mi", at(container, "resources", "limits", "memory"))
		annotations := at(template, "metadata", "annotations")
		for _, resource := range []string{"cpu", "memory"} {
			key := "queue.sidecar.serving.knative.dev/" + resource + "-resource-"
			require.NotNil(t, at(annotations, key+"limit"), d.name)
			require.Equal(t, at(annotations, key+"request"), at(annotations, key+"limit"), d.name)
		}
		require.Equal(t, "Enabled", at(annotations, "features.knative.dev/http-full-duplex"), d.name)
		require.NotEqual(t, "0", at(annotations, "autoscaling.knative.dev/max-scale"), "0 is no limit")
		require.Equal(t, "cluster-local", at(d.value, "metadata", "labels", "networking.knative.dev/visibility"))
		for _, timeout := range []string{"timeoutSeconds", "responseStartTimeoutSeconds"} {
			require.GreaterOrEqual(t, at(template, "spec", timeout), 180.0, "%s: a cold start takes about a minute", d.name)
		}
		for _, probe := range []string{"startupProbe", "livenessProbe", "readinessProbe"} {
			require.NotNil(t, at(container, probe, "httpGet", "path"), "%s %s", d.name, probe)
		}
		hardened(t, d.name, container)
	}
	require.Equal(t, 3, found)
}

func hardened(t *testing.T, name string, container any) {
	t.Helper()
	security := at(container, "securityContext")
	require.Equal(t, true, at(security, "runAsNonRoot"), name)
	require.Equal(t, true, at(security, "readOnlyRootFilesystem"), name)
	require.Equal(t, false, at(security, "allowPrivilegeEscalation"), name)
	require.Equal(t, []any{"ALL"}, at(security, "capabilities", "drop"), name)
	require.Equal(t, "RuntimeDefault", at(security, "seccompProfile", "type"), name)
}

// P7: no Secret object, no secret in an environment.
func TestNoSecretIsInKubernetes(t *testing.T) {
	t.Parallel()
	for _, d := range documents(t) {
		require.NotEqual(t, "Secret", at(d.value, "kind"), d.file)
		text, err := json.Marshal(d.value)
		require.NoError(t, err)
		for _, word := range []string{"secretKeyRef", "secretRef", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY"} {
			require.NotContains(t, string(text), word, d.file)
		}
	}
}

func TestEachTriggerRetriesPatientlyAndKeepsWhatItGivesUp(t *testing.T) {
	t.Parallel()
	for _, d := range documents(t) {
		if at(d.value, "kind") != "Trigger" {
			continue
		}
		delivery := at(d.value, "spec", "delivery")
		require.GreaterOrEqual(t, at(delivery, "retry"), 5.0, d.name)
		require.Equal(t, "exponential", at(delivery, "backoffPolicy"), d.name)
		require.Equal(t, "PT150S", at(delivery, "timeout"), "%s: longer than a cold start, shorter than the revision's timeout", d.name)
		require.Equal(t, "events", at(delivery, "deadLetterSink", "ref", "name"), d.name)
		require.Equal(t, "/dead-letters", at(delivery, "deadLetterSink", "uri"), d.name)
		require.Nil(t, at(delivery, "retryAfterMax"), "%s: refused by the webhook unless an alpha feature is on", d.name)
	}
}
