package shared_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/mallhive/product-service/"

// rules are the edges that must not be, each with its reason. A rule holds for
// importers whose path begins with one of from (but none of but).
var rules = []struct {
	from, but, never []string
	why              string
}{
	{
		from: []string{"shared/"}, never: []string{"functions/"},
		why: "what all share knows none of them",
	},
	{
		from: []string{"functions/catalog"}, never: []string{"functions/inventory", "functions/events"},
		why: "functions meet in the database's views and in events, not in code",
	},
	{
		from: []string{"functions/inventory"}, never: []string{"functions/catalog", "functions/events"},
		why: "functions meet in the database's views and in events, not in code",
	},
	{
		from: []string{"functions/events"}, never: []string{"functions/catalog", "functions/inventory"},
		why: "functions meet in the database's views and in events, not in code",
	},
	{
		from:  []string{"functions/catalog/internal/", "functions/inventory/internal/", "functions/events/internal/"},
		never: []string{"net/http", "cloudevents/sdk-go", "aws-sdk-go-v2", "go.opentelemetry.io", "danielgtaylor/huma", "shared/web", "shared/service", "go.uber.org/zap"},
		why:   "a rule of the domain is the same whoever asks and however",
	},
	{
		from: []string{"functions/", "shared/"}, but: []string{"shared/event"}, never: []string{"cloudevents/sdk-go"},
		why: "shared/event is the one place that knows the SDK",
	},
	{
		from: []string{"functions/", "shared/"}, but: []string{"shared/secret"}, never: []string{"aws-sdk-go-v2"},
		why: "shared/secret is the one place that knows AWS",
	},
	{
		from: []string{"functions/", "shared/"}, but: []string{"shared/service/servicetest"}, never: []string{"product-service/knative/"},
		why: "what ships knows nothing of the local stack",
	},
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	require.NoError(t, err)
	var all []goPackage
	decode := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p goPackage
		err := decode.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, p)
	}
}

func TestImportsFollowTheRulesOfTheHouse(t *testing.T) {
	t.Parallel()
	begins := func(path string, prefixes []string) bool {
		for _, p := range prefixes {
			if strings.HasPrefix(strings.TrimPrefix(path, module), p) {
				return true
			}
		}
		return false
	}
	for _, p := range packages(t) {
		for _, r := range rules {
			if !begins(p.ImportPath, r.from) || begins(p.ImportPath, r.but) {
				continue
			}
			for _, imported := range p.Imports {
				for _, never := range r.never {
					require.False(t, imported == never || strings.Contains(imported+"/", never) && never != "net/http",
						"%s imports %s: %s", p.ImportPath, imported, r.why)
				}
			}
		}
	}
}
