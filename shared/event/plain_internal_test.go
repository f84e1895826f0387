package event

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What is read and written here is what the SDK makes of it; what the SDK
// refuses is not plain.

func asTheSDKReadsIt(t require.TestingT, h http.Header, body []byte) (plain bool) {
	e, plain := readPlain(h, body)
	if plain {
		of, err := readAny(h.Clone(), body)
		require.NoError(t, err, "%q", h)
		require.Equal(t, of, e, "%q", h)
	}
	return plain
}

func asTheSDKWritesIt(t require.TestingT, e Event) (plain bool) {
	own, of := httptest.NewRecorder(), httptest.NewRecorder()
	if !e.writePlain(own) {
		require.Empty(t, own.Header())
		return false
	}
	require.NoError(t, e.writeAny(context.Background(), of), "%+v", e)
	require.Equal(t, of.Code, own.Code)
	require.Equal(t, of.Header(), own.Header())
	require.Equal(t, of.Body.String(), own.Body.String())
	return true
}

func ordinary() http.Header {
	return http.Header{
		"Content-Type": {"application/json"}, "Ce-Specversion": {"1.0"}, "Ce-Id": {"placed-1"}, "Ce-Type": {OrderPlaced},
		"Ce-Source": {"/order-service"}, "Ce-Subject": {"o-1"}, "Ce-Partitionkey": {"o-1"}, "Ce-Time": {"2026-11-27T22:00:00.5+01:00"},
		"Ce-Sequence": {"00000000000000000007"}, "Ce-Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		"Ce-Dataschema": {"https://order.internal.mallhive.com/schemas/placed"}, "Ce-Knativearrivaltime": {"2026-11-27T21:00:01.123Z"},
		"Authorization": {"Bearer x"}, "Accept-Encoding": {"gzip"},
	}
}

// oddNames and oddValues are of headers that are not as everybody writes them.
var (
	oddNames = []string{
		"Ce-Specversion", "Ce-Id", "Ce-Type", "Ce-Source", "Ce-Subject", "Ce-Time", "Ce-Dataschema", "Ce-Sequence", "Ce-Partitionkey",
		"Ce-Traceparent", "Ce-Replay", "Ce-Datacontenttype", "Ce-Schemaurl", "Ce-Data", "Ce-1st", "Ce-", "Ce-A_b", "Ce-A-B", "Ce-ID", "Ce-id", "ce-id",
		"Ce-Ä", "Ce-REPLAY", "Ce-Datacontentencoding", "Content-Type",
	}
	oddValues = []string{
		"", " ", "1.0", "0.3", "9", "x", " x ", "a%20b", "%", "%zz", "%ff", "%00", "\x00", "ä", "\xff", `"q"`, `"a\"b"`, `"`, "a b", "true", "T", "false",
		"-1", "7", "99999999999999999999", "2026-11-27T22:00:00Z", "2026-11-27T22:00:00+01:00", "2026-11-27t22:00:00z", "2026-11-27", "0001-01-01T00:00:00Z",
		"0000-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+01:00", "2026-11-27T22:00:00,5Z", "2026-02-30T00:00:00Z", "2016-12-31T23:59:60Z",
		"/a", "//", "///a", "//a", "//a/b", "/a//b", "a:b", "a/b:c", "./a", "/../a", "urn:x:y", "http:", "http://", "http:///a", "http://a", "https://a.b:80/c", "https://A_b~/", "https://u@h/",
		"HTTP://A/", "/a?b", "/a?", "/a#", "/ä", "/a%2fb", "/a*b", "/a;b", "*", "?", "#", "application/json", "application/json; charset=utf-8", "Application/JSON",
		"application/json;charset=utf-8", "application/json; charset=latin1", "text/json", "application/x+json", "text/plain", ";", "application/cloudevents+json",
	}
)

func TestAnOrdinaryDeliveryIsPlain(t *testing.T) {
	t.Parallel()
	require.True(t, asTheSDKReadsIt(t, ordinary(), []byte(`{"a":1}`)))
	least := http.Header{"Ce-Specversion": {"1.0"}, "Ce-Id": {"1"}, "Ce-Source": {"order-service"}, "Ce-Type": {"t"}}
	require.True(t, asTheSDKReadsIt(t, least, nil))
	for name, values := range map[string][]string{
		"Ce-Subject": {"Gr%C3%B6%C3%9Fe"}, "Ce-Id": {"1", "2"}, "Ce-Specversion": {"0.3"}, "Ce-Time": {"yesterday"}, "Ce-Source": {"urn:a:b"}, "Content-Type": {"text/plain"},
	} {
		h := ordinary()
		h[name] = values
		require.False(t, asTheSDKReadsIt(t, h, nil), name)
	}
}

