package servicetest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// document is what Walk reads of an OpenAPI document.
type document struct {
	Paths      map[string]map[string]*operation
	Components struct{ Schemas map[string]*schema }
}

type operation struct {
	ID          string `json:"operationId"`
	Parameters  []parameter
	RequestBody *struct {
		Content map[string]struct{ Schema *schema }
	}

	method, path string
}

type parameter struct{ Name, In string }

type schema struct {
	Ref        string `json:"$ref"`
	Type       any
	Format     string
	Properties map[string]*schema
	Items      *schema
	Additional json.RawMessage `json:"additionalProperties"`
}

// operations are all of them in one order, deletions last.
func (d *document) operations() []*operation {
	var all []*operation
	for _, path := range sorted(d.Paths) {
		for _, method := range sorted(d.Paths[path]) {
			op := d.Paths[path][method]
			op.method, op.path = strings.ToUpper(method), path
			all = append(all, op)
		}
	}
	slices.SortStableFunc(all, func(a, b *operation) int { return a.last() - b.last() })
	return all
}

func (o *operation) last() int {
	if o.method == "DELETE" {
		return 1
	}
	return 0
}

// form is the content type that bodies are sent in.
func (o *operation) form() string {
	for _, form := range []string{"application/x-ndjson", "application/merge-patch+json", "application/json"} {
		if _, ok := o.RequestBody.Content[form]; ok {
			return form
		}
	}
	return sorted(o.RequestBody.Content)[0]
}

func (o *operation) streams() bool { return o.form() == "application/x-ndjson" }

func (o *operation) schema(d *document) *schema {
	return d.resolve(o.RequestBody.Content[o.form()].Schema)
}

func (d *document) resolve(s *schema) *schema {
	if s == nil {
		return &schema{}
	}
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return d.resolve(d.Components.Schemas[name])
	}
	return s
}

func (s *schema) is(kind string) bool {
	switch t := s.Type.(type) {
	case string:
		return t == kind
	case []any:
		return slices.Contains(t, any(kind))
	}
	return false
}

// place is one place of a body: where, and what the schema says of it.
type place struct {
	at     []any // names and indices
	schema *schema
}

// places are all the sample has and all that its schema has besides.
func (d *document) places(at []any, s *schema, value any) []place {
	s = d.resolve(s)
	found := []place{{slices.Clone(at), s}}
	switch v := value.(type) {
	case map[string]any:
		for _, name := range sorted(v) {
			child := s.Properties[name]
			if child == nil {
				child = &schema{}
				_ = json.Unmarshal(s.Additional, child)
			}
			found = append(found, d.places(append(slices.Clone(at), name), child, v[name])...)
		}
		for _, name := range sorted(s.Properties) {
			if _, there := v[name]; !there {
				found = append(found, place{append(slices.Clone(at), name), d.resolve(s.Properties[name])})
			}
		}
		for _, name := range []string{"\x00", "", strings.Repeat("n", 300), "constructor", "a/b~c", "💣"} {
			found = append(found, place{append(slices.Clone(at), name), &schema{Type: "boolean"}})
		}
	case []any:
		for i := range v {
			found = append(found, d.places(append(slices.Clone(at), i), s.Items, v[i])...)
		}
	}
	return found
}

const hole = "@@hostile@@"

type mutation struct{ where, body string }

// mutations are the sample with one hostile value in each place in turn.
func (d *document) mutations(t testing.TB, s *schema, sample string) []mutation {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal([]byte(sample), &value))
	var all []mutation
	for _, p := range d.places(nil, s, value) {
		holed := put(t, sample, p.at)
		for _, raw := range valuesFor(p.schema) {
			all = append(all, mutation{fmt.Sprintf("%v = %s", p.at, short(raw)), strings.Replace(holed, `"`+hole+`"`, raw, 1)})
		}
	}
	return all
}

// put is the document with a hole in one place.
func put(t testing.TB, document string, at []any) string {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal([]byte(document), &value))
	b, err := json.Marshal(set1(value, at))
	require.NoError(t, err)
	return string(b)
}

func set1(value any, at []any) any {
	if len(at) == 0 {
		return hole
	}
	switch step := at[0].(type) {
	case string:
		m, _ := value.(map[string]any)
		m[step] = set1(m[step], at[1:])
	case int:
		list, _ := value.([]any)
		list[step] = set1(list[step], at[1:])
	}
	return value
}

// bentCursors are cursors whose envelope holds and whose position does not.
func bentCursors(t testing.TB, cursor string) []string {
	t.Helper()
	plain, err := base64.RawURLEncoding.DecodeString(cursor)
	require.NoError(t, err)
	var envelope map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(plain, &envelope))
	var bent []string
	for _, name := range sorted(envelope) {
		for _, p := range (&document{}).places(nil, &schema{}, decoded(t, envelope[name])) {
			holed := put(t, string(envelope[name]), p.at)
			for _, raw := range valuesFor(&schema{}) {
				parts := []string{}
				for _, n := range sorted(envelope) {
					part := string(envelope[n])
					if n == name {
						part = strings.Replace(holed, `"`+hole+`"`, raw, 1)
					}
					parts = append(parts, `"`+n+`":`+part)
				}
				if text := "{" + strings.Join(parts, ",") + "}"; len(text) < 8000 {
					bent = append(bent, base64.RawURLEncoding.EncodeToString([]byte(text)))
				}
			}
		}
	}
	return bent
}

func decoded(t testing.TB, raw []byte) any {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal(raw, &v))
	return v
}

// Deliver sends a CloudEvent in the structured form, with one hostile value in
// each place in turn, and holds the answers to what Walk asks for.
func Deliver(t *testing.T, s *Server, path, sample string) {
	t.Helper()
	form := Header{"Content-Type", "application/cloudevents+json"}
	a := s.Do(t, "POST", path, sample, form)
	require.Less(t, a.Status, 300, "the sample does not hold: %s", a.Body)
	var broken []string
	for _, m := range (&document{}).mutations(t, &schema{}, sample) {
		if fault := Unclear(s.Do(t, "POST", path, m.body, form)); fault != "" && len(broken) < 5 {
			broken = append(broken, m.where+": "+fault)
		}
	}
	for _, whole := range wholeBodies() {
		if fault := Unclear(s.Do(t, "POST", path, whole, form)); fault != "" && len(broken) < 5 {
			broken = append(broken, short(whole)+": "+fault)
		}
	}
	require.Empty(t, broken)
}
