package asyncapi

import (
	"encoding/json"
	"fmt"

	"github.com/mallhive/product-service/shared/event"
)

const introduction = "What the product service receives from the order service and tells everybody else, as CloudEvents 1.0 over HTTP " +
	"through a Knative broker. Delivery is at least once: source and id tell a repeat. The events of one subject come in order, and sequence " +
	"rises with each of them, so that whoever keeps only the newest compares it. Consumers take fields they do not know: " +
	"a version of a type gains optional fields and loses none; anything else is a new version, a type of its own."

func broker() object {
	return object{
		"host": "broker-ingress.knative-eventing.svc.cluster.local", "pathname": "/product-service/default", "protocol": "http",
		"description": "The Knative broker of the namespace product-service: POST to it, and receive by a Trigger",
		"security":    []any{ref("components", "securitySchemes", "delivery")},
	}
}

func delivery() object {
	return object{"bindings": object{"http": object{"method": "POST", "bindingVersion": "0.3.0"}}}
}

// binaryMode is what every message has in the binary mode of the HTTP binding:
// the attributes are headers, the data is the body.
func binaryMode(direction event.Direction) object {
	return object{
		"contentType": "application/json",
		"headers": object{
			"type":        "object",
			"description": "The attributes of CloudEvents, percent-encoded outside printable ASCII",
			"required":    []any{"ce-specversion", "ce-id", "ce-source", "ce-type"},
			"properties":  headers(direction),
		},
	}
}

func headers(direction event.Direction) object {
	described := func(schema object, text string) object {
		schema["description"] = text
		return schema
	}
	text := func() object { return object{"type": "string", "minLength": 1} }
	sequence := described(text(), "rises with every event of the subject")
	if direction != event.In {
		sequence["pattern"] = "^[0-9]{20}$"
		sequence["description"] = "rises with every event of the subject; always 20 digits, so that texts compare like numbers"
	}
	return object{
		"ce-specversion":  described(object{"type": "string", "const": "1.0"}, "the version of CloudEvents"),
		"ce-id":           described(text(), "with ce-source the name of the event: the same when it is delivered again"),
		"ce-source":       described(object{"type": "string", "format": "uri-reference", "minLength": 1}, "who it is from"),
		"ce-type":         described(text(), "the name of the message"),
		"ce-subject":      described(text(), "what it is about: the channel says what"),
		"ce-time":         described(object{"type": "string", "format": "date-time"}, "when it happened"),
		"ce-dataschema":   described(object{"type": "string", "format": "uri"}, "where the schema of the data is served"),
		"ce-sequence":     sequence,
		"ce-partitionkey": described(text(), "the subject: what a partitioned broker keeps in order"),
		"ce-traceparent":  described(text(), "the trace of what caused it (W3C Trace Context)"),
		"ce-replay":       described(object{"type": "string", "enum": []any{"true", "false"}}, "true when it is told again, not for the first time"),
	}
}

// structuredMode is the other form in which an event may be sent to us: all of
// it is the body.
func structuredMode() object {
	return object{"contentType": "application/cloudevents+json"}
}

func (d *document) message(t event.Type, schema object, examples []any) (object, error) {
	example, err := event.Example(t.Name, d.base)
	if err != nil {
		return nil, err
	}
	attributes := map[string]any{}
	if err := json.Unmarshal(example, &attributes); err != nil {
		return nil, err
	}
	sent := object{}
	for name := range headers(t.Direction) {
		if value, there := attributes[name[len("ce-"):]]; there {
			sent[name] = value
		}
	}
	shown := make([]any, len(examples))
	for i, data := range examples {
		shown[i] = object{"name": fmt.Sprintf("example-%d", i+1), "headers": headersOf(t, sent, data), "payload": data}
	}
	message := object{
		"name": t.Name, "title": schema["title"], "summary": t.Summary, "description": schema["description"],
		"tags":     []any{object{"name": string(t.Direction)}},
		"payload":  ref("components", "schemas", t.Name),
		"traits":   []any{ref("components", "messageTraits", modeOf(t))},
		"examples": shown,
	}
	if t.Kind == "order" {
		message["correlationId"] = ref("components", "correlationIds", "order")
	}
	return message, nil
}

func modeOf(t event.Type) string {
	if t.Direction == event.In {
		return "received"
	}
	return "sent"
}

// headersOf are the example's headers with the subject of this data.
func headersOf(t event.Type, sent object, data any) object {
	own := object{}
	for name, value := range sent {
		own[name] = value
	}
	if subject := t.SubjectIn(data); subject != "" {
		own["ce-subject"], own["ce-partitionkey"] = subject, subject
	}
	return own
}

// structured is a message in the structured mode.
func structured(t event.Type, schema object) object {
	members, required := object{}, []any{"specversion", "id", "source", "type", "data"}
	for name, attribute := range headers(t.Direction) {
		members[name[len("ce-"):]] = attribute
	}
	members["type"] = object{"type": "string", "const": t.Name}
	members["datacontenttype"] = object{"type": "string", "description": "the form of the data; JSON when absent"}
	members["data"] = ref("components", "schemas", t.Name)
	return object{
		"name": t.Name, "title": fmt.Sprint(schema["title"], ", structured"), "summary": t.Summary,
		"tags":    []any{object{"name": string(t.Direction)}},
		"traits":  []any{ref("components", "messageTraits", "structured")},
		"payload": object{"type": "object", "required": required, "properties": members},
	}
}
