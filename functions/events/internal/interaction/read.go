package interaction

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
)

// entry is one item of a request, or why it is none.
type entry struct {
	item Item
	err  error
}

// Forms are the content types that Read takes besides a CloudEvent in binary
// mode.
func Forms() []string {
	return []string{"application/json", "text/plain", "application/cloudevents+json", "application/cloudevents-batch+json"}
}

// Read takes the items out of a request in any of its forms. body is the whole
// body. An error means that the request as a whole cannot be taken.
func Read(r *http.Request, body []byte) ([]entry, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		media = ""
	}
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	switch {
	case media == "application/cloudevents-batch+json":
		return readBatch(body)
	case media == "application/cloudevents+json", r.Header.Get("Ce-Specversion") != "":
		one := &http.Request{Header: r.Header, Body: io.NopCloser(bytes.NewReader(body))}
		e, err := event.FromRequest(one)
		if err != nil {
			return nil, err
		}
		return []entry{fromEvent(e)}, nil
	case media == "application/json", media == "text/plain", media == "":
		return readJSON(body)
	default:
		return nil, errUnknownForm
	}
}

var errUnknownForm = errors.New("unknown form")

// IsUnknownForm says that a request had a content type that is not taken.
func IsUnknownForm(err error) bool { return errors.Is(err, errUnknownForm) }

func readJSON(body []byte) ([]entry, error) {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(body, &members); err != nil {
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
	entries := make([]entry, len(items))
	for i, raw := range items {
		entries[i].item, entries[i].err = decode(raw)
	}
	return entries, nil
}

func readBatch(body []byte) ([]entry, error) {
	events, faults, err := event.FromBatch(body)
	if err != nil {
		return nil, err
	}
	if err := checkCount(len(events)); err != nil {
		return nil, err
	}
	entries := make([]entry, len(events))
	for i, e := range events {
		if bad := faults[i]; bad != nil {
			entries[i].err = errors.New(fault.As(bad).Detail)
			continue
		}
		entries[i] = fromEvent(e)
	}
	return entries, nil
}

func checkCount(n int) error {
	if n > MaxItems {
		return fault.InvalidInput(fault.At("/interactions", "max_items", "at most %d in one request", MaxItems))
	}
	return nil
}

// fromEvent reads an item that came as a CloudEvent: its id and type are the
// event's, its time is the event's unless the data says better.
func fromEvent(e event.Event) entry {
	if !e.IsJSON() {
		return entry{err: errors.New("data: not JSON")}
	}
	data := e.Data
	if len(bytes.TrimSpace(data)) == 0 {
		data = json.RawMessage("{}")
	}
	item, err := decode(data)
	if err != nil {
		return entry{err: fmt.Errorf("data: %w", err)}
	}
	for word, name := range eventTypes() {
		if e.Type == name || e.Type == word {
			item.Type = word
		}
	}
	if item.Type == "" {
		return entry{err: errors.New("type: an interaction's, such as " + event.InteractionViewed)}
	}
	item.ID = e.ID
	if item.ProductID == "" && item.SKU == "" {
		item.ProductID = e.Subject
	}
	if item.OccurredAt == nil && !e.Time.IsZero() {
		item.OccurredAt = &e.Time
	}
	return entry{item: item}
}

func clip(name string) string {
	name = strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	if len(name) > 64 {
		name = strings.ToValidUTF8(name[:64], "")
	}
	return name
}
