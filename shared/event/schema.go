package event

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/mallhive/product-service/shared/fault"
)

//go:embed schemas/*.json
var schemaFiles embed.FS

// Schema is the JSON Schema (2020-12) of the data of a type; its first example
// is valid.
func Schema(name string) (json.RawMessage, error) {
	b, err := schemaFiles.ReadFile("schemas/" + name + ".json")
	if err != nil {
		return nil, fault.Missing("there is no event type %.64q", name)
	}
	return b, nil
}

// Example is a whole event of a type in the structured JSON format, its data the
// schema's first example.
func Example(name, publicBaseURL string) (json.RawMessage, error) {
	raw, err := Schema(name)
	if err != nil {
		return nil, err
	}
	var schema struct {
		Examples []json.RawMessage `json:"examples"`
	}
	if err := json.Unmarshal(raw, &schema); err != nil || len(schema.Examples) == 0 {
		return nil, fmt.Errorf("schema of %s has no example: %w", name, err)
	}
	var data map[string]any
	if err := json.Unmarshal(schema.Examples[0], &data); err != nil {
		return nil, fmt.Errorf("example of %s: %w", name, err)
	}
	t, _ := TypeOf(name)
	subject := t.Kind
	if id, ok := data[t.subjectField()].(string); ok {
		subject = id
	}
	e := Event{
		ID: "0198c5a2-7c1e-7d4a-9f43-2b1f0a6d5e99", Source: t.source(), Type: name, Subject: subject, PartitionKey: subject,
		Time: time.Date(2026, 11, 22, 16, 45, 0, 0, time.UTC), DataSchema: SchemaURL(publicBaseURL, name),
		Sequence: 1042, Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Data: schema.Examples[0],
	}
	return json.Marshal(e)
}

// Schemas checks events against their schemas. A schema is compiled when the
// first event of its type comes, so that a cold start pays for none. It is
// safe for concurrent use.
type Schemas struct {
	mu       sync.Mutex
	compiled map[string]*jsonschema.Schema
}

// NewSchemas makes a checker.
func NewSchemas() *Schemas { return &Schemas{compiled: map[string]*jsonschema.Schema{}} }

// Check judges the data of an event: all that is wrong with it in one fault of
// kind Invalid. A type without a schema is not of the contract and not judged.
func (s *Schemas) Check(e Event) error {
	if _, ours := TypeOf(e.Type); !ours {
		return nil
	}
	if !e.IsJSON() {
		return fault.InvalidInput(fault.At("", "content_type", "the data of %s is JSON", e.Type))
	}
	schema, err := s.schema(e.Type)
	if err != nil {
		return err
	}
	data, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.Data))
	if err != nil {
		return malformed("data_unreadable", "the data is not JSON")
	}
	var wrong *jsonschema.ValidationError
	if err := schema.Validate(data); errors.As(err, &wrong) {
		return fault.InvalidInput(fields(wrong, nil)...)
	} else if err != nil {
		return fmt.Errorf("check the data of %s: %w", e.Type, err)
	}
	return nil
}

func (s *Schemas) schema(name string) (*jsonschema.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if schema, ok := s.compiled[name]; ok {
		return schema, nil
	}
	raw, err := Schema(name)
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", name, err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	url := "mem:///" + name
	if err := c.AddResource(url, doc); err != nil {
		return nil, fmt.Errorf("schema of %s: %w", name, err)
	}
	schema, err := c.Compile(url)
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", name, err)
	}
	s.compiled[name] = schema
	return schema, nil
}

// fields are the leaves of a validation error, one entry for each fault.
func fields(e *jsonschema.ValidationError, out []fault.Field) []fault.Field {
	const most = 100 // a hostile body has a fault in each of its lines
	for _, cause := range e.Causes {
		if len(out) >= most {
			return out
		}
		out = fields(cause, out)
	}
	if len(e.Causes) > 0 || len(out) >= most {
		return out
	}
	printer := message.NewPrinter(language.English)
	code := strings.ToLower(last(e.ErrorKind.KeywordPath()))
	at := pointer(e.InstanceLocation)
	if missing, ok := e.ErrorKind.(*kind.Required); ok {
		for _, name := range missing.Missing {
			out = append(out, fault.At(at+pointer([]string{name}), "required", "missing"))
		}
		return out
	}
	// The library's own words for these repeat the value.
	detail := e.ErrorKind.LocalizedString(printer)
	switch k := e.ErrorKind.(type) {
	case *kind.Pattern:
		detail = "does not match " + k.Want
	case *kind.Format:
		detail = "is not a valid " + k.Want
	}
	return append(out, fault.At(at, code, "%s", detail))
}

func pointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
	}
	return b.String()
}

func last(path []string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if _, err := strconv.Atoi(path[i]); err != nil {
			return path[i]
		}
	}
	return "invalid"
}
