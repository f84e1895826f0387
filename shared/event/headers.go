package event

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// The HTTP binding of CloudEvents 1.0.2, §3.1.3.2: attribute values travel
// percent-encoded in headers. The SDK does neither half of it.

func escapeHeaders(h http.Header) {
	for name, values := range h {
		if !strings.HasPrefix(name, "Ce-") {
			continue
		}
		for i, v := range values {
			values[i] = escape(v)
		}
	}
}

func unescapeHeaders(h http.Header) error {
	for name, values := range h {
		if !strings.HasPrefix(name, "Ce-") {
			continue
		}
		for i, v := range values {
			values[i] = unescape(v)
			if !utf8.ValidString(values[i]) {
				return malformed("attributes", "the header %.48s is not UTF-8", name)
			}
		}
	}
	return nil
}

func escape(v string) string {
	if isPlain(v) {
		return v
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(v) {
		switch c := v[i]; {
		case !needsNoEscape(c):
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unescape takes what is not an escape as it stands: senders that never heard
// of the rule put a bare percent sign.
func unescape(v string) string {
	v = strings.Trim(v, " \t")
	if len(v) > 1 && v[0] == '"' && v[len(v)-1] == '"' {
		v = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(v[1 : len(v)-1])
	}
	if !strings.Contains(v, "%") {
		return v
	}
	if decoded, err := url.PathUnescape(v); err == nil {
		return decoded
	}
	return v
}

// needsNoEscape says whether a character is in a header as it is.
func needsNoEscape(c byte) bool { return c > ' ' && c < 0x7f && c != '"' && c != '%' }
