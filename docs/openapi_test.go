package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// The rules that a general linter does not know; make check-openapi asks one of
// those too. Each is about what somebody needs who has only the document.

type openapi struct {
	Tags       []struct{ Name string }
	Paths      map[string]map[string]*operation
	Components struct {
		Schemas   map[string]*schema
		Responses map[string]*response
	}
	raw []byte
}

type operation struct {
	ID          string `json:"operationId"`
	Summary     string
	Tags        []string
	Security    []map[string][]string
	Parameters  []parameter
	RequestBody *struct{ Content map[string]media }
	Responses   map[string]*response
}

type parameter struct {
	Name, In, Description string
	Required              bool
	Example               any
	Schema                *schema
}

type response struct {
	Ref, Description string
	Content          map[string]media
}

type media struct{ Schema *schema }

type schema struct {
	Ref         string `json:"$ref"`
	Type        any
	Format      string
	Description string
	Default     any
	Enum        []any
	Examples    []any
	Properties  map[string]*schema
	OneOf       []*schema
}

// UnmarshalJSON also takes true, which a schema may be.
func (s *schema) UnmarshalJSON(b []byte) error {
	type plain schema
	if len(b) > 0 && b[0] == '{' {
		return json.Unmarshal(b, (*plain)(s))
	}
	return nil
}

func (r *response) UnmarshalJSON(b []byte) error {
	type plain response
	var ref struct {
		Ref string `json:"$ref"`
	}
	if err := json.Unmarshal(b, &ref); err != nil {
		return err
	}
	err := json.Unmarshal(b, (*plain)(r))
	r.Ref = ref.Ref
	return err
}

func TestAStrangerCanReadEveryOpenAPIDocument(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("openapi/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			doc := openapi{raw: raw}
			require.NoError(t, json.Unmarshal(raw, &doc))
			var missing []string
			ids := map[string]bool{}
			for _, path := range sorted(doc.Paths) {
				for _, method := range sorted(doc.Paths[path]) {
					op := doc.Paths[path][method]
					for _, m := range doc.faultsOf(op, method, path) {
						missing = append(missing, op.ID+": "+m)
					}
					if ids[op.ID] {
						missing = append(missing, op.ID+": two operations have this id")
					}
					ids[op.ID] = true
				}
			}
			missing = append(missing, doc.schemaFaults()...)
			require.Empty(t, missing, "missing in the document, or in the code that makes it (then: make generate):\n%s", strings.Join(missing, "\n"))
		})
	}
}

var kebab = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)

