package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/shared/fault"
)

// rule is a JSON Schema (2020-12) of the keywords that our schemas use. A whole
// validator does more, and doing it costs each cold start milliseconds, before
// main; a test holds this one to such a validator. An unknown keyword is an
// error when the schema is read.
type rule struct {
	Type                 words            `json:"type"`
	Enum                 []any            `json:"enum"`
	Const                json.RawMessage  `json:"const"`
	Required             []string         `json:"required"`
	Properties           map[string]*rule `json:"properties"`
	AdditionalProperties *rule            `json:"additionalProperties"`
	Items                *rule            `json:"items"`
	MinItems             *int             `json:"minItems"`
	MaxItems             *int             `json:"maxItems"`
	MinLength            *int             `json:"minLength"`
	MaxLength            *int             `json:"maxLength"`
	Pattern              string           `json:"pattern"`
	Format               string           `json:"format"`
	Minimum              *float64         `json:"minimum"`
	Maximum              *float64         `json:"maximum"`
	AnyOf                []*rule          `json:"anyOf"`
	Not                  *rule            `json:"not"`
	If                   *rule            `json:"if"`
	Then                 *rule            `json:"then"`

	// Said to readers only.
	Schema      string          `json:"$schema"`
	Title       string          `json:"title"`
	Description string          `json:"description"`
	Default     json.RawMessage `json:"default"`
	Examples    json.RawMessage `json:"examples"`

	pattern *regexp.Regexp
	value   any // of Const
	sure    sure
}

// words is a text or a list of texts.
type words []string

func (w *words) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(raw, []byte("[")) {
		return json.Unmarshal(raw, (*[]string)(w))
	}
	*w = make(words, 1)
	return json.Unmarshal(raw, &(*w)[0])
}

func readRule(raw []byte) (*rule, error) {
	r := new(rule)
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(r); err != nil {
		return nil, err
	}
	return r, r.compile()
}

func (r *rule) compile() error {
	var err error
	if r.Pattern != "" {
		if r.pattern, err = regexp.Compile(r.Pattern); err != nil {
			return err
		}
	}
	if r.Const != nil {
		if r.value, err = readJSON(r.Const); err != nil {
			return err
		}
	}
	if r.Format != "" && r.Format != "date-time" && r.Format != "uuid" {
		return fmt.Errorf("format %s is not one of ours", r.Format)
	}
	r.makeSure()
	inner := slices.Concat(slices.Collect(maps.Values(r.Properties)), r.AnyOf,
		[]*rule{r.AdditionalProperties, r.Items, r.Not, r.If, r.Then})
	for _, sub := range inner {
		if sub == nil {
			continue
		}
		if err := sub.compile(); err != nil {
			return err
		}
	}
	return nil
}

// readJSON reads one value with its numbers as they are written.
func readJSON(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the value")
	}
	return v, nil
}

// exact takes members out whose names are like ones of the rule but for capitals:
// to the rule they are strangers, and encoding/json would take them for those.
func (r *rule) exact(v any) (changed bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			sub, known := r.Properties[name]
			alike := func(own string) bool { return strings.EqualFold(own, name) }
			switch {
			case known:
				changed = sub.exact(inner) || changed
			case slices.ContainsFunc(slices.Collect(maps.Keys(r.Properties)), alike):
				delete(v, name)
				changed = true
			}
		}
	case []any:
		for _, inner := range v {
			changed = r.Items != nil && r.Items.exact(inner) || changed
		}
	}
	return changed
}

// faults collects what is wrong, up to a bound: a hostile body has a fault in
// each of its lines.
type faults []fault.Field

const mostFaults = 100

func (f *faults) add(at []string, keyword, detail string, args ...any) {
	if len(*f) < mostFaults {
		*f = append(*f, fault.At(pointer(at), strings.ToLower(keyword), detail, args...))
	}
}

// holds says whether the value is as the rule wants it.
func (r *rule) holds(v any) bool {
	var f faults
	r.judge(v, nil, &f)
	return len(f) == 0
}

