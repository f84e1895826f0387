// Package asyncapi writes the event contract as an AsyncAPI 3 document: what a
// team that has never seen this repository sends, receives and generates code
// from. It says nothing that shared/event does not know.
package asyncapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mallhive/product-service/shared/event"
)

type object = map[string]any

// Document is the contract of all event types. Schemas name the addresses below
// publicBaseURL that they are served at.
func Document(publicBaseURL string) ([]byte, error) {
	d := document{base: publicBaseURL, channels: object{}, operations: object{}, messages: object{}, schemas: object{}}
	for _, t := range event.Types() {
		if err := d.add(t); err != nil {
			return nil, fmt.Errorf("asyncapi: %s: %w", t.Name, err)
		}
	}
	text, err := json.MarshalIndent(d.whole(), "", "  ")
	return append(text, '\n'), err
}

type document struct {
	base                                    string
	channels, operations, messages, schemas object
}

func (d *document) whole() object {
	return object{
		"asyncapi": "3.0.0",
		"id":       "urn:mallhive:product-service",
		"info": object{
			"title": "Mallhive product service: events", "version": "1", "description": introduction,
			"externalDocs": object{"description": "Every type alone, with its JSON Schema", "url": strings.TrimSuffix(d.base, "/") + "/v1/event-types"},
			"tags": []any{
				object{"name": string(event.In), "description": "This service receives it"},
				object{"name": string(event.Out), "description": "This service sends it"},
				object{"name": string(event.Internal), "description": "Between the functions of this service; nobody else needs it"},
			},
		},
		"defaultContentType": "application/json",
		"servers":            object{"broker": broker()},
		"channels":           d.channels,
		"operations":         d.operations,
		"components": object{
			"messages": d.messages, "schemas": d.schemas,
			"messageTraits":   object{"sent": binaryMode(event.Out), "received": binaryMode(event.In), "structured": structuredMode()},
			"operationTraits": object{"delivery": delivery()},
			"correlationIds": object{"order": object{
				"description": "The order's id: a reply has the subject of what it answers", "location": "$message.header#/ce-subject",
			}},
			"securitySchemes": object{"delivery": object{
				"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
				"description": "The OIDC token that Knative sends with a delivery, where the cluster has it switched on",
			}},
		},
	}
}

func (d *document) add(t event.Type) error {
	raw, err := event.Schema(t.Name)
	if err != nil {
		return err
	}
	schema := object{}
	if err := json.Unmarshal(raw, &schema); err != nil {
		return err
	}
	examples, _ := schema["examples"].([]any)
	// What our schemas use means the same in an AsyncAPI schema, which is a
	// superset of JSON Schema draft 7, as in 2020-12.
	delete(schema, "$schema")
	schema["externalDocs"] = object{"description": "This schema alone, as JSON Schema 2020-12", "url": event.SchemaURL(d.base, t.Name)}
	d.schemas[t.Name] = schema

	message, err := d.message(t, schema, examples)
	if err != nil {
		return err
	}
	forms := object{t.Name: message}
	if t.Direction == event.In {
		forms[t.Name+".structured"] = structured(t, schema)
	}
	maps.Copy(d.messages, forms)
	d.operations[operationID(t)] = operation(t, slices.Sorted(maps.Keys(forms)))
	d.join(t, forms)
	return nil
}

// join puts the messages of a type into the channel of its stream.
func (d *document) join(t event.Type, forms object) {
	name := channelOf(t)
	if d.channels[name] == nil {
		d.channels[name] = object{
			"address": "/", "title": name, "servers": []any{ref("servers", "broker")}, "messages": object{},
			"description": "Ordered for each subject, which is " + event.SubjectOf(t.Kind) + ". " +
				"All channels are one broker: a Trigger filters by the attribute type, such as the prefix " + prefix(t.Name) + ".",
		}
	}
	messages := d.channels[name].(object)["messages"].(object) //nolint:forcetypeassert // made right above
	for form := range forms {
		messages[form] = ref("components", "messages", form)
	}
}

func operation(t event.Type, forms []string) object {
	action := "send"
	if t.Direction == event.In {
		action = "receive"
	}
	own := make([]any, len(forms))
	for i, form := range forms {
		own[i] = ref("channels", channelOf(t), "messages", form)
	}
	op := object{
		"action": action, "channel": ref("channels", channelOf(t)), "summary": t.Summary, "messages": own,
		"tags": []any{object{"name": string(t.Direction)}}, "traits": []any{ref("components", "operationTraits", "delivery")},
	}
	var replies []any
	for _, name := range t.Replies() {
		reply, _ := event.TypeOf(name)
		replies = append(replies, ref("channels", channelOf(reply), "messages", name))
	}
	if len(replies) > 0 {
		reply, _ := event.TypeOf(t.Replies()[0])
		op["reply"] = object{"channel": ref("channels", channelOf(reply)), "messages": replies}
		op["description"] = "One of the replies is the response of the delivery, which the broker hands on; a repeat gets the same. " +
			"An empty 4xx or 5xx is no reply: what is malformed (400) or invalid (422) goes to the dead letters, a 503 comes again."
	}
	return op
}

// channelOf names the channel of a type: what comes in about orders and what
// goes out about them are two.
func channelOf(t event.Type) string {
	switch {
	case t.Kind == "order" && t.Direction == event.In:
		return "orders"
	case t.Kind == "order":
		return "order-replies"
	case t.Kind == "category":
		return "categories"
	case t.Kind == "stock", t.Kind == "outbox":
		return t.Kind
	default:
		return t.Kind + "s"
	}
}

// operationID is such as receive-order-placed: the type without what all have.
func operationID(t event.Type) string {
	action := "send"
	if t.Direction == event.In {
		action = "receive"
	}
	parts := strings.Split(strings.TrimPrefix(t.Name, "com.mallhive."), ".")
	if version := parts[len(parts)-1]; version == "v1" {
		parts = parts[:len(parts)-1]
	}
	return action + "-" + strings.Join(parts, "-")
}

func prefix(name string) string {
	parts := strings.Split(name, ".")
	return strings.Join(parts[:3], ".") + "."
}

func ref(path ...string) object { return object{"$ref": "#/" + strings.Join(path, "/")} }
