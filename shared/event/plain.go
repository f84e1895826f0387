package event

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"
)

// Almost every delivery and reply is a plain one: in binary mode, JSON, its
// attributes each there once and in characters that need no escape. Those are
// read and written here, because the SDK takes longer for one than the rest of
// the edge does. Nothing is refused here: whatever is not plain is the SDK's,
// and a test holds the two to each other.

// readPlain reads a plain event; ok is false for any other.
func readPlain(h http.Header, body []byte) (e Event, ok bool) {
	if form, there := h["Content-Type"]; there && (len(form) != 1 || !isPlainJSON(form[0])) {
		return Event{}, false
	}
	if len(body) > 0 && body[0] == bom[0] {
		return Event{}, false
	}
	version := false
	for name, values := range h {
		attribute, of := strings.CutPrefix(name, "Ce-")
		if !of {
			continue
		}
		if len(values) != 1 || !isPlain(values[0]) {
			return Event{}, false
		}
		if attribute == "Specversion" {
			version = values[0] == ce.CloudEventsVersionV1
		} else if !e.setPlain(attribute, values[0]) {
			return Event{}, false
		}
	}
	if len(body) > 0 {
		e.Data = body
	}
	return e, version && e.ID != "" && e.Source != "" && e.Type != ""
}

// setPlain sets the attribute of a header, which is named as net/http writes it.
func (e *Event) setPlain(name, value string) bool {
	switch name {
	case "Id":
		e.ID = value
	case "Source":
		e.Source = value
		return isPlainURI(value)
	case "Type":
		e.Type = value
	case "Subject":
		e.Subject = value
	case "Dataschema":
		e.DataSchema = value
		return isPlainURI(value) && isAbsolute(value)
	case "Time":
		at, err := time.Parse(time.RFC3339Nano, value)
		e.Time = at.UTC()
		return err == nil && !at.IsZero() && e.Time.Year() >= 1 && e.Time.Year() <= 9999
	case "Sequence":
		e.setExtension("sequence", value)
	case "Partitionkey":
		e.PartitionKey = value
	case "Traceparent":
		e.Traceparent = value
	case "Replay":
		e.setExtension("replay", value)
	default:
		return e.setPlainExtension(name, value)
	}
	return true
}

// setPlainExtension takes a name of a capital or digit, then small letters and
// digits, which no other header can mean too.
func (e *Event) setPlainExtension(name, value string) bool {
	if name == "" || name == "Datacontenttype" || name == "Data" || name[0] >= 'a' && name[0] <= 'z' {
		return false
	}
	for i, c := range []byte(name) {
		capital := i == 0 && c >= 'A' && c <= 'Z'
		if !capital && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	e.setExtension(strings.ToLower(name), value)
	return true
}

// writePlain answers with a plain event; it says false, and has done nothing,
// for any other.
func (e *Event) writePlain(w http.ResponseWriter) bool {
	if !e.isPlain() {
		return false
	}
	h := w.Header()
	e.putPlain(h, make([]string, 0, plainHeaders))
	h["Content-Length"] = []string{strconv.Itoa(len(e.Data))}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(e.Data)
	return true
}

// plainHeaders is how many a plain event has at most.
const plainHeaders = 12

// putPlain writes the attributes of a plain event; their values are in one piece
// of memory.
func (e *Event) putPlain(h http.Header, values []string) {
	set := func(name, value string) {
		if value != "" {
			values = append(values, value)
			h[name] = values[len(values)-1 : len(values) : len(values)]
		}
	}
	set("Ce-Specversion", ce.CloudEventsVersionV1)
	set("Ce-Id", e.ID)
	set("Ce-Source", e.Source)
	set("Ce-Type", e.Type)
	set("Ce-Subject", e.Subject)
	set("Ce-Dataschema", e.DataSchema)
	set("Ce-Partitionkey", e.PartitionKey)
	set("Ce-Traceparent", e.Traceparent)
	if !e.Time.IsZero() {
		set("Ce-Time", e.Time.UTC().Format(time.RFC3339Nano))
	}
	if e.Sequence > 0 {
		set("Ce-Sequence", sequenceText(e.Sequence))
	}
	if e.Replay {
		set("Ce-Replay", "true")
	}
	set("Content-Type", ce.ApplicationJSON)
}

func (e *Event) isPlain() bool {
	return e.ID != "" && e.Type != "" && e.Source != "" && isPlain(e.ID) && isPlain(e.Type) && isPlainURI(e.Source) &&
		(e.Subject == "" || isPlain(e.Subject)) && (e.PartitionKey == "" || isPlain(e.PartitionKey)) &&
		(e.Traceparent == "" || isPlain(e.Traceparent)) && (e.DataSchema == "" || isPlainURI(e.DataSchema) && isAbsolute(e.DataSchema)) &&
		len(e.Extensions) == 0 && e.ContentType == "" && len(e.Data) > 0
}

func isPlainJSON(contentType string) bool {
	return contentType == ce.ApplicationJSON || contentType == "application/json; charset=utf-8"
}

// isPlain says whether a value is in a header as it is: no character of it
// needs an escape or could be one.
func isPlain(s string) bool {
	for i := range len(s) {
		if !needsNoEscape(s[i]) {
			return false
		}
	}
	return s != ""
}

// isPlainURI says whether a URI reference is one that net/url gives back as it
// was: an http or https URL or a path, of unreserved characters.
func isPlainURI(s string) bool {
	path := s
	if isAbsolute(s) {
		host, rest, _ := strings.Cut(s[strings.Index(s, "://")+len("://"):], "/")
		if host == "" || strings.ContainsFunc(host, notUnreserved) {
			return false
		}
		path = rest
	} else if s == "" || strings.HasPrefix(s, "//") {
		return false
	}
	for i := range len(path) {
		if path[i] != '/' && notUnreserved(rune(path[i])) {
			return false
		}
	}
	return true
}

func isAbsolute(s string) bool {
	return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")
}

func notUnreserved(c rune) bool {
	letter := c|0x20 >= 'a' && c|0x20 <= 'z'
	return !letter && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' && c != '~'
}
