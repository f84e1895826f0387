// Package conformance is what the HTTP binding and the JSON format of CloudEvents
// 1.0.2 demand of a receiver, case by case, for tests of whatever receives.
package conformance

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"time"

	"github.com/mallhive/product-service/shared/event"
)

// Case is one request.
type Case struct {
	Section string // of the binding (HTTP), the format (JSON) or the specification (CE)
	Must    string
	Header  http.Header
	Body    []byte
	Want    *event.Event // nil: it is malformed
	// Other says that its data is not what a receiver of JSON objects takes.
	Other bool
}

// Name is the case's as a test's.
func (c Case) Name() string { return c.Section + " " + c.Must }

// Request is the POST to the address.
func (c Case) Request(ctx context.Context, url string) *http.Request {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(c.Body))
	if err != nil {
		panic(err) // a wrong address is a mistake in the test
	}
	r.Header = c.Header.Clone()
	return r
}

// Cases are all of them for an event with data that the receiver takes.
func Cases(sample event.Event) []Case {
	t := table{sample: sample}
	t.modes()
	t.headers()
	t.attributes()
	t.types()
	t.data()
	return t.cases
}

type table struct {
	sample event.Event
	cases  []Case
}

const structuredForm = "application/cloudevents+json"

// binary is the sample with headers changed; "-" takes one away.
func (t *table) binary(section, must string, want *event.Event, header ...string) {
	h := http.Header{
		"Ce-Specversion": {"1.0"}, "Ce-Id": {t.sample.ID}, "Ce-Source": {t.sample.Source}, "Ce-Type": {t.sample.Type},
		"Ce-Subject": {t.sample.Subject}, "Content-Type": {"application/json"},
	}
	for i := 0; i < len(header); i += 2 {
		if h[header[i]] = []string{header[i+1]}; header[i+1] == "-" {
			delete(h, header[i])
		}
	}
	t.cases = append(t.cases, Case{Section: section, Must: must, Header: h, Body: t.sample.Data, Want: want})
}

// structured is the sample with members changed; nil takes one away.
func (t *table) structured(section, must string, want *event.Event, members map[string]any) {
	t.cases = append(t.cases, Case{
		Section: section, Must: must, Header: http.Header{"Content-Type": {structuredForm}}, Body: t.envelope(members), Want: want,
	})
}

type null struct{}

// MarshalJSON tells null from what is not there.
func (null) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

func (t *table) envelope(members map[string]any) []byte {
	all := map[string]any{
		"specversion": "1.0", "id": t.sample.ID, "source": t.sample.Source, "type": t.sample.Type,
		"subject": t.sample.Subject, "data": t.sample.Data,
	}
	maps.Copy(all, members)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	body, err := json.Marshal(all)
	if err != nil {
		panic(err) // a mistake in the table
	}
	return body
}

// last is the case that was added last, to change more of it.
func (t *table) last() *Case { return &t.cases[len(t.cases)-1] }

// with is the sample, changed.
func (t *table) with(change func(*event.Event)) *event.Event {
	e := t.sample
	change(&e)
	return &e
}

func (t *table) same() *event.Event { return t.with(func(*event.Event) {}) }

func (t *table) modes() {
	t.binary("HTTP 3", "defaults to binary mode", t.same())
	t.structured("HTTP 3", "tells structured mode by the content type", t.same(), nil)
	for _, form := range []string{structuredForm + "; charset=UTF-8", "Application/CloudEvents+JSON", structuredForm + ";charset=\"utf-8\""} {
		t.structured("HTTP 3.2.1", "takes the media type as "+form, t.same(), nil)
		t.last().Header.Set("Content-Type", form)
	}
	t.structured("HTTP 1.4", "refuses a format it cannot handle", nil, nil)
	t.last().Header.Set("Content-Type", "application/cloudevents+avro")
	t.structured("HTTP 3.2.3", "maps from the payload, also beside headers", t.same(), nil)
	t.last().Header.Set("Ce-Id", "other")
	t.last().Header.Set("Ce-Specversion", "1.0")
	t.structured("JSON 3", "takes a byte order mark", t.same(), nil)
	t.last().Body = append([]byte("\xef\xbb\xbf"), t.last().Body...)
	t.binary("HTTP 3.1.2", "takes a byte order mark before JSON", t.same())
	t.last().Body = append([]byte("\xef\xbb\xbf"), t.last().Body...)
	for name, body := range map[string]string{"nothing": "", "null": "null", "an array": "[]", "a text": `"x"`, "half an object": `{"specversion":"1.0",`, "two objects": string(t.envelope(nil)) + "{}", "what is not UTF-8": "{\"specversion\":\"\xff\"}"} {
		t.structured("JSON 3", "is one JSON object, not "+name, nil, nil)
		t.last().Body = []byte(body)
	}
}

