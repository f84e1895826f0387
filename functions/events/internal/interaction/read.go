package interaction

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
)

// Entry is one item of a request, or why it is none.
type Entry struct {
	Item Interaction
	Err  error
}

// FromJSON takes the items out of the JSON body. An error means that the body
// as a whole cannot be taken.
func FromJSON(body []byte) ([]Entry, error) {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), &members); err != nil {
		return nil, fault.New(fault.Malformed, "malformed", "the body is not a JSON object")
	}
	var wrong fault.List
	for name := range members {
		if name != "interactions" {
			wrong.Add("/"+clip(name), "unknown_field", "there is no such field")
		}
	}
	var items []json.RawMessage
	raw, there := members["interactions"]
	switch {
	case !there:
		wrong.Add("/interactions", "required", "missing")
	case json.Unmarshal(raw, &items) != nil || items == nil:
		wrong.Add("/interactions", "type", "a list of interactions")
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	if err := checkCount(len(items)); err != nil {
		return nil, err
	}
	entries := make([]Entry, len(items))
	for i, raw := range items {
		entries[i].Item, entries[i].Err = decode(raw)
	}
	return entries, nil
}

// FromBatch takes the items out of a batch of CloudEvents.
func FromBatch(body []byte) ([]Entry, error) {
	events, faults, err := event.FromBatch(body)
	if err != nil {
		return nil, err
	}
	if err := checkCount(len(events)); err != nil {
		return nil, err
	}
	entries := make([]Entry, len(events))
	for i, e := range events {
		if bad := faults[i]; bad != nil {
			entries[i].Err = errors.New(fault.As(bad).Detail)
			continue
		}
		entries[i] = FromEvent(e)
	}
	return entries, nil
}

func checkCount(n int) error {
	if n > MaxItems {
		return fault.InvalidInput(fault.At("/interactions", "max_items", "at most %d in one request", MaxItems))
	}
	return nil
}

// FromEvent reads an item that came as a CloudEvent: its id and type are the
// event's, its time is the event's unless the data says better.
func FromEvent(e event.Event) Entry {
	if !e.IsJSON() {
		return Entry{Err: errors.New("data: not JSON")}
	}
	data := e.Data
	if len(bytes.TrimSpace(data)) == 0 {
		data = json.RawMessage("{}")
	}
	item, err := decode(data)
	if err != nil {
		return Entry{Err: fmt.Errorf("data: %w", err)}
	}
	for word, name := range eventTypes() {
		if e.Type == name || e.Type == word {
			item.Type = word
		}
	}
	if item.Type == "" {
		return Entry{Err: errors.New("type: an interaction's, such as " + event.InteractionViewed)}
	}
	item.ID = e.ID
	if item.ProductID == "" && item.SKU == "" {
		item.ProductID = e.Subject
	}
	if item.OccurredAt == nil && !e.Time.IsZero() {
		item.OccurredAt = &e.Time
	}
	return Entry{Item: item}
}

func clip(name string) string {
	name = strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	if len(name) > 64 {
		name = strings.ToValidUTF8(name[:64], "")
	}
	return name
}
