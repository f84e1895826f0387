package web

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/fault"
)

func FuzzDecodeCursor(f *testing.F) {
	good, err := EncodeCursor("q", []string{"a", "b"})
	require.NoError(f, err)
	for _, seed := range []string{"", good, good[:5], good + "=", "bnVsbA", "e30", "eyJxIjpudWxsLCJhIjpudWxsfQ", "W10"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var position []string
		err := DecodeCursor(text, "q", &position)
		if err != nil {
			require.True(t, fault.Is(err, fault.Malformed))
			return
		}
		for _, s := range position {
			require.True(t, storable(s), "%q goes into a query", s)
		}
	})
}

func FuzzConditions(f *testing.F) {
	for _, seed := range []string{"", "*", `"7.abc"`, `W/"7.abc"`, `"7.abc-gzip"`, `"8", "7.x"`, ",", `""`, `"7"`, "7", `"-7.a"`, `" 7.a"`} {
		f.Add(seed)
	}
	etag := ETag(7, "x")
	f.Fuzz(func(t *testing.T, header string) {
		if !strings.Contains(header, "7") && strings.TrimSpace(header) != "*" {
			require.Error(t, IfMatch(header, 7), "a header without the version lets nothing pass")
			require.False(t, NotModified(header, etag))
		}
		require.True(t, NotModified(header+","+etag, etag) || strings.TrimSpace(header) == "*")
		require.NoError(t, IfMatch(header+","+etag, 7))
		_ = Expect(header, header).Change(7)
	})
}

func FuzzStreamRows(f *testing.F) {
	for _, seed := range []string{"", "\n", "a\nb", "\xef\xbb\xbfa\r\n\r\n b ", "{}\n\n\n{}", strings.Repeat("x", 300), "\x00\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		read := func(r io.Reader) []string {
			req := httptest.NewRequest(http.MethodPost, "/", r)
			req.ProtoMajor = 2 // nothing to make duplex
			s, err := OpenStream(httptest.NewRecorder(), req)
			require.NoError(t, err)
			var rows []string
			for {
				number, line, err := s.Next()
				if errors.Is(err, io.EOF) {
					return rows
				}
				require.NoError(t, err)
				require.NotEmpty(t, line)
				require.NotContains(t, string(line), "\n")
				require.LessOrEqual(t, len(rows), number)
				rows = append(rows, string(line))
			}
		}
		rows := read(bytes.NewReader(body))
		require.Equal(t, rows, read(iotest.OneByteReader(bytes.NewReader(body))), "rows do not depend on how they arrive")
		for _, part := range bytes.Split(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), []byte("\n")) {
			if text := strings.TrimSpace(string(part)); text != "" && utf8.Valid(part) && !strings.ContainsAny(text, "\v\f\u0085\u00a0") {
				require.Contains(t, strings.Join(rows, "\n"), text, "no row is lost")
			}
		}
	})
}

func FuzzPointer(f *testing.F) {
	for _, seed := range []string{"", "body", "body.a", "body[0]", "body.variants[0].sku", "query.q", "path.ref", "body.a~b/c", "body..", "body[[", "].["} {
		f.Add(seed, "expected required property "+seed+" to be present")
	}
	f.Fuzz(func(t *testing.T, location, message string) {
		field := fieldOf(&huma.ErrorDetail{Location: location, Message: message})
		require.True(t, field.Pointer == "" || strings.HasPrefix(field.Pointer, "/"), "%q is no JSON pointer", field.Pointer)
		require.NotEmpty(t, field.Code)
		for part := range strings.SplitSeq(field.Pointer, "~") {
			_ = part
		}
		for i := range len(field.Pointer) {
			if field.Pointer[i] == '~' {
				require.True(t, i+1 < len(field.Pointer) && (field.Pointer[i+1] == '0' || field.Pointer[i+1] == '1'), "%q", field.Pointer)
			}
		}
	})
}

func FuzzNULIsSeenHoweverABodyArrives(f *testing.F) {
	for _, seed := range []string{`{"a":"\u0000"}`, `\u0000`, `\u000`, `{"a":"b"}`, strings.Repeat("a", 600) + `\u0000`} {
		f.Add([]byte(seed), uint8(1))
	}
	f.Fuzz(func(t *testing.T, body []byte, step uint8) {
		state := &requestState{}
		w := &watchedBody{ReadCloser: io.NopCloser(bytes.NewReader(body)), state: state}
		piece := make([]byte, int(step)+1)
		var got []byte
		for {
			n, err := w.Read(piece)
			got = append(got, piece[:n]...)
			if err != nil {
				break
			}
		}
		require.Equal(t, string(body), string(got))
		require.Equal(t, hasNUL(body), state.nul)
	})
}
