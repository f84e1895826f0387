package event

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/binding"
	ce "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

// toSDK is the event as the SDK writes it; it must hold to CloudEvents 1.0.
func (e Event) toSDK() (ce.Event, error) {
	out := ce.New(ce.CloudEventsVersionV1)
	out.SetID(e.ID)
	out.SetSource(e.Source)
	out.SetType(e.Type)
	if e.Subject != "" {
		out.SetSubject(e.Subject)
	}
	if !e.Time.IsZero() {
		out.SetTime(e.Time.UTC())
	}
	if e.DataSchema != "" {
		out.SetDataSchema(e.DataSchema)
	}
	for name, value := range e.attributes() {
		out.SetExtension(name, value)
	}
	if e.Data != nil {
		media := e.ContentType
		if media == "" {
			media = ce.ApplicationJSON
		}
		out.SetDataContentType(media)
		out.DataEncoded = e.Data
		// Data that only claims to be JSON is kept as it came all the same.
		out.DataBase64 = !isJSON(media) || !json.Valid(e.Data) || !utf8.Valid(e.Data)
	}
	if err := out.Validate(); err != nil {
		return out, fmt.Errorf("event %s %s: %w", e.Type, e.ID, err)
	}
	return out, nil
}

// attributes are the extension attributes with their text.
func (e Event) attributes() map[string]string {
	all := map[string]string{}
	for name, value := range e.Extensions {
		all[name] = value
	}
	if e.Sequence > 0 {
		all["sequence"] = sequenceText(e.Sequence)
	}
	if e.PartitionKey != "" {
		all["partitionkey"] = e.PartitionKey
	}
	if e.Traceparent != "" {
		all["traceparent"] = e.Traceparent
	}
	if e.Replay {
		all["replay"] = "true"
	}
	return all
}

// sequenceText is a sequence in 20 digits: as texts they sort as the numbers do.
func sequenceText(n int64) string {
	const zeros = "00000000000000000000"
	digits := strconv.FormatInt(n, 10)
	return zeros[:max(len(zeros)-len(digits), 0)] + digits
}

// MarshalJSON is the event in the structured JSON format.
func (e Event) MarshalJSON() ([]byte, error) {
	out, err := e.toSDK()
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads an event in the structured JSON format.
func (e *Event) UnmarshalJSON(b []byte) (err error) {
	*e, err = decodeStructured(b)
	return err
}

// NewRequest is a POST of the event to url in binary mode.
func (e Event) NewRequest(ctx context.Context, url string) (*http.Request, error) {
	out, err := e.toSDK()
	if err != nil {
		return nil, err
	}
	req, err := cehttp.NewHTTPRequestFromEvent(ctx, url, out)
	if err != nil {
		return nil, fmt.Errorf("request for event %s %s: %w", e.Type, e.ID, err)
	}
	escapeHeaders(req.Header)
	if e.Traceparent != "" {
		req.Header.Set("Traceparent", e.Traceparent)
	}
	return req, nil
}

// WriteReply answers a delivery with the event, in binary mode.
func (e Event) WriteReply(ctx context.Context, w http.ResponseWriter) error {
	if e.writePlain(w) {
		return nil
	}
	return e.writeAny(ctx, w)
}

// writeAny answers with an event of any kind with the SDK.
func (e Event) writeAny(ctx context.Context, w http.ResponseWriter) error {
	out, err := e.toSDK()
	if err != nil {
		return err
	}
	reply := httpReply{ResponseWriter: w}
	return cehttp.WriteResponseWriter(ctx, (*binding.EventMessage)(&out), http.StatusOK, reply)
}

// httpReply escapes the attributes just before they are sent.
type httpReply struct{ http.ResponseWriter }

func (r httpReply) WriteHeader(status int) {
	escapeHeaders(r.Header())
	r.ResponseWriter.WriteHeader(status)
}