func TestAPlainDeliveryIsReadAsTheSDKReadsIt(t *testing.T) {
	t.Parallel()
	for _, name := range oddNames {
		for _, value := range oddValues {
			for _, values := range [][]string{{value}, {value, "x"}} {
				h := ordinary()
				h[name] = values
				asTheSDKReadsIt(t, h, []byte("{}"))
			}
		}
		h := ordinary()
		h[name] = nil
		asTheSDKReadsIt(t, h, []byte("\xef\xbb\xbf{}"))
		delete(h, name)
		asTheSDKReadsIt(t, h, []byte("\x00\xff"))
	}
}

func FuzzPlainDelivery(f *testing.F) {
	f.Add("1", "/s", "t", "o", "2024-01-01T00:00:00Z", "https://x/y", "application/json", "Ce-Other", "1", []byte(`{}`))
	f.Add("%31", "http://a:80/", "t t", "é", "9999-12-31T23:59:59-23:59", "x:y", "text/plain", "Ce-A-B", "-1", []byte("\x00"))
	f.Fuzz(func(t *testing.T, id, source, typ, subject, at, schema, form, name, value string, data []byte) {
		asTheSDKReadsIt(t, http.Header{
			"Ce-Specversion": {"1.0"}, "Ce-Id": {id}, "Ce-Source": {source}, "Ce-Type": {typ}, "Ce-Subject": {subject}, "Ce-Time": {at},
			"Ce-Dataschema": {schema}, "Content-Type": {form}, name: {value},
		}, data)
	})
}

func ordinaryReply() Event {
	return Event{
		ID: ReplyID("o-1", "placed"), Source: FromInventory, Type: InventoryLocked, Subject: "o-1", PartitionKey: "o-1",
		Time: time.Date(2026, 11, 27, 22, 0, 0, 123456000, time.UTC), Sequence: 7, DataSchema: SchemaURL("https://product.internal.mallhive.com", InventoryLocked),
		Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Data: json.RawMessage(`{"order_id":"o-1"}`),
	}
}

func TestAnOrdinaryReplyIsPlain(t *testing.T) {
	t.Parallel()
	require.True(t, asTheSDKWritesIt(t, ordinaryReply()))
	for name, change := range map[string]func(*Event){
		"no id": func(e *Event) { e.ID = "" }, "subject": func(e *Event) { e.Subject = "Größe" }, "no data": func(e *Event) { e.Data = nil },
		"text": func(e *Event) { e.ContentType = "text/plain" }, "extension": func(e *Event) { e.Extensions = map[string]string{"a": "b"} },
	} {
		e := ordinaryReply()
		change(&e)
		require.False(t, asTheSDKWritesIt(t, e), name)
	}
}

func TestAPlainReplyIsWrittenAsTheSDKWritesIt(t *testing.T) {
	t.Parallel()
	fields := func(e *Event) []*string {
		return []*string{&e.ID, &e.Source, &e.Type, &e.Subject, &e.DataSchema, &e.PartitionKey, &e.Traceparent, &e.ContentType}
	}
	for i := range fields(new(Event)) {
		for _, value := range oddValues {
			e := ordinaryReply()
			*fields(&e)[i] = value
			asTheSDKWritesIt(t, e)
		}
	}
	for _, at := range []time.Time{{}, time.Now().In(time.FixedZone("", 3600)), time.Unix(0, 0), time.Date(12026, 1, 1, 0, 0, 0, 1, time.UTC)} {
		for _, sequence := range []int64{-1, 0, 1, 12345678901234567, 1<<63 - 1} {
			for _, data := range []string{"", "{}", "x", "\xff"} {
				e := ordinaryReply()
				e.Time, e.Sequence, e.Replay, e.Data = at, sequence, sequence > 0, json.RawMessage(data)
				asTheSDKWritesIt(t, e)
			}
		}
	}
}

func FuzzPlainReply(f *testing.F) {
	f.Add("1", "/s", "t", "o", "https://x/y", "k", "00-x", int64(7), int64(1), []byte(`{}`))
	f.Fuzz(func(t *testing.T, id, source, typ, subject, schema, key, trace string, sequence, at int64, data []byte) {
		asTheSDKWritesIt(t, Event{
			ID: id, Source: source, Type: typ, Subject: subject, DataSchema: schema, PartitionKey: key, Traceparent: trace,
			Sequence: sequence, Time: time.Unix(at%1e11, at%1e9), Data: data,
		})
	})
}
