package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	ce "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	cetypes "github.com/cloudevents/sdk-go/v2/types"

	"github.com/mallhive/product-service/shared/fault"
)

// MaxBytes is the largest event that is received.
const MaxBytes = 1 << 20

// FromRequest reads the one CloudEvent of a request, in binary or structured
// mode. What is not an event is a fault of kind Malformed; one that is larger
// than MaxBytes has the code too_large.
func FromRequest(r *http.Request) (Event, error) {
	body, err := readBody(r.Body, r.ContentLength)
	if err != nil {
		return Event{}, err
	}
	if e, plain := readPlain(r.Header, body); plain {
		return e, nil
	}
	return readAny(r.Header.Clone(), body)
}

// readAny reads an event of any form with the SDK.
func readAny(header http.Header, body []byte) (Event, error) {
	if media := mediaType(header.Get("Content-Type")); strings.HasPrefix(media, "application/cloudevents") {
		switch media {
		case ce.ApplicationCloudEventsJSON:
		case ce.ApplicationCloudEventsBatchJSON:
			return Event{}, malformed("batch", "one event a request is taken here, not a batch")
		default:
			return Event{}, malformed("format", "structured events are taken as %s only", ce.ApplicationCloudEventsJSON)
		}
		return decodeStructured(body)
	}
	if header.Get("Ce-Specversion") == "" {
		return Event{}, malformed("not_an_event", "the request is not a CloudEvent: it has neither ce-specversion nor the content type %s", ce.ApplicationCloudEventsJSON)
	}
	if err := unescapeHeaders(header); err != nil {
		return Event{}, err
	}
	req := &http.Request{Header: header, Body: io.NopCloser(bytes.NewReader(body))}
	return decode(func() (*ce.Event, error) { return cehttp.NewEventFromHTTPRequest(req) })
}

// FromBatch reads the items of a body in the JSON batch format. Items that are
// not events have an error at their index; err is set when it is no batch.
func FromBatch(body []byte) (events []Event, faults map[int]error, err error) {
	var items []json.RawMessage
	if err := json.Unmarshal(trimBOM(body), &items); err != nil {
		return nil, nil, malformed("batch", "the body is not a JSON array of events")
	}
	events, faults = make([]Event, len(items)), map[int]error{}
	for i, item := range items {
		if events[i], err = decodeStructured(item); err != nil {
			faults[i] = err
		}
	}
	return events, faults, nil
}

// FromResponse reads the reply event of an answer.
func FromResponse(resp *http.Response) (Event, error) {
	body, err := readBody(resp.Body, resp.ContentLength)
	if err != nil {
		return Event{}, err
	}
	header := resp.Header.Clone()
	if mediaType(header.Get("Content-Type")) == ce.ApplicationCloudEventsJSON {
		return decodeStructured(body)
	}
	if err := unescapeHeaders(header); err != nil {
		return Event{}, err
	}
	in := &http.Response{Header: header, Body: io.NopCloser(bytes.NewReader(body))}
	return decode(func() (*ce.Event, error) { return cehttp.NewEventFromHTTPResponse(in) })
}

func readBody(body io.Reader, length int64) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	b, err := readAll(body, length)
	var tooLarge *http.MaxBytesError
	if len(b) > MaxBytes || errors.As(err, &tooLarge) {
		return nil, malformed("too_large", "an event has at most %d bytes", MaxBytes)
	}
	if err != nil {
		return nil, malformed("incomplete", "the body ended early")
	}
	return b, nil
}

// readAll reads a body to its end, or until it is too large. One buffer holds it
// when its length is known; of what a sender says only so much is believed.
func readAll(body io.Reader, length int64) ([]byte, error) {
	const believed = 64 << 10
	size := int64(bytes.MinRead)
	if length > 0 {
		size = min(length, believed) + 1 // in which nothing comes
	}
	b := make([]byte, 0, size)
	for len(b) <= MaxBytes {
		n, err := body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b, err
		}
		if len(b) == cap(b) {
			b = slices.Grow(b, len(b))
		}
	}
	return b, nil
}

func decodeStructured(body []byte) (Event, error) {
	body = trimBOM(body)
	if !utf8.Valid(body) {
		return Event{}, malformed("not_json", "the event is not UTF-8")
	}
	// The SDK's reader stops at the end of the first value and cuts the quotes
	// of data_base64 unseen.
	var shape struct {
		Base64 *string `json:"data_base64"`
		Data   present `json:"data"`
		Form   string  `json:"datacontenttype"`
	}
	if err := json.Unmarshal(body, &shape); err != nil {
		return Event{}, malformed("not_json", "the event is not one JSON object")
	}
	if shape.Base64 != nil && bool(shape.Data) {
		return Event{}, malformed("attributes", "the event has both data and data_base64")
	}
	if form := shape.Form; isJSON(form) && form != "" && form != ce.ApplicationJSON {
		body = asJSON(body)
	}
	return decode(func() (*ce.Event, error) {
		e := ce.New()
		if err := json.Unmarshal(body, &e); err != nil {
			return nil, err
		}
		if e.DataContentType() == "" {
			e.SetDataContentType("") // null is as good as absent, which the SDK does not know
		}
		return &e, wholeNumbers(e.Extensions(), body)
	})
}

