package event

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzAPlainRequestIsTheSDKs holds the requests that are written without the SDK
// to those that it writes.
func FuzzAPlainRequestIsTheSDKs(f *testing.F) {
	f.Add("0198c5a2-7c1e-7d4a-9f43-2b1f0a6d5e99", "toner", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", int64(42), int64(1_900_000_000_123_456), uint8(0), true, true)
	f.Add("a b\"%\n", "Größe 50%\x7f", "", int64(0), int64(0), uint8(18), false, false)
	f.Add(" spaces ", "\xff", "x", int64(1<<62), int64(-1), uint8(255), true, false)
	to, err := url.Parse("http://broker.example:8080/ns/default?x=1")
	require.NoError(f, err)
	types := Types()
	f.Fuzz(func(t *testing.T, id, subject, traceparent string, sequence, micros int64, typ uint8, replay, public bool) {
		e := Event{
			ID: id, Source: FromEvents, Type: types[int(typ)%len(types)].Name, Subject: subject, PartitionKey: subject,
			Sequence: sequence, Traceparent: traceparent, Replay: replay, Data: json.RawMessage(`{"a":1}`),
		}
		if micros != 0 {
			e.Time = time.UnixMicro(micros).UTC()
		}
		if public {
			e.DataSchema = SchemaURL("https://product.internal.mallhive.com/", e.Type)
		}
		if !e.isPlain() {
			return
		}
		own := e.post(context.Background(), to, new(pages).take())
		want, err := e.NewRequest(context.Background(), to.String())
		require.NoError(t, err)
		require.Equal(t, want.Header, own.Header)
		require.Equal(t, want.Method, own.Method)
		require.Equal(t, want.URL.String(), own.URL.String())
		require.Equal(t, want.Host, own.Host)
		require.Equal(t, want.ContentLength, own.ContentLength)
		require.Equal(t, bodyOf(t, want), bodyOf(t, own))
		again, err := own.GetBody()
		require.NoError(t, err)
		own.Body = again
		require.Equal(t, string(e.Data), bodyOf(t, own))
	})
}

func TestNothingOfAnEventIsInTheNextRequest(t *testing.T) {
	t.Parallel()
	to, err := url.Parse("http://broker.example/")
	require.NoError(t, err)
	used := new(pages).take()
	full := Event{
		ID: "1", Source: FromEvents, Type: InteractionViewed, Subject: "toner", PartitionKey: "toner", Traceparent: "t", Sequence: 7, Replay: true,
		Time: time.Now(), DataSchema: "https://product.example/v1", Data: json.RawMessage(`{"a":1}`),
	}
	bare := Event{ID: "2", Source: FromEvents, Type: InteractionSaved, Data: json.RawMessage(`{}`)}
	full.post(context.Background(), to, used)
	var p pages
	p.giveBack(used)
	require.Equal(t, bare.post(context.Background(), to, new(pages).take()).Header, bare.post(context.Background(), to, used).Header)
	require.Len(t, used.header, 5)
}

func bodyOf(t *testing.T, r *http.Request) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return string(b)
}

func BenchmarkPost(b *testing.B) {
	to, err := url.Parse("http://broker.example/ns/default")
	require.NoError(b, err)
	e := Event{
		ID: "0198c5a2-7c1e-7d4a-9f43-2b1f0a6d5e99", Source: FromEvents, Type: InteractionViewed, Subject: "toner", PartitionKey: "toner",
		Sequence: 1_900_000_000_000_000_000, Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Time: time.Now(), Data: json.RawMessage(`{"a":1}`),
	}
	var own pages
	for name, write := range map[string]func() error{
		"own": func() error {
			page := own.take()
			_ = e.post(context.Background(), to, page)
			own.giveBack(page)
			return nil
		},
		"SDK": func() error { _, err := e.NewRequest(context.Background(), to.String()); return err },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, write())
			}
		})
	}
}