func (t *table) headers() {
	subject := func(s string) *event.Event { return t.with(func(e *event.Event) { e.Subject = s }) }
	t.binary("HTTP 3.1.1", "reads datacontenttype from Content-Type", t.same(), "Content-Type", "application/json; charset=utf-8")
	t.binary("HTTP 3.1.1", "reads datacontenttype whatever its case", t.same(), "Content-Type", "Application/JSON")
	t.binary("HTTP 3.1.1", "takes JSON without Content-Type", t.same(), "Content-Type", "-")
	t.binary("HTTP 3.1.1", "refuses ce-datacontenttype", nil, "Ce-Datacontenttype", "text/plain")
	t.binary("HTTP 3.1.3", "maps extensions from headers of their own", t.with(func(e *event.Event) { e.Extensions = map[string]string{"other": "x", "more1": "y"} }), "Ce-Other", "x", "Ce-More1", "y")
	t.binary("HTTP 3.1.3", "leaves other headers alone", t.same(), "X-Other", "x", "Cex", "y")
	t.binary("HTTP 3.1.3.2", "decodes percent-encoding", subject("Euro € 😀"), "Ce-Subject", "Euro%20%E2%82%AC%20%F0%9F%98%80")
	t.binary("HTTP 3.1.3.2", "decodes lower-case digits", subject("€"), "Ce-Subject", "%e2%82%ac")
	t.binary("HTTP 3.1.3.2", "decodes what need not be encoded", subject("Ab"), "Ce-Subject", "%41b")
	t.binary("HTTP 3.1.3.2", "decodes once", subject("%41"), "Ce-Subject", "%2541")
	t.binary("HTTP 3.1.3.2", "unescapes quoted strings first", subject(`a "b" \ cA`), "Ce-Subject", `"a \"b\" \\ \c%41"`)
	t.binary("HTTP 3.1.3.2", "refuses an overlong sequence", nil, "Ce-Subject", "%C0%A0")
	t.binary("HTTP 3.1.3.2", "refuses a surrogate", nil, "Ce-Subject", "%ED%A0%80")
	t.binary("HTTP 3.1.3.2", "refuses what is not UTF-8", nil, "Ce-Other", "a%ffb")
	t.binary("HTTP 3.1.3.2", "refuses the character U+0000", nil, "Ce-Other", "a%00b")
	t.binary("HTTP 3.1.3.2", "takes a bare percent sign as it stands", subject("50%"), "Ce-Subject", "50%")
}

func (t *table) attributes() {
	for header, member := range map[string]string{"Ce-Id": "id", "Ce-Source": "source", "Ce-Type": "type", "Ce-Specversion": "specversion"} {
		t.binary("CE 3.1", "requires "+member+" in binary mode", nil, header, "-")
		t.binary("CE 3.1", "requires more than an empty "+member+" in binary mode", nil, header, "")
		for name, value := range map[string]any{"missing": nil, "null": null{}, "empty": "", "a number": 1} {
			t.structured("CE 3.1", "requires "+member+" in structured mode, not "+name, nil, map[string]any{member: value})
		}
	}
	for _, version := range []string{"0.3", "1.1", "2.0", "1.0.2", "9"} {
		t.binary("CE 3.1", "takes specversion 1.0 and not "+version, nil, "Ce-Specversion", version)
		t.structured("CE 3.1", "takes specversion 1.0 and not "+version+", structured", nil, map[string]any{"specversion": version})
	}
	t.binary("CE 3.1", "requires no optional attribute", t.with(func(e *event.Event) { e.Subject = "" }), "Ce-Subject", "-")
	t.structured("CE 3.1", "requires no optional attribute, structured", t.with(func(e *event.Event) { e.Subject = "" }), map[string]any{"subject": nil})
	at := time.Date(2026, 11, 22, 16, 45, 0, 500_000_000, time.UTC)
	t.binary("CE 3.1", "takes a time of another zone", t.with(func(e *event.Event) { e.Time = at }), "Ce-Time", "2026-11-22T17:45:00.5+01:00")
	t.binary("CE 3.1", "refuses a time that is none", nil, "Ce-Time", "yesterday")
	t.structured("CE 3.1", "refuses a time that is none, structured", nil, map[string]any{"time": "2026-02-30T00:00:00Z"})
	t.binary("CE 3.1", "refuses a source that is no URI-reference", nil, "Ce-Source", "%25zz")
	t.binary("CE 3.1", "refuses a dataschema that is not absolute", nil, "Ce-Dataschema", "schema")
	t.structured("CE 3.1", "refuses a name that is no attribute's", nil, map[string]any{"a_b": "x"})
	t.binary("CE 3.1", "refuses an attribute called data", nil, "Ce-Data", "x")
	t.structured("CE 3.1", "refuses an attribute called data, structured", nil, map[string]any{"DATA": "x"})
}

