// Package render turns the chart into objects, as helm template does, without a
// cluster.
package render

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"sigs.k8s.io/yaml"
)

// Object is one rendered object.
type Object struct {
	Template string         // file name of its template
	Text     string         // as rendered, comments included
	Value    map[string]any // parsed
}

// Kind is its kind.
func (o Object) Kind() string { return o.text("kind") }

// APIVersion is its group and version.
func (o Object) APIVersion() string { return o.text("apiVersion") }

// Name is its name.
func (o Object) Name() string { return fmt.Sprint(At(o.Value, "metadata", "name")) }

// String names it in messages.
func (o Object) String() string { return o.Kind() + " " + o.Name() }

func (o Object) text(key string) string {
	text, _ := o.Value[key].(string)
	return text
}

// At walks keys (string) and positions (int); nil when something is missing.
func At(value any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := value.(map[string]any)
			value = m[step]
		case int:
			l, _ := value.([]any)
			if step < 0 || step >= len(l) {
				return nil
			}
			value = l[step]
		}
	}
	return value
}

// Chart renders the chart in dir as a release of its own name, with values files
// in their order and what set changes of them (YAML). Objects come by the name of
// their template, in the order in which they stand in it.
func Chart(dir string, files []string, set string) ([]Object, error) {
	c, err := loader.Load(dir)
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", dir, err)
	}
	values := map[string]any{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if values, err = merge(values, text); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	if values, err = merge(values, []byte(set)); err != nil {
		return nil, fmt.Errorf("values: %w", err)
	}
	release := chartutil.ReleaseOptions{Name: c.Name(), Namespace: c.Name(), Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(c, values, release, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	rendered, err := engine.Render(c, all)
	if err != nil {
		return nil, err
	}
	return parse(rendered)
}

func merge(into map[string]any, text []byte) (map[string]any, error) {
	var more map[string]any
	if err := yaml.Unmarshal(text, &more); err != nil {
		return nil, err
	}
	return chartutil.CoalesceTables(more, into), nil
}

func parse(rendered map[string]string) ([]Object, error) {
	var names []string
	for name := range rendered {
		if strings.HasSuffix(name, ".yaml") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var objects []Object
	for _, name := range names {
		for _, text := range strings.Split("\n"+rendered[name], "\n---") {
			var value map[string]any
			if err := yaml.UnmarshalStrict([]byte(text), &value); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if len(value) > 0 {
				objects = append(objects, Object{Template: filepath.Base(name), Text: strings.TrimSpace(text), Value: value})
			}
		}
	}
	return objects, nil
}