// judge adds all that is wrong with the value. It never repeats the value.
func (r *rule) judge(v any, at []string, f *faults) {
	if len(*f) >= mostFaults {
		return
	}
	if len(r.Type) > 0 && !slices.ContainsFunc(r.Type, func(name string) bool { return isOf(name, v) }) {
		f.add(at, "type", "must be %s", strings.Join(r.Type, " or "))
		return
	}
	if r.Enum != nil && !slices.ContainsFunc(r.Enum, func(one any) bool { return same(one, v) }) {
		f.add(at, "enum", "must be one of %s", list(r.Enum))
	}
	if r.Const != nil && !same(r.value, v) {
		f.add(at, "const", "must be %s", r.Const)
	}
	switch v := v.(type) {
	case map[string]any:
		r.judgeObject(v, at, f)
	case []any:
		r.judgeArray(v, at, f)
	case string:
		r.judgeText(v, at, f)
	case json.Number:
		r.judgeNumber(v, at, f)
	}
	r.judgeTogether(v, at, f)
}

func (r *rule) judgeObject(v map[string]any, at []string, f *faults) {
	for _, name := range r.Required {
		if _, there := v[name]; !there {
			f.add(append(slices.Clone(at), name), "required", "missing")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		sub, known := r.Properties[name]
		if !known {
			sub = r.AdditionalProperties
		}
		if sub != nil {
			sub.judge(v[name], append(slices.Clone(at), name), f)
		}
	}
}

func (r *rule) judgeArray(v []any, at []string, f *faults) {
	if r.MinItems != nil && len(v) < *r.MinItems {
		f.add(at, "minItems", "has fewer than %d entries", *r.MinItems)
	}
	if r.MaxItems != nil && len(v) > *r.MaxItems {
		f.add(at, "maxItems", "has more than %d entries", *r.MaxItems)
	}
	for i := 0; r.Items != nil && i < len(v) && len(*f) < mostFaults; i++ {
		r.Items.judge(v[i], append(slices.Clone(at), strconv.Itoa(i)), f)
	}
}

func (r *rule) judgeText(v string, at []string, f *faults) {
	length := utf8.RuneCountInString(v)
	if r.MinLength != nil && length < *r.MinLength {
		f.add(at, "minLength", "is shorter than %d characters", *r.MinLength)
	}
	if r.MaxLength != nil && length > *r.MaxLength {
		f.add(at, "maxLength", "is longer than %d characters", *r.MaxLength)
	}
	if r.pattern != nil && !r.pattern.MatchString(v) {
		f.add(at, "pattern", "does not match %s", r.Pattern)
	}
	switch r.Format {
	case "date-time":
		if new(time.Time).UnmarshalText([]byte(v)) != nil {
			f.add(at, "format", "is not a valid date-time")
		}
	case "uuid":
		if len(v) != 36 || uuid.Validate(v) != nil {
			f.add(at, "format", "is not a valid uuid")
		}
	}
}

func (r *rule) judgeNumber(v json.Number, at []string, f *faults) {
	n, _ := v.Float64() // beyond its range it is infinite, which is right here
	if r.Minimum != nil && n < *r.Minimum {
		f.add(at, "minimum", "must be at least %s", plain(*r.Minimum))
	}
	if r.Maximum != nil && n > *r.Maximum {
		f.add(at, "maximum", "must be at most %s", plain(*r.Maximum))
	}
}

// judgeTogether is about rules of rules.
func (r *rule) judgeTogether(v any, at []string, f *faults) {
	if len(r.AnyOf) > 0 && !slices.ContainsFunc(r.AnyOf, func(one *rule) bool { return one.holds(v) }) {
		for _, one := range r.AnyOf {
			one.judge(v, at, f)
		}
	}
	if r.Not != nil && r.Not.holds(v) {
		f.add(at, "not", "is what it must not be")
	}
	if r.If != nil && r.Then != nil && r.If.holds(v) {
		r.Then.judge(v, at, f)
	}
}

func isOf(name string, v any) bool {
	switch v := v.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case []any:
		return name == "array"
	case map[string]any:
		return name == "object"
	case json.Number:
		return name == "number" || name == "integer" && whole(v)
	}
	return false
}

func whole(n json.Number) bool {
	if _, err := n.Int64(); err == nil {
		return true
	}
	f, err := n.Float64()
	return err == nil && f == math.Trunc(f)
}

func same(a, b any) bool {
	x, isNumber := a.(json.Number)
	y, isToo := b.(json.Number)
	if isNumber && isToo {
		m, err := x.Float64()
		n, alsoErr := y.Float64()
		return err == nil && alsoErr == nil && m == n
	}
	return reflect.DeepEqual(a, b)
}

func plain(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

func list(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, ", ")
}