func (t *table) types() {
	extension := func(text string) *event.Event {
		return t.with(func(e *event.Event) { e.Extensions = map[string]string{"other": text} })
	}
	for text, value := range map[string]any{"true": true, "5": 5, "-5": -5, "2147483647": 2147483647, "text": "text"} {
		t.structured("JSON 2.2", "maps an attribute of "+text, extension(text), map[string]any{"other": value})
	}
	for name, value := range map[string]any{"1.5": 1.5, "1e3": json.RawMessage("1e3"), "2147483648": 2147483648, "a list": []int{1}, "an object": map[string]int{"a": 1}} {
		t.structured("JSON 2.2", "refuses an attribute of "+name, nil, map[string]any{"other": value})
	}
	for _, name := range []string{"time", "dataschema", "datacontenttype", "other"} {
		t.structured("JSON 2.2", "treats null as unset: "+name, t.same(), map[string]any{name: null{}})
	}
	t.structured("JSON 2.2", "treats null as unset: datacontenttype, before data", t.same(), nil)
	t.last().Body = append([]byte(`{"datacontenttype":null,`), t.last().Body[1:]...)
	t.structured("JSON 2.2", "treats null as unset: subject", t.with(func(e *event.Event) { e.Subject = "" }), map[string]any{"subject": null{}})
}

func (t *table) data() {
	encoded := base64.StdEncoding.EncodeToString(t.sample.Data)
	t.structured("JSON 3.1.2", "decodes data_base64", t.same(), map[string]any{"data": nil, "data_base64": encoded, "datacontenttype": "application/json"})
	for _, form := range []string{"application/json", "text/json", "application/vnd.example+json", "application/json; charset=utf-8", "Application/JSON"} {
		t.structured("JSON 3.1.2", "takes data of the form "+form, t.same(), map[string]any{"datacontenttype": form})
	}
	t.structured("JSON 3.1.2", "refuses data_base64 that is none", nil, map[string]any{"data": nil, "data_base64": "*"})
	t.structured("JSON 3.1.2", "refuses data_base64 of another type", nil, map[string]any{"data": nil, "data_base64": 1})
	t.structured("JSON 3.1.1", "refuses data and data_base64 together", nil, map[string]any{"data_base64": encoded})
	other := func(form, data string) *event.Event {
		return t.with(func(e *event.Event) { e.ContentType, e.Data = form, json.RawMessage(data) })
	}
	t.structured("JSON 3.1.2", "takes text of another form as it is", other("application/xml", "<a/>"), map[string]any{"datacontenttype": "application/xml", "data": "<a/>"})
	t.last().Other = true
	t.structured("JSON 3.1.2", "takes bytes of another form as they are", other("image/x", "\x00\xff"), map[string]any{"datacontenttype": "image/x", "data": nil, "data_base64": "AP8="})
	t.last().Other = true
	text, _ := json.Marshal(string(t.sample.Data))
	t.structured("JSON 3.1.2", "does not read a text as a document", other("", string(text)), map[string]any{"data": string(t.sample.Data)})
	t.last().Other = true
	t.structured("JSON 3.1.1", "tells data of null from none", other("", "null"), map[string]any{"data": null{}})
	t.last().Other = true
	t.structured("JSON 3.1.1", "takes an event without data", t.with(func(e *event.Event) { e.Data = nil }), map[string]any{"data": nil})
	t.last().Other = true
	t.binary("HTTP 3.1.2", "takes bytes of another form as the body is", other("application/octet-stream", "\x00\xff"), "Content-Type", "application/octet-stream")
	t.last().Body, t.last().Other = []byte("\x00\xff"), true
}