// asJSON calls the form of the data by the one name of JSON by which the SDK
// knows it.
func asJSON(body []byte) []byte {
	members := map[string]json.RawMessage{}
	_ = json.Unmarshal(body, &members) // it was read before
	for name := range members {
		if strings.EqualFold(name, "datacontenttype") {
			members[name] = json.RawMessage(`"` + ce.ApplicationJSON + `"`)
		}
	}
	body, _ = json.Marshal(members)
	return body
}

// present is whether a member is there, whatever it is.
type present bool

func (p *present) UnmarshalJSON([]byte) error {
	*p = true
	return nil
}

// wholeNumbers refuses numbers that CloudEvents does not know: the SDK cuts what
// follows the point.
func wholeNumbers(extensions map[string]any, body []byte) error {
	for _, value := range extensions {
		if _, number := value.(int32); !number {
			continue
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(body, &members); err != nil {
			return err
		}
		for name, raw := range members {
			if name != "data" && strings.IndexByte("-0123456789", raw[0]) >= 0 && bytes.ContainsAny(raw, ".eE") {
				return fmt.Errorf("%.32q is no whole number", name)
			}
		}
		break
	}
	return nil
}

// decode turns an event of the SDK into ours. The SDK panics on some input; a
// stranger's bytes must never do more than be refused.
func decode(read func() (*ce.Event, error)) (out Event, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = Event{}, malformed("unreadable", "the event cannot be read")
		}
	}()
	in, err := read()
	if err != nil || in == nil {
		return Event{}, malformed("unreadable", "the event cannot be read: %s", reason(err))
	}
	if v := in.SpecVersion(); v != ce.CloudEventsVersionV1 {
		return Event{}, malformed("specversion", "specversion 1.0 is taken, not %.16q", v)
	}
	if err := in.Validate(); err != nil {
		return Event{}, malformed("attributes", "the event breaks CloudEvents 1.0: %s", reason(err))
	}
	return fromSDK(in)
}

func fromSDK(in *ce.Event) (Event, error) {
	e := Event{
		ID: in.ID(), Source: in.Source(), Type: in.Type(), Subject: in.Subject(), Time: in.Time().UTC(),
		DataSchema: in.DataSchema(), Data: in.Data(),
	}
	if in.Time().IsZero() {
		e.Time = in.Time()
	}
	for name, value := range map[string]string{"id": e.ID, "source": e.Source, "type": e.Type, "subject": e.Subject, "dataschema": e.DataSchema} {
		if !isText(value) {
			return Event{}, malformed("attributes", "the event breaks CloudEvents 1.0: %s: holds the character U+0000", name)
		}
	}
	if y := e.Time.Year(); y < 1 || y > 9999 {
		return Event{}, malformed("attributes", "the event breaks CloudEvents 1.0: time: in UTC its year is beyond RFC 3339")
	}
	if t := in.DataContentType(); !isJSON(t) {
		e.ContentType = t
	} else {
		e.Data = trimBOM(e.Data)
	}
	for name, value := range in.Extensions() {
		if name == "data" {
			return Event{}, malformed("attributes", "the event breaks CloudEvents 1.0: no attribute is called data")
		}
		text, err := cetypes.Format(value)
		if err != nil {
			return Event{}, malformed("attributes", "the attribute %.32q has a value that is not a CloudEvents type", name)
		}
		if !isText(text) {
			return Event{}, malformed("attributes", "the event breaks CloudEvents 1.0: %.32q: holds the character U+0000", name)
		}
		e.setExtension(name, text)
	}
	return e, nil
}

func (e *Event) setExtension(name, value string) {
	switch name {
	case "sequence":
		// Others may count in another way; only ours is a number for certain.
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && n >= 0 {
			e.Sequence = n
			return
		}
	case "partitionkey":
		e.PartitionKey = value
		return
	case "traceparent":
		e.Traceparent = value
		return
	case "replay":
		if on, err := strconv.ParseBool(value); err == nil {
			e.Replay = on
			return
		}
	}
	if e.Extensions == nil {
		e.Extensions = map[string]string{}
	}
	e.Extensions[name] = value
}

func malformed(code, format string, args ...any) *fault.Error {
	return fault.New(fault.Malformed, code, format, args...)
}

// reason is the SDK's own words on one line, cut: they may hold input.
func reason(err error) string {
	if err == nil {
		return "it is empty"
	}
	var fields ce.ValidationError
	text := err.Error()
	if errors.As(err, &fields) {
		parts := make([]string, 0, len(fields))
		for name, why := range fields {
			parts = append(parts, name+": "+why.Error())
		}
		sort.Strings(parts)
		text = strings.Join(parts, "; ")
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	return text
}

func mediaType(contentType string) string {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return strings.ToLower(strings.TrimSpace(contentType))
	}
	return media
}

func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	media := mediaType(contentType)
	return media == "application/json" || media == "text/json" || strings.HasSuffix(media, "+json")
}

const bom = "\xef\xbb\xbf"

func trimBOM(b []byte) []byte { return bytes.TrimPrefix(b, []byte(bom)) }

// isText says whether a database can keep it: of the characters that CloudEvents
// 1.0 forbids in attributes, brokers themselves send all but U+0000.
func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }
