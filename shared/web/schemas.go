package web

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// shownSchemas are the schemas of a registry as strangers read them.
type shownSchemas struct {
	huma.Registry
	shown map[string]*huma.Schema
}

// Map is the schemas by name.
func (s shownSchemas) Map() map[string]*huma.Schema { return s.shown }

// MarshalJSON is the schemas by name.
func (s shownSchemas) MarshalJSON() ([]byte, error) { return json.Marshal(s.shown) }

// SchemaFromRef is the schema that a reference names.
func (s shownSchemas) SchemaFromRef(ref string) *huma.Schema {
	return s.shown[strings.TrimPrefix(ref, "#/components/schemas/")]
}

func publishedSchemas(own huma.Registry, examples map[string]any, paths map[string]*huma.PathItem) huma.Registry {
	s := shownSchemas{Registry: own, shown: map[string]*huma.Schema{}}
	for name, schema := range own.Map() {
		shown := *schema
		shown.Properties = nullable(own.TypeFromRef("#/components/schemas/"+name), schema.Properties)
		for member, p := range shown.Properties {
			shown.Properties[member] = explained(member, p)
		}
		s.shown[name] = &shown
	}
	if problem := s.shown["Problem"]; problem != nil {
		problem.AdditionalProperties = true // members that go with its code (RFC 9457, 3.2)
	}
	divide(own, s.shown, paths)
	for name, schema := range s.shown {
		if example, given := examples[strings.TrimSuffix(name, "Input")]; given {
			schema.Examples = []any{example}
		}
	}
	// In one order, since examples are made of examples.
	for _, name := range slices.Sorted(maps.Keys(s.shown)) {
		schema := s.shown[name]
		if schema.Type == huma.TypeObject && len(schema.Examples) == 0 && len(schema.Properties) > 0 {
			if example, ok := exampleOf(s, schema, nil); ok {
				schema.Examples = []any{example}
			}
		}
	}
	return s
}

// nullable lets members be null that a nil pointer to a struct is written as:
// huma makes a reference of them, which cannot say it.
func nullable(t reflect.Type, properties map[string]*huma.Schema) map[string]*huma.Schema {
	shown := maps.Clone(properties)
	if t == nil || t.Kind() != reflect.Struct {
		return shown
	}
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := shown[name]
		if p == nil || p.Ref == "" || f.Type.Kind() != reflect.Pointer || strings.Contains(options, "omit") {
			continue
		}
		shown[name] = &huma.Schema{OneOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}, Description: f.Tag.Get("doc"), ReadOnly: f.Tag.Get("readOnly") == "true"}
	}
	return shown
}

// exampleOf is a value that a schema allows; ok is false when nobody has said
// what one looks like.
func exampleOf(schemas huma.Registry, s *huma.Schema, above []*huma.Schema) (example any, ok bool) {
	if s.Ref != "" {
		s = schemas.SchemaFromRef(s.Ref)
	}
	if s == nil || slices.Contains(above, s) {
		return nil, false
	}
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0], true
	case len(s.OneOf) > 0:
		return exampleOf(schemas, s.OneOf[0], above)
	case s.Default != nil:
		return s.Default, true
	case len(s.Enum) > 0:
		return s.Enum[0], true
	}
	above = append(above, s)
	switch s.Type {
	case huma.TypeObject:
		return exampleObject(schemas, s, above)
	case huma.TypeArray:
		item, ok := exampleOf(schemas, s.Items, above)
		if !ok {
			return []any{}, s.MinItems == nil
		}
		return []any{item}, true
	case huma.TypeBoolean:
		return false, true
	case huma.TypeInteger, huma.TypeNumber:
		if s.Minimum != nil {
			return *s.Minimum, true
		}
		return 1, true
	case huma.TypeString:
		return exampleText(s)
	}
	return map[string]any{}, s.Type == "" // anything
}

func exampleObject(schemas huma.Registry, s *huma.Schema, above []*huma.Schema) (any, bool) {
	object := map[string]any{}
	for name, p := range s.Properties {
		value, ok := exampleOf(schemas, p, above)
		if ok {
			object[name] = value
		} else if slices.Contains(s.Required, name) {
			return nil, false
		}
	}
	return object, true
}

func exampleText(s *huma.Schema) (any, bool) {
	switch s.Format {
	case "uuid":
		return "01939f0e-7c52-7d1a-9d6e-1f2f3a4b5c6d", true
	case "date-time":
		return "2026-03-01T09:30:00Z", true
	case "uri":
		return "https://product.mallhive.com/v1/event-types/com.mallhive.order.placed.v1", true
	}
	return nil, false
}