func (d *openapi) faultsOf(op *operation, method, path string) []string {
	var faults []string
	add := func(when bool, format string, args ...any) {
		if when {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	add(!kebab.MatchString(op.ID), "its id is not words-with-hyphens")
	add(op.Summary == "" || len(op.Summary) > 90 || strings.HasSuffix(op.Summary, "."), "the summary is missing, too long or a sentence with a full stop")
	add(len(op.Tags) != 1, "it has not one tag")
	for _, tag := range op.Tags {
		declared := slices.ContainsFunc(d.Tags, func(t struct{ Name string }) bool { return t.Name == tag })
		add(!declared, "its tag %q is not described (names.go)", tag)
	}
	add(len(op.Security) == 0, "it does not say who may call it")
	for _, p := range op.Parameters {
		faults = append(faults, p.faults()...)
	}
	for _, code := range op.expected(method, path) {
		add(op.Responses[code] == nil, "the answer %s is not documented", code)
	}
	ok := false
	for code, r := range op.Responses {
		r = d.response(r)
		ok = ok || code[0] == '2'
		add(r.Description == "", "the answer %s has no description", code)
		add(code == "200" && len(r.Content) == 0, "the answer 200 has no content")
		add(code[0] >= '4' && r.Content["application/problem+json"].Schema == nil, "the answer %s is no problem document", code)
	}
	add(!ok, "no answer says that it worked")
	if op.RequestBody != nil {
		for form, m := range op.RequestBody.Content {
			add(m.Schema == nil, "the body %s has no schema", form)
		}
	}
	return faults
}

func (p parameter) faults() []string {
	var faults []string
	if p.Description == "" && p.In != "header" {
		faults = append(faults, fmt.Sprintf("the parameter %s has no description", p.Name))
	}
	s := p.Schema
	if s == nil {
		return append(faults, fmt.Sprintf("the parameter %s has no schema", p.Name))
	}
	clear := p.Example != nil || len(s.Examples) > 0 || len(s.Enum) > 0 || s.Default != nil || s.Format != "" || s.Type != "string"
	if !clear && p.In != "header" && p.Name != "cursor" {
		faults = append(faults, fmt.Sprintf("the parameter %s has no example", p.Name))
	}
	return faults
}

// expected is the answers that an operation has by what it is.
func (o *operation) expected(method, path string) []string {
	codes := []string{"400", "401", "422", "500", "503"}
	public := slices.ContainsFunc(o.Security, func(m map[string][]string) bool { return len(m) == 0 })
	if public {
		codes = append(codes, "429")
	} else {
		codes = append(codes, "403")
	}
	if strings.Contains(path, "{") {
		codes = append(codes, "404")
	}
	if o.RequestBody != nil {
		codes = append(codes, "413", "415")
	}
	for _, p := range o.Parameters {
		switch {
		case p.Name == "If-Match":
			codes = append(codes, "412", "428")
		case p.Name == "If-None-Match" && method == "get":
			codes = append(codes, "304")
		}
	}
	return codes
}

func (d *openapi) response(r *response) *response {
	if name, ok := strings.CutPrefix(r.Ref, "#/components/responses/"); ok {
		return d.Components.Responses[name]
	}
	return r
}

// Names that say how the code is made and not what a thing is.
var ofTheCode = regexp.MustCompile(`(Body|Output|Reply|Doc|Stored|View|State)$|^[a-z]`)

func (d *openapi) schemaFaults() []string {
	var faults []string
	for _, name := range sorted(d.Components.Schemas) {
		s := d.Components.Schemas[name]
		if ofTheCode.MatchString(name) {
			faults = append(faults, "schema "+name+": the name is of the code; web.Name gives another (names.go)")
		}
		for _, member := range sorted(s.Properties) {
			if p := s.Properties[member]; p.silent() {
				faults = append(faults, "schema "+name+": "+member+" has neither description nor example")
			}
		}
		faults = append(faults, d.exampleFaults(name, s)...)
	}
	return faults
}

// silent says that nothing tells what a text or a number looks like.
func (s *schema) silent() bool {
	if s.Ref != "" || len(s.OneOf) > 0 || s.Description != "" || len(s.Examples) > 0 || len(s.Enum) > 0 || s.Format == "uuid" || s.Format == "date-time" {
		return false
	}
	types := fmt.Sprint(s.Type)
	return strings.Contains(types, "string") || strings.Contains(types, "integer") || strings.Contains(types, "number")
}

func (d *openapi) exampleFaults(name string, s *schema) []string {
	if len(s.Properties) > 0 && len(s.Examples) == 0 {
		return []string{"schema " + name + ": no example can be made of its members; give those that are required one"}
	}
	c := jsonschema.NewCompiler()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(d.raw))
	if err == nil {
		err = c.AddResource("urn:document", document)
	}
	if err != nil {
		return []string{err.Error()}
	}
	compiled, err := c.Compile("urn:document#/components/schemas/" + url.PathEscape(name))
	if err != nil {
		return []string{"schema " + name + ": " + err.Error()}
	}
	var faults []string
	for _, example := range s.Examples {
		if err := compiled.Validate(example); err != nil {
			faults = append(faults, fmt.Sprintf("schema %s: its example breaks it: %v", name, err))
		}
	}
	return faults
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
