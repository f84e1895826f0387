package event_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
)

// Our reading of the schemas against a whole validator's: of data that is right
// but for a few changes, both find the same faults at the same places.
func TestOurReadingOfASchemaIsThatOfAWholeValidator(t *testing.T) {
	t.Parallel()
	schemas := event.NewSchemas()
	for _, typ := range event.Types() {
		t.Run(typ.Name, func(t *testing.T) {
			t.Parallel()
			whole, examples := wholeValidator(t, typ.Name)
			rapid.Check(t, func(t *rapid.T) {
				data := spoil(t, rapid.SampledFrom(examples).Draw(t, "example"), rapid.IntRange(0, 3).Draw(t, "changes"))
				raw, err := json.Marshal(data)
				require.NoError(t, err)
				require.Equal(t, foundBy(t, whole, raw), foundByUs(t, schemas, typ.Name, raw), "%s", raw)
			})
		})
	}
}

func TestDataWithSomethingBehindItIsNoJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{"order_id":"o"}}`, `{"order_id":"o"} 1`, `{"order_id":"o"`, ``, `{"order_id":"o"}]`} {
		err := event.NewSchemas().Check(event.Event{Type: event.OrderPaid, Data: json.RawMessage(text)})
		require.Equal(t, "data_unreadable", fault.As(err).Code, text)
	}
}

func wholeValidator(t *testing.T, name string) (*jsonschema.Schema, []any) {
	t.Helper()
	raw, err := event.Schema(name)
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(t, c.AddResource("mem:///schema", doc))
	schema, err := c.Compile("mem:///schema")
	require.NoError(t, err)
	return schema, doc.(map[string]any)["examples"].([]any)
}

// spoil changes some places of the data: a member or an entry is another, or is
// gone, or there is one more.
func spoil(t *rapid.T, data any, changes int) any {
	if changes == 0 {
		return data
	}
	strange := rapid.SampledFrom([]any{nil, true, false, 0, 1, -1, 1.5, json.Number("2.0"), json.Number("1e10"), json.Number("9007199254740993"),
		"", "x", "no spaces please", strings.Repeat("ä", 65), "USD", "usd", "2026-01-01T00:00:00Z", "2026-13-01T00:00:00Z", "0198c5a2-7c1e-7d4a-9f43-2b1f0a6d5e11",
		"urn:uuid:0198c5a2-7c1e-7d4a-9f43-2b1f0a6d5e11", "nul \x00", []any{}, []any{1, "a"}, map[string]any{}, map[string]any{"amount": -1, "currency": "USD"}})
	switch v := data.(type) {
	case map[string]any:
		v = maps.Clone(v)
		names := append(slices.Sorted(maps.Keys(v)), "session_id", "compare_at", "stranger")
		name := rapid.SampledFrom(names).Draw(t, "name")
		switch rapid.IntRange(0, 3).Draw(t, "how") {
		case 0:
			delete(v, name)
		case 1:
			v[name] = strange.Draw(t, "value")
		default:
			if inner, there := v[name]; there {
				v[name] = spoil(t, inner, changes)
			}
		}
		return spoil(t, v, changes-1)
	case []any:
		if len(v) == 0 {
			return []any{strange.Draw(t, "entry")}
		}
		v = slices.Clone(v)
		i := rapid.IntRange(0, len(v)-1).Draw(t, "index")
		v[i] = spoil(t, v[i], changes)
		return v
	}
	return strange.Draw(t, "value")
}

func foundByUs(t *rapid.T, schemas *event.Schemas, typ string, raw []byte) []string {
	err := schemas.Check(event.Event{Type: typ, Data: raw})
	if err == nil {
		return nil
	}
	f := fault.As(err)
	require.Equal(t, fault.Invalid, f.Kind)
	var out []string
	for _, field := range f.Fields {
		out = append(out, field.Pointer+" "+field.Code)
	}
	return sorted(out)
}

func foundBy(t *rapid.T, schema *jsonschema.Schema, raw []byte) []string {
	data, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	var wrong *jsonschema.ValidationError
	if !errors.As(schema.Validate(data), &wrong) {
		return nil
	}
	return sorted(leaves(wrong, nil))
}

func leaves(e *jsonschema.ValidationError, out []string) []string {
	for _, cause := range e.Causes {
		out = leaves(cause, out)
	}
	if len(e.Causes) > 0 {
		return out
	}
	at := ""
	for _, part := range e.InstanceLocation {
		at += "/" + part
	}
	if missing, ok := e.ErrorKind.(*kind.Required); ok {
		for _, name := range missing.Missing {
			out = append(out, at+"/"+name+" required")
		}
		return out
	}
	path := e.ErrorKind.KeywordPath()
	if _, ok := e.ErrorKind.(*kind.Not); ok {
		path = []string{"not"}
	}
	return append(out, at+" "+strings.ToLower(path[len(path)-1]))
}

func sorted(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}
