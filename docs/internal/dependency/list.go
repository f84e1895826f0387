// Package dependency lists the modules that what ships and the tests are built
// from, with their licences, and refuses a licence that is not permissive.
package dependency

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// Module is one that is compiled into something of ours.
type Module struct {
	Path, Version string
	Licences      []string
	Ships         bool // part of a function or of the migration program
}

type listed struct {
	Path, Version, Dir string
	Main               bool
	Replace            *listed
}

// List finds them for every system that we build for, so that the list is the
// same wherever it is made.
func List(ctx context.Context) ([]Module, error) {
	modules := map[string]*Module{}
	add := func(system string, ships bool, args ...string) error {
		found, err := goList(ctx, system, args...)
		if err != nil {
			return err
		}
		for _, m := range found {
			if modules[m.Path] == nil {
				names, err := licences(m.Dir)
				if err != nil {
					return fmt.Errorf("%s: %w", m.Path, err)
				}
				modules[m.Path] = &Module{Path: m.Path, Version: m.Version, Licences: names}
			}
			modules[m.Path].Ships = modules[m.Path].Ships || ships
		}
		return nil
	}
	for _, system := range []string{"linux/amd64", "linux/arm64"} {
		if err := add(system, true, "./functions/...", "./shared/schema/migrate"); err != nil {
			return nil, err
		}
	}
	for _, system := range []string{"linux/amd64", "darwin/arm64"} {
		if err := add(system, false, "-test", "./..."); err != nil {
			return nil, err
		}
	}
	var all []Module
	for _, m := range modules {
		all = append(all, *m)
	}
	slices.SortFunc(all, func(a, b Module) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

func goList(ctx context.Context, system string, args ...string) ([]listed, error) {
	goos, arch, _ := strings.Cut(system, "/")
	c := exec.CommandContext(ctx, "go", append([]string{"list", "-deps", "-json=Module"}, args...)...)
	c.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+arch, "CGO_ENABLED=0")
	c.Stderr = os.Stderr
	output, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("go list for %s: %w", system, err)
	}
	var all []listed
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var p struct{ Module *listed }
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("go list for %s: %w", system, err)
		}
		if p.Module == nil || p.Module.Main {
			continue
		}
		if p.Module.Replace != nil {
			return nil, fmt.Errorf("%s is replaced by %s: use a released version", p.Module.Path, p.Module.Replace.Path)
		}
		all = append(all, *p.Module)
	}
}

// Refused are the modules with a licence that may not be used where they are.
func Refused(modules []Module) error {
	var errs []error
	for _, m := range modules {
		for _, name := range m.Licences {
			if !slices.Contains(permitted(m.Ships), name) {
				errs = append(errs, fmt.Errorf("%s %s: its licence %s may not be used here", m.Path, m.Version, name))
			}
		}
	}
	return errors.Join(errs...)
}

// Table is the list as Markdown.
func Table(modules []Module) []byte {
	var b strings.Builder
	b.WriteString(`# Dependencies

Written by ` + "`make generate`" + ` from what is compiled in, for Linux and macOS. What ships
may have the licences ` + strings.Join(permitted(true), ", ") + `; what only tests and the local
stack use may also have ` + strings.Join(permitted(false)[len(permitted(true)):], " or ") + `. Any other licence stops the checks. The
programs that check the code (tools/go.mod) are run and never linked to ours.
`)
	for _, part := range []struct {
		title string
		ships bool
	}{{"What ships", true}, {"Tests and the local stack only", false}} {
		b.WriteString("\n## " + part.title + "\n\n| module | version | licence |\n| --- | --- | --- |\n")
		for _, m := range modules {
			if m.Ships == part.ships {
				fmt.Fprintf(&b, "| %s | %s | %s |\n", m.Path, m.Version, strings.Join(m.Licences, ", "))
			}
		}
	}
	return []byte(b.String())
}
