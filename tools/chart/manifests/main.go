// Command manifests writes knative/*.yaml from the chart: what ko applies to a
// cluster, one function at a time, and what the local stack reads. It also writes
// the table of values of the chart's README.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mallhive/product-service/tools/chart/render"
)

func main() {
	chart := flag.String("chart", "helm", "folder of the chart")
	out := flag.String("out", "knative", "folder to write to; its *.yaml are replaced")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "Writes the chart's objects as one file for each function and one for each other kind.\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(*chart, *out); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

const header = "# Rendered from the chart by make manifests: change helm/ instead.\n"

func run(chart, out string) error {
	objects, err := render.Chart(chart, []string{filepath.Join(chart, "values-ko.yaml")}, "")
	if err != nil {
		return err
	}
	files := map[string][]string{}
	for _, o := range objects {
		name := fileOf(o)
		files[name] = append(files[name], o.Text)
	}
	old, err := filepath.Glob(filepath.Join(out, "*.yaml"))
	if err != nil {
		return err
	}
	for _, file := range old {
		if files[filepath.Base(file)] == nil {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
	}
	for name, texts := range files {
		text := header + strings.Join(texts, "\n---\n") + "\n"
		if err := os.WriteFile(filepath.Join(out, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	fmt.Printf("%d objects in %d files of %s\n", len(objects), len(files), out)
	return describeValues(chart)
}

// fileOf is the function's name, or else the template's.
func fileOf(o render.Object) string {
	if o.APIVersion() == "serving.knative.dev/v1" {
		return o.Name() + ".yaml"
	}
	return o.Template
}
