package compatible_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/docs/internal/compatible"
)

const released = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "T", "description": "D", "type": "object",
	"required": ["id", "lines"],
	"properties": {
		"id": {"type": "string", "pattern": "^a$", "format": "uuid", "minLength": 2, "maxLength": 8},
		"state": {"type": "string", "enum": ["a", "b"]},
		"gone": {"const": true},
		"note": {"type": ["string", "null"]},
		"free": {"type": "string"},
		"partial": {"type": "boolean", "default": false},
		"weight": {"type": "number", "minimum": 1, "maximum": 9},
		"count": {"type": "integer"},
		"facts": {"type": "object", "additionalProperties": {"type": "string"}},
		"open": {"type": "object"},
		"price": {"anyOf": [{"type": "object", "description": "D"}, {"type": "null"}]},
		"lines": {"type": "array", "minItems": 1, "maxItems": 5, "items": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}, "n": {"type": "integer"}}}},
		"list": {"type": "array"}
	},
	"if": {"properties": {"partial": {"const": true}}}, "then": {"not": {"required": ["note"]}},
	"examples": [{}]
}`

// change is a document with one member set, or taken out when value is nil.
type change struct {
	at    []string
	value any
}

func (c change) of(t *testing.T, document string) json.RawMessage {
	t.Helper()
	var whole map[string]any
	require.NoError(t, json.Unmarshal([]byte(document), &whole))
	inner := whole
	for _, name := range c.at[:len(c.at)-1] {
		inner = inner[name].(map[string]any)
	}
	last := c.at[len(c.at)-1]
	if c.value == nil {
		require.Contains(t, inner, last)
		delete(inner, last)
	} else {
		inner[last] = c.value
	}
	raw, err := json.Marshal(whole)
	require.NoError(t, err)
	return raw
}

func in(path ...string) []string { return path }

func property(path ...string) []string { return append([]string{"properties"}, path...) }

type strings = []any

// The table of CONTRIBUTING.md, case by case: whom each change breaks.
func TestEveryChangeOfASchemaBreaksWhomItMust(t *testing.T) {
	t.Parallel()
	const nobody, producers, consumers, both = "", "in", "out", "both"
	item := func(path ...string) []string { return property(append([]string{"lines", "items"}, path...)...) }
	for name, c := range map[string]struct {
		change change
		breaks string
	}{
		"another description":      {change{in("description"), "other"}, nobody},
		"another title":            {change{in("title"), "other"}, nobody},
		"more examples":            {change{in("examples"), strings{map[string]any{}, map[string]any{}}}, nobody},
		"a new optional field":     {change{property("new"), map[string]any{"type": "string"}}, nobody},
		"a new field of a line":    {change{item("properties", "new"), map[string]any{"type": "string"}}, nobody},
		"a description in anyOf":   {change{property("price", "anyOf"), strings{map[string]any{"type": "object"}, map[string]any{"type": "null"}}}, nobody},
		"a default where was none": {change{property("free", "default"), "x"}, nobody},

		"a field is gone":               {change{property("free"), nil}, both},
		"a field of a line is gone":     {change{item("properties", "n"), nil}, both},
		"a field is required":           {change{in("required"), strings{"id", "lines", "free"}}, producers},
		"a field of a line is required": {change{item("required"), strings{"sku", "n"}}, producers},
		"a field is optional":           {change{in("required"), strings{"id"}}, consumers},
		"a field of a line is optional": {change{item("required"), nil}, consumers},

		"one more type":            {change{property("free", "type"), strings{"string", "null"}}, consumers},
		"one type less":            {change{property("note", "type"), "string"}, producers},
		"another type":             {change{property("free", "type"), "integer"}, both},
		"an integer is a number":   {change{property("count", "type"), "number"}, consumers},
		"a number is an integer":   {change{property("weight", "type"), "integer"}, producers},
		"any type":                 {change{property("free", "type"), nil}, consumers},
		"another type in an array": {change{item("properties", "n", "type"), "string"}, both},

		"one more value":           {change{property("state", "enum"), strings{"a", "b", "c"}}, consumers},
		"one value less":           {change{property("state", "enum"), strings{"a"}}, producers},
		"any value":                {change{property("state", "enum"), nil}, consumers},
		"only certain values":      {change{property("free", "enum"), strings{"a"}}, producers},
		"another constant":         {change{property("gone", "const"), false}, both},
		"no constant":              {change{property("gone", "const"), nil}, consumers},
		"a constant where was any": {change{property("free", "const"), "x"}, producers},

		"a higher minimum":   {change{property("weight", "minimum"), 2}, producers},
		"a lower minimum":    {change{property("weight", "minimum"), 0}, consumers},
		"no minimum":         {change{property("weight", "minimum"), nil}, consumers},
		"a new minimum":      {change{property("count", "minimum"), 0}, producers},
		"a lower maximum":    {change{property("weight", "maximum"), 8}, producers},
		"a higher maximum":   {change{property("weight", "maximum"), 10}, consumers},
		"no maximum":         {change{property("weight", "maximum"), nil}, consumers},
		"a new maximum":      {change{property("count", "maximum"), 9}, producers},
		"a higher minLength": {change{property("id", "minLength"), 3}, producers},
		"a lower minLength":  {change{property("id", "minLength"), 1}, consumers},
		"a lower maxLength":  {change{property("id", "maxLength"), 7}, producers},
		"a higher maxLength": {change{property("id", "maxLength"), 9}, consumers},
		"a higher minItems":  {change{property("lines", "minItems"), 2}, producers},
		"a lower minItems":   {change{property("lines", "minItems"), 0}, consumers},
		"a lower maxItems":   {change{property("lines", "maxItems"), 4}, producers},
		"a higher maxItems":  {change{property("lines", "maxItems"), 6}, consumers},

		"another pattern": {change{property("id", "pattern"), "^b$"}, both},
		"no pattern":      {change{property("id", "pattern"), nil}, consumers},
		"a new pattern":   {change{property("free", "pattern"), "^b$"}, producers},
		"another format":  {change{property("id", "format"), "date-time"}, both},
		"no format":       {change{property("id", "format"), nil}, consumers},
		"a new format":    {change{property("free", "format"), "uuid"}, producers},

		"another default": {change{property("partial", "default"), true}, both},
		"no default":      {change{property("partial", "default"), nil}, both},

		"entries without a rule":                {change{property("lines", "items"), nil}, consumers},
		"a rule for entries":                    {change{property("list", "items"), map[string]any{"type": "string"}}, producers},
		"other members without a rule":          {change{property("facts", "additionalProperties"), nil}, consumers},
		"a rule for other members":              {change{property("open", "additionalProperties"), map[string]any{"type": "string"}}, producers},
		"more in other members":                 {change{property("facts", "additionalProperties", "type"), strings{"string", "number"}}, consumers},
		"a field of another type than any name": {change{property("facts", "properties"), map[string]any{"n": map[string]any{"type": "integer"}}}, both},

		"other alternatives":  {change{property("price", "anyOf"), strings{map[string]any{"type": "object"}}}, both},
		"another condition":   {change{in("if"), map[string]any{"required": strings{"note"}}}, both},
		"another consequence": {change{in("then"), map[string]any{"required": strings{"note"}}}, both},
		"an exclusion":        {change{property("free", "not"), map[string]any{"const": "x"}}, both},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			is := c.change.of(t, released)
			require.Equal(t, c.breaks == producers || c.breaks == both, len(breaks(t, "in", is)) > 0, breaks(t, "in", is))
			require.Equal(t, c.breaks == consumers || c.breaks == both, len(breaks(t, "out", is)) > 0, breaks(t, "out", is))
			require.Equal(t, c.breaks != nobody, len(breaks(t, "internal", is)) > 0, "internal ones are both")
		})
	}
}

func breaks(t *testing.T, direction string, is json.RawMessage) []string {
	t.Helper()
	found, err := compatible.Breaks(
		compatible.Promise{Direction: direction, Subject: "order", Schema: json.RawMessage(released)},
		compatible.Promise{Direction: direction, Subject: "order", Schema: is})
	require.NoError(t, err)
	return found
}

func TestWhatATypeIsAboutIsPromisedToo(t *testing.T) {
	t.Parallel()
	schema := json.RawMessage(released)
	was := compatible.Promise{Direction: "in", Subject: "order", Replies: []string{"a", "b"}, Schema: schema}
	for name, c := range map[string]struct {
		is   compatible.Promise
		want []string
	}{
		"the same":          {was, nil},
		"a reply less":      {compatible.Promise{Direction: "in", Subject: "order", Replies: []string{"a"}, Schema: schema}, nil},
		"a reply more":      {compatible.Promise{Direction: "in", Subject: "order", Replies: []string{"a", "b", "c"}, Schema: schema}, []string{"/: it may now be answered by c"}},
		"another subject":   {compatible.Promise{Direction: "in", Subject: "stock", Schema: schema}, []string{"/: the subject was order"}},
		"another direction": {compatible.Promise{Direction: "out", Subject: "order", Schema: schema}, []string{"/: the direction was in"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := compatible.Breaks(was, c.is)
			require.NoError(t, err)
			require.Equal(t, c.want, found)
		})
	}
}

func TestAKeywordNobodyHasThoughtAboutIsAnError(t *testing.T) {
	t.Parallel()
	was := compatible.Promise{Direction: "in", Schema: json.RawMessage(released)}
	is := was
	is.Schema = change{property("id", "contentEncoding"), "base64"}.of(t, released)
	_, err := compatible.Breaks(was, is)
	require.ErrorContains(t, err, "contentEncoding")
	_, err = compatible.Breaks(is, was)
	require.Error(t, err)
}
