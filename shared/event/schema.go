package event

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

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

// Schemas checks events against their schemas. A schema is read when the first
// event of its type comes, so that a cold start pays for none. It is safe for
// concurrent use.
type Schemas struct {
	mu    sync.Mutex
	rules map[string]*rule
}

// NewSchemas makes a checker.
func NewSchemas() *Schemas { return &Schemas{rules: map[string]*rule{}} }

// Check judges the data of an event: all that is wrong with it in one fault of
// kind Invalid. A type without a schema is not of the contract and not judged.
func (s *Schemas) Check(e Event) error {
	_, err := s.checked(e)
	return err
}

// checked is the data of an event that holds to its schema, as it may be decoded.
func (s *Schemas) checked(e Event) (json.RawMessage, error) {
	if _, ours := TypeOf(e.Type); !ours {
		return e.Data, nil
	}
	if !e.IsJSON() {
		return nil, fault.InvalidInput(fault.At("", "content_type", "the data of %s is JSON", e.Type))
	}
	rule, err := s.rule(e.Type)
	if err != nil {
		return nil, err
	}
	if rule.surely(e.Data) {
		return e.Data, nil
	}
	return rule.inWhole(e.Data)
}

// inWhole judges data that a scan was not sure of.
func (r *rule) inWhole(raw json.RawMessage) (json.RawMessage, error) {
	data, err := readJSON(raw)
	if err != nil {
		return nil, malformed("data_unreadable", "the data is not JSON")
	}
	var wrong faults
	if r.judge(data, nil, &wrong); len(wrong) > 0 {
		return nil, fault.InvalidInput(wrong...)
	}
	if r.exact(data) {
		return json.Marshal(data)
	}
	return raw, nil
}

func (s *Schemas) rule(name string) (*rule, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.rules[name]; ok {
		return known, nil
	}
	raw, err := Schema(name)
	if err != nil {
		return nil, err
	}
	fresh, err := readRule(raw)
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", name, err)
	}
	s.rules[name] = fresh
	return fresh, nil
}

func pointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
	}
	return b.String()
}
