package broker

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

// Filter is one entry of a Trigger's spec.filters. A map matches when every
// attribute named in it does.
type Filter struct {
	Exact  map[string]string `json:"exact,omitempty"`
	Prefix map[string]string `json:"prefix,omitempty"`
	Suffix map[string]string `json:"suffix,omitempty"`
	All    []Filter          `json:"all,omitempty"`
	Any    []Filter          `json:"any,omitempty"`
	Not    *Filter           `json:"not,omitempty"`
	CESQL  string            `json:"cesql,omitempty"`
}

// Check refuses what this broker cannot judge, so that a Trigger is never
// quietly wider or narrower here than in a cluster.
func (f Filter) Check() error {
	if f.CESQL != "" {
		return fmt.Errorf("filter dialect cesql is not supported: %q", f.CESQL)
	}
	dialects := 0
	for _, used := range []bool{len(f.Exact) > 0, len(f.Prefix) > 0, len(f.Suffix) > 0, len(f.All) > 0, len(f.Any) > 0, f.Not != nil} {
		if used {
			dialects++
		}
	}
	if dialects != 1 {
		return fmt.Errorf("a filter takes exactly one dialect, this one has %d", dialects)
	}
	inner := slices.Concat(f.All, f.Any)
	if f.Not != nil {
		inner = append(inner, *f.Not)
	}
	for _, i := range inner {
		if err := i.Check(); err != nil {
			return err
		}
	}
	return nil
}

// Match judges an event.
func (f Filter) Match(e event.Event) bool {
	match := func(m Filter) bool { return m.Match(e) }
	differs := func(m Filter) bool { return !m.Match(e) }
	switch {
	case len(f.Exact) > 0:
		return every(e, f.Exact, func(have, want string) bool { return have == want })
	case len(f.Prefix) > 0:
		return every(e, f.Prefix, strings.HasPrefix)
	case len(f.Suffix) > 0:
		return every(e, f.Suffix, strings.HasSuffix)
	case len(f.All) > 0:
		return !slices.ContainsFunc(f.All, differs)
	case len(f.Any) > 0:
		return slices.ContainsFunc(f.Any, match)
	case f.Not != nil:
		return !f.Not.Match(e)
	}
	return true
}

func every(e event.Event, wanted map[string]string, holds func(have, want string) bool) bool {
	for name := range maps.Keys(wanted) {
		have, there := attribute(e, name)
		if !there || !holds(have, wanted[name]) {
			return false
		}
	}
	return true
}

func attribute(e event.Event, name string) (string, bool) {
	var v string
	switch name {
	case "specversion":
		v = e.SpecVersion()
	case "id":
		v = e.ID()
	case "source":
		v = e.Source()
	case "type":
		v = e.Type()
	case "subject":
		v = e.Subject()
	case "datacontenttype":
		v = e.DataContentType()
	case "dataschema":
		v = e.DataSchema()
	case "time":
		if !e.Time().IsZero() {
			v = types.FormatTime(e.Time())
		}
	default:
		ext, there := e.Extensions()[name]
		if !there {
			return "", false
		}
		text, err := types.Format(ext)
		return text, err == nil
	}
	return v, v != ""
}
