package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/docs/internal/compatible"
	"github.com/mallhive/product-service/shared/event"
)

func TestNoPromiseOfTheEventContractIsBroken(t *testing.T) {
	t.Parallel()
	require.NoError(t, keepsPromises("event-types"))
	files, err := filepath.Glob("event-types/*.json")
	require.NoError(t, err)
	require.Len(t, files, len(event.Types()), "make generate writes down what is promised")
}

func TestABrokenPromiseIsNotWrittenDown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, member, want string }{
		"a field is gone": {event.StockLow, `"colour":{"type":"string"}`, "com.mallhive.stock.low.v1/colour: the field is gone"},
		"a type is gone":  {"com.mallhive.stock.lost.v1", "", "com.mallhive.stock.lost.v1 is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, folder := range []string{"event-types", "asyncapi"} {
				require.NoError(t, os.Mkdir(filepath.Join(dir, folder), 0o700))
			}
			was := compatible.Promise{Direction: "out", Subject: "stock", Schema: json.RawMessage(`{"type":"object","properties":{` + c.member + `}}`)}
			text, err := json.Marshal(was)
			require.NoError(t, err)
			file := filepath.Join(dir, "event-types", c.file+".json")
			require.NoError(t, os.WriteFile(file, text, 0o600))

			require.ErrorContains(t, events(dir), c.want)
			left, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(text), string(left))
			require.NoFileExists(t, filepath.Join(dir, "event-types", event.StockDepleted+".json"))

			require.NoError(t, os.Remove(file))
			require.NoError(t, events(dir))
			require.NoError(t, keepsPromises(filepath.Join(dir, "event-types")))
			require.FileExists(t, filepath.Join(dir, "event-types", event.StockLow+".json"))
		})
	}
}
