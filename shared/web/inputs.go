package web

import (
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// What is read back has members that may be left out when it is written. A
// client should not have to look whether they are there: where the two differ,
// the document has a schema for each, Product and ProductInput.

type inputs struct {
	shown  map[string]*huma.Schema
	sent   map[string]bool     // that answers lead to
	always map[string][]string // members that are never left out of those
}

// divide lets schemas of answers require what is always there, and gives bodies
// of requests schemas of their own where that makes a difference.
func divide(own huma.Registry, shown map[string]*huma.Schema, paths map[string]*huma.PathItem) {
	d := inputs{shown: shown, sent: map[string]bool{}, always: map[string][]string{}}
	each(paths, func(op *huma.Operation) {
		for _, r := range op.Responses {
			for _, m := range r.Content {
				d.reach(m.Schema, d.sent)
			}
		}
	})
	for name := range d.sent {
		d.always[name] = alwaysThere(own.TypeFromRef(prefix+name), shown[name])
	}
	each(paths, func(op *huma.Operation) {
		if op.RequestBody == nil {
			return
		}
		body := *op.RequestBody
		body.Content = map[string]*huma.MediaType{}
		for form, m := range op.RequestBody.Content {
			media := *m
			media.Schema = d.input(m.Schema)
			body.Content[form] = &media
		}
		op.RequestBody = &body
	})
	for name, members := range d.always {
		s := shown[name]
		s.Required = append(slices.Clone(s.Required), members...)
		slices.Sort(s.Required)
	}
}

const prefix = "#/components/schemas/"

func each(paths map[string]*huma.PathItem, do func(*huma.Operation)) {
	for _, item := range paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Patch, item.Delete} {
			if op != nil {
				do(op)
			}
		}
	}
}

// alwaysThere are the members that are written whatever they are, and that the
// schema does not require.
func alwaysThere(t reflect.Type, s *huma.Schema) []string {
	var members []string
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		_, known := s.Properties[name]
		if known && !strings.Contains(options, "omit") && !slices.Contains(s.Required, name) && !slices.Contains(members, name) {
			members = append(members, name)
		}
	}
	return members
}

// parts are the schemas that a schema is made of.
func parts(s *huma.Schema) []*huma.Schema {
	list := append(slices.Concat(s.OneOf, s.AnyOf, s.AllOf), s.Items)
	for _, p := range s.Properties {
		list = append(list, p)
	}
	if more, ok := s.AdditionalProperties.(*huma.Schema); ok {
		list = append(list, more)
	}
	return slices.DeleteFunc(list, func(s *huma.Schema) bool { return s == nil })
}

// reach notes all named schemas that a schema leads to.
func (d *inputs) reach(s *huma.Schema, seen map[string]bool) {
	if s == nil {
		return
	}
	if s.Ref != "" {
		name := path.Base(s.Ref)
		if seen[name] || d.shown[name] == nil {
			return
		}
		seen[name] = true
		s = d.shown[name]
	}
	for _, p := range parts(s) {
		d.reach(p, seen)
	}
}

// other says whether a schema is another one in a request.
func (d *inputs) other(s *huma.Schema) bool {
	named := map[string]bool{}
	d.reach(s, named)
	for name := range named {
		if len(d.always[name]) > 0 {
			return true
		}
	}
	return false
}

// input is a schema as requests have it.
func (d *inputs) input(s *huma.Schema) *huma.Schema {
	if s == nil || !d.other(s) {
		return s
	}
	if s.Ref != "" {
		name := path.Base(s.Ref)
		if !d.sent[name] {
			*d.shown[name] = *d.inside(d.shown[name])
			return s
		}
		if d.shown[name+"Input"] == nil {
			d.shown[name+"Input"] = &huma.Schema{} // for what leads back to it
			*d.shown[name+"Input"] = *d.inside(d.shown[name])
		}
		return &huma.Schema{Ref: prefix + name + "Input"}
	}
	return d.inside(s)
}

func (d *inputs) inside(s *huma.Schema) *huma.Schema {
	in := *s
	in.Items = d.input(s.Items)
	in.OneOf, in.AnyOf, in.AllOf = d.all(s.OneOf), d.all(s.AnyOf), d.all(s.AllOf)
	if more, ok := s.AdditionalProperties.(*huma.Schema); ok {
		in.AdditionalProperties = d.input(more)
	}
	if s.Properties != nil {
		in.Properties = make(map[string]*huma.Schema, len(s.Properties))
		for name, p := range s.Properties {
			in.Properties[name] = d.input(p)
		}
	}
	return &in
}

func (d *inputs) all(list []*huma.Schema) []*huma.Schema {
	var in []*huma.Schema
	for _, s := range list {
		in = append(in, d.input(s))
	}
	return in
}
