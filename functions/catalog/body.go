package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/web"
)

// reader reads documents of one type with the same rules wherever they come
// from: a body, a row of an import, the result of a patch.
type reader[T any] struct {
	registry huma.Registry
	schema   *huma.Schema
}

func newReader[T any]() reader[T] {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	return reader[T]{registry: registry, schema: registry.Schema(reflect.TypeFor[T](), true, "")}
}

// read decodes a document and finds every fault of its form. The value is
// filled as far as it could be read, so that its rules can be checked too.
// What is no JSON is fault.Malformed.
func (r reader[T]) read(raw []byte) (T, fault.List, error) {
	var value T
	strict := json.NewDecoder(bytes.NewReader(raw))
	strict.DisallowUnknownFields()
	err := strict.Decode(&value)
	if err == nil {
		if _, err = strict.Token(); errors.Is(err, io.EOF) && !startsWithNull(raw) {
			return value, nil, nil
		}
	}
	var generic any
	if err := json.Unmarshal(raw, &generic); err != nil {
		return value, nil, fault.New(fault.Malformed, "malformed", "it is not one JSON value")
	}
	faults := web.Validate(r.registry, r.schema, generic)
	if len(faults) > 0 {
		if raw, err = json.Marshal(generic); err != nil { // without what was too much
			return value, nil, err
		}
	}
	// The strict decoder stopped at its first fault; this one goes on.
	var lenient T
	err = json.Unmarshal(raw, &lenient)
	if len(faults) == 0 {
		faults = append(faults, unreadable(err))
	}
	return lenient, faults, nil
}

func startsWithNull(raw []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("null"))
}

// unreadable is a fault that the schema does not know, such as a number
// too large for its field.
func unreadable(err error) fault.Field {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return fault.At("/"+strings.ReplaceAll(wrong.Field, ".", "/"), "wrong_type", "this value cannot be read")
	}
	return fault.At("", "wrong_type", "a value cannot be read: times are RFC 3339, numbers within range")
}

// maxRules bounds how many broken rules are told: a megabyte can hold more of
// them than anybody reads.
const maxRules = 100

// merged joins faults of form and of rules; where both have something to say
// about one place, the form's goes first and alone.
func merged(form, rules fault.List) fault.List {
	for _, f := range rules[:min(len(rules), maxRules)] {
		covered := false
		for _, g := range form {
			if f.Pointer == g.Pointer || strings.HasPrefix(f.Pointer, g.Pointer+"/") {
				covered = true
			}
		}
		if !covered {
			form = append(form, f)
		}
	}
	return form
}

// takes documents what an operation's body is, whose handler reads it with a
// reader.
func takes[T any](api *web.API, op huma.Operation, contentTypes ...string) (huma.Operation, func()) {
	schemas := api.Document().Components.Schemas
	schema := schemas.Schema(reflect.TypeFor[T](), true, "")
	if op.Method == http.MethodPatch {
		schema = patchOf(schemas, schema)
	}
	content := map[string]*huma.MediaType{}
	for _, t := range append(contentTypes, "application/json") {
		content[t] = &huma.MediaType{Schema: schema}
	}
	op.SkipValidateBody = true // the reader does
	op.RequestBody = &huma.RequestBody{Required: true, Content: content}
	// huma takes a raw body for a binary one.
	return op, func() { content["application/json"] = &huma.MediaType{Schema: schema} }
}

// patchOf is the schema of a merge patch of a document: any of its members, null
// where one shall go.
func patchOf(schemas huma.Registry, whole *huma.Schema) *huma.Schema {
	of := schemas.SchemaFromRef(whole.Ref)
	patch := &huma.Schema{
		Type: huma.TypeObject, Properties: map[string]*huma.Schema{}, AdditionalProperties: false,
		Description: "A JSON Merge Patch (RFC 7396): a member that is there replaces, null removes, others stay. A list is replaced whole.",
	}
	for name, p := range of.Properties {
		if p.ReadOnly {
			continue
		}
		member := *p
		member.Default = nil
		if member.Ref == "" {
			member.Nullable = true
		}
		if len(member.Enum) > 0 {
			member.Enum = append(slices.Clone(member.Enum), nil)
		}
		patch.Properties[name] = &member
	}
	name := strings.TrimSuffix(path.Base(whole.Ref), "Request") + "Patch"
	schemas.Map()[name] = patch
	return &huma.Schema{Ref: path.Dir(whole.Ref) + "/" + name}
}
