// Command docs writes the files of this folder from what the functions say of
// themselves, and the list of what they are built from.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/mallhive/product-service/docs/internal/dependency"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintf(os.Stderr, "docs: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var configuration bytes.Buffer
	configuration.WriteString("# Configuration\n\nWritten by `make generate` from what each function prints with `--help`.\n")
	var metrics bytes.Buffer
	metrics.WriteString(metricsHead)
	for _, function := range []string{"catalog", "inventory", "events"} {
		fmt.Printf("docs: %s\n", function)
		help, err := ask(ctx, function, "--help")
		if err != nil {
			return err
		}
		table(&configuration, function, help)
		document, err := ask(ctx, function, "--openapi")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join("docs", "openapi", function+".json"), document, 0o600); err != nil {
			return err
		}
		told, err := ask(ctx, function, "--metrics")
		if err != nil {
			return err
		}
		metricsTable(&metrics, function, told)
	}
	if err := os.WriteFile(filepath.Join("docs", "metrics.md"), metrics.Bytes(), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join("docs", "configuration.md"), configuration.Bytes(), 0o600); err != nil {
		return err
	}
	if err := events("docs"); err != nil {
		return err
	}
	return dependencies(ctx)
}

func dependencies(ctx context.Context) error {
	fmt.Println("docs: dependencies")
	modules, err := dependency.List(ctx)
	if err != nil {
		return err
	}
	if err := dependency.Refused(modules); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join("docs", "dependencies.md"), dependency.Table(modules), 0o600)
}

func ask(ctx context.Context, function, question string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", "run", "./functions/"+function, question)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", function, question, err)
	}
	return out, nil
}

// table turns the help's two columns into a Markdown table.
func table(w *bytes.Buffer, function string, help []byte) {
	fmt.Fprintf(w, "\n## %s\n\n| variable | meaning [default] |\n| --- | --- |\n", function)
	_, rows, _ := strings.Cut(string(help), "VARIABLE")
	_, rows, _ = strings.Cut(rows, "\n")
	for line := range strings.SplitSeq(rows, "\n") {
		name, meaning, ok := strings.Cut(line, " ")
		if !ok {
			return
		}
		fmt.Fprintf(w, "| `%s` | %s |\n", name, strings.ReplaceAll(strings.TrimSpace(meaning), "|", "\\|"))
	}
}
