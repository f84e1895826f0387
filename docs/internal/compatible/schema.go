package compatible

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// schema is a JSON Schema of the keywords that ours use. One that is not among
// them is an error: nobody has thought about what a change of it breaks.
type schema struct {
	Type                 words              `json:"type"`
	Enum                 []any              `json:"enum"`
	Const                any                `json:"const"`
	Required             []string           `json:"required"`
	Properties           map[string]*schema `json:"properties"`
	AdditionalProperties *schema            `json:"additionalProperties"`
	Items                *schema            `json:"items"`
	MinItems             *float64           `json:"minItems"`
	MaxItems             *float64           `json:"maxItems"`
	MinLength            *float64           `json:"minLength"`
	MaxLength            *float64           `json:"maxLength"`
	Minimum              *float64           `json:"minimum"`
	Maximum              *float64           `json:"maximum"`
	Pattern              string             `json:"pattern"`
	Format               string             `json:"format"`
	AnyOf                []*schema          `json:"anyOf"`
	Not                  *schema            `json:"not"`
	If                   *schema            `json:"if"`
	Then                 *schema            `json:"then"`
	Default              any                `json:"default"`
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

// UnmarshalJSON leaves out what is said to readers only.
func (s *schema) UnmarshalJSON(raw []byte) error {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &members); err != nil {
		return fmt.Errorf("a schema is an object here: %w", err)
	}
	for _, note := range []string{"$schema", "title", "description", "examples"} {
		delete(members, note)
	}
	rest, err := json.Marshal(members)
	if err != nil {
		return err
	}
	type plain schema
	d := json.NewDecoder(bytes.NewReader(rest))
	d.DisallowUnknownFields()
	return d.Decode((*plain)(s))
}
