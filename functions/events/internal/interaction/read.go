package interaction

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
)

// Entry is one item of a request, or why it is none.
type Entry struct {
	Item Interaction
	Err  error
}

var bom = []byte("\xef\xbb\xbf")

// FromJSON takes the items out of the JSON body. An error means that the body
// as a whole cannot be taken.
func FromJSON(body []byte) ([]Entry, error) {
	body = bytes.TrimPrefix(body, bom)
	if entries := allSound(body); entries != nil {
		return entries, nil
	}
	raw, wrong, err := members(body)
	if err != nil {
		return nil, err
	}
	if err := checkCount(elements(raw)); err != nil {
		return nil, err
	}
	entries := eachAlone(raw)
	switch {
	case raw == nil:
		wrong.Add("/interactions", "required", "missing")
	case entries == nil:
		wrong.Add("/interactions", "type", "a list of interactions")
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	return entries, nil
}

// members finds the list in the body, and what should not be there.
func members(body []byte) (list json.RawMessage, strangers fault.List, err error) {
	malformed := fault.New(fault.Malformed, "malformed", "the body is not a JSON object")
	dec := json.NewDecoder(bytes.NewReader(body))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, strangers, malformed
	}
	for told := 0; dec.More() && told < maxStrangers; {
		name, err := dec.Token()
		if err != nil {
			return nil, strangers, malformed
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, strangers, malformed
		}
		if name == "interactions" {
			list = value
			continue
		}
		strangers.Add("/"+clip(name.(string)), "unknown_field", "there is no such field")
		told++
	}
	if dec.More() {
		return list, strangers, nil // there are enough to tell
	}
	if _, err := dec.Token(); err != nil {
		return nil, strangers, malformed
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, strangers, malformed
	}
	return list, strangers, nil
}

// maxStrangers is how many fields that there are not are told of.
const maxStrangers = 20

// allSound reads a body in one go, as nearly every one can be. It returns nil
// when something in it is not as it should be, or might be: then each item is
// read alone.
func allSound(body []byte) []Entry {
	list, found := after(body, "{", `"interactions"`, ":")
	if !found {
		return nil
	}
	count := elements(list)
	if checkCount(count) != nil {
		return nil
	}
	items := make([]Interaction, 0, count)
	dec := json.NewDecoder(bytes.NewReader(list))
	dec.DisallowUnknownFields()
	if dec.Decode(&items) != nil || len(items) == 0 {
		return nil
	}
	rest, found := after(list[dec.InputOffset():], "}")
	if !found || len(bytes.TrimLeft(rest, space)) > 0 {
		return nil
	}
	entries := make([]Entry, len(items))
	for i := range items {
		// An item that is null leaves no trace but that it has no type.
		if items[i].Type == "" || !items[i].timely() {
			return nil
		}
		entries[i].Item = items[i]
	}
	return entries
}

// space is what JSON has between its tokens.
const space = " \t\r\n"

// after is what follows the tokens, when the body begins with them.
func after(body []byte, tokens ...string) (rest []byte, found bool) {
	for _, token := range tokens {
		if body, found = bytes.CutPrefix(bytes.TrimLeft(body, space), []byte(token)); !found {
			return nil, false
		}
	}
	return body, true
}

// elements counts those of the JSON list at the beginning of a text, and stops when
// they are too many: a list of numbers that fits a body would fill the memory with
// what becomes of each. Of what is no list, or no JSON, it may say anything.
func elements(list []byte) int {
	list, found := after(bytes.TrimPrefix(list, bom), "[")
	if !found {
		return 0
	}
	n, depth, inText := 1, 1, false
	for i := 0; i < len(list) && n <= MaxItems; i++ {
		switch c := list[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '[', c == '{':
			depth++
		case c == ']', c == '}':
			if depth--; depth == 0 {
				return n
			}
		case c == ',' && depth == 1:
			n++
		}
	}
	return n
}

// eachAlone reads the items of a list one by one; nil when it is none.
func eachAlone(raw json.RawMessage) []Entry {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil || items == nil {
		return nil
	}
	entries := make([]Entry, len(items))
	for i, item := range items {
		entries[i].Item, entries[i].Err = decode(item)
	}
	return entries
}

// FromBatch takes the items out of a batch of CloudEvents.
func FromBatch(body []byte) ([]Entry, error) {
	if err := checkCount(elements(body)); err != nil {
		return nil, err
	}
	events, faults, err := event.FromBatch(body)
	if err != nil {
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
	item.Type = wordOf(e.Type)
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

// wordOf is the type of an item whose event has this type, which may be the word
// itself.
func wordOf(name string) string {
	for _, word := range [...]string{"view", "click", "save"} {
		if name == word || name == eventType(word) {
			return word
		}
	}
	return ""
}

func clip(name string) string {
	name = strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	if len(name) > 64 {
		name = strings.ToValidUTF8(name[:64], "")
	}
	return name
}
