// Package compatible judges whether a change of the event contract breaks those
// who hold to what was promised: producers of what comes in, consumers of what
// goes out.
package compatible

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Promise is what others build on of one event type.
type Promise struct {
	Direction string          `json:"direction"` // in, out, internal
	Subject   string          `json:"subject"`
	Replies   []string        `json:"replies,omitempty"`
	Schema    json.RawMessage `json:"schema"`
}

// Breaks says what no longer holds of what was promised; nothing when all does.
func Breaks(was, is Promise) ([]string, error) {
	var before, now schema
	if err := json.Unmarshal(was.Schema, &before); err != nil {
		return nil, fmt.Errorf("the promised schema: %w", err)
	}
	if err := json.Unmarshal(is.Schema, &now); err != nil {
		return nil, fmt.Errorf("the schema: %w", err)
	}
	// During a rollout an internal event is sent by one release and received by
	// another, either way.
	j := judge{producers: was.Direction != "out", consumers: was.Direction != "in"}
	if was.Direction != is.Direction {
		j.add("", "the direction was "+was.Direction)
	}
	if was.Subject != is.Subject {
		j.add("", "the subject was "+was.Subject)
	}
	for _, reply := range is.Replies {
		if !slices.Contains(was.Replies, reply) {
			j.add("", "it may now be answered by "+reply)
		}
	}
	j.compare("", &before, &now)
	return j.found, nil
}

type judge struct {
	producers bool // hold to the promise: what they send must go on being taken
	consumers bool // hold to it: what they get must be what they know
	found     []string
}

func (j *judge) add(at, what string) {
	if at == "" {
		at = "/"
	}
	j.found = append(j.found, at+": "+what)
}

// narrower is less than was taken: it breaks producers.
func (j *judge) narrower(when bool, at, what string) {
	if when && j.producers {
		j.add(at, what)
	}
}

// wider is more than was sent: it breaks consumers.
func (j *judge) wider(when bool, at, what string) {
	if when && j.consumers {
		j.add(at, what)
	}
}

func (j *judge) compare(at string, was, is *schema) {
	j.types(at, was.Type, is.Type)
	j.values(at, was.values(), is.values())
	j.required(at, was, is)
	j.properties(at, was, is)
	j.part(at+"/*", "additionalProperties", was.AdditionalProperties, is.AdditionalProperties)
	j.part(at+"/*", "items", was.Items, is.Items)
	j.least(at, "minItems", was.MinItems, is.MinItems)
	j.least(at, "minLength", was.MinLength, is.MinLength)
	j.least(at, "minimum", was.Minimum, is.Minimum)
	j.most(at, "maxItems", was.MaxItems, is.MaxItems)
	j.most(at, "maxLength", was.MaxLength, is.MaxLength)
	j.most(at, "maximum", was.Maximum, is.Maximum)
	j.text(at, "pattern", was.Pattern, is.Pattern)
	j.text(at, "format", was.Format, is.Format)
	if was.Default != nil && !reflect.DeepEqual(was.Default, is.Default) {
		j.add(at, "default: what leaving it out means has changed")
	}
	// Which of two such rules takes more cannot be told in general.
	if !reflect.DeepEqual([]any{was.AnyOf, was.Not, was.If, was.Then}, []any{is.AnyOf, is.Not, is.If, is.Then}) {
		j.add(at, "anyOf, not, if or then has changed")
	}
}

func (j *judge) types(at string, was, is words) {
	for _, name := range []string{"null", "boolean", "integer", "number", "string", "array", "object"} {
		j.narrower(was.allow(name) && !is.allow(name), at, "type: no longer "+name)
		j.wider(is.allow(name) && !was.allow(name), at, "type: now also "+name)
	}
}

func (w words) allow(name string) bool {
	return len(w) == 0 || slices.Contains(w, name) || name == "integer" && slices.Contains(w, "number")
}

// values are those that a schema lists; nil is any.
func (s *schema) values() []any {
	if s.Const != nil {
		return []any{s.Const}
	}
	return s.Enum
}

func (j *judge) values(at string, was, is []any) {
	j.narrower(was == nil && is != nil, at, "enum: only certain values from now on")
	j.wider(was != nil && is == nil, at, "enum: any value from now on")
	if was == nil || is == nil {
		return
	}
	for _, v := range was {
		j.narrower(!listed(is, v), at, fmt.Sprint("enum: no longer ", v))
	}
	for _, v := range is {
		j.wider(!listed(was, v), at, fmt.Sprint("enum: now also ", v))
	}
}

func listed(all []any, v any) bool {
	return slices.ContainsFunc(all, func(one any) bool { return reflect.DeepEqual(one, v) })
}

func (j *judge) required(at string, was, is *schema) {
	for _, name := range is.Required {
		j.narrower(!slices.Contains(was.Required, name), at+"/"+name, "required from now on")
	}
	for _, name := range was.Required {
		j.wider(!slices.Contains(is.Required, name), at+"/"+name, "no longer required, so it may be missing")
	}
}

func (j *judge) properties(at string, was, is *schema) {
	for _, name := range slices.Sorted(maps.Keys(was.Properties)) {
		if is.Properties[name] == nil {
			j.add(at+"/"+name, "the field is gone: nobody sends it or heeds it any more")
			continue
		}
		j.compare(at+"/"+name, was.Properties[name], is.Properties[name])
	}
	for _, name := range slices.Sorted(maps.Keys(is.Properties)) {
		// A new field had no meaning before, except where any name had one.
		if was.Properties[name] == nil && was.AdditionalProperties != nil {
			j.compare(at+"/"+name, was.AdditionalProperties, is.Properties[name])
		}
	}
}

func (j *judge) part(at, keyword string, was, is *schema) {
	j.narrower(was == nil && is != nil, at, keyword+": a rule from now on")
	j.wider(was != nil && is == nil, at, keyword+": no rule from now on")
	if was != nil && is != nil {
		j.compare(at, was, is)
	}
}

func (j *judge) least(at, keyword string, was, is *float64) {
	j.narrower(is != nil && (was == nil || *is > *was), at, keyword+": higher than it was")
	j.wider(was != nil && (is == nil || *is < *was), at, keyword+": lower than it was")
}

func (j *judge) most(at, keyword string, was, is *float64) {
	j.narrower(is != nil && (was == nil || *is < *was), at, keyword+": lower than it was")
	j.wider(was != nil && (is == nil || *is > *was), at, keyword+": higher than it was")
}

// text is about rules of which only their presence can be compared.
func (j *judge) text(at, keyword, was, is string) {
	j.narrower(is != "" && was != is, at, keyword+": another from now on")
	j.wider(was != "" && was != is, at, keyword+": no longer what it was")
}
