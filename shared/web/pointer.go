package web

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/shared/fault"
)

// fieldOf translates one finding of huma: its location becomes a JSON
// pointer, its message a stable code; the value is dropped, because input is
// never echoed.
func fieldOf(d *huma.ErrorDetail) fault.Field {
	in, pointer := place(d.Location)
	detail := d.Message
	if name, ok := cutBetween(detail, "expected required property ", " to be present"); ok {
		pointer += "/" + escape(name)
	}
	return fault.Field{Pointer: pointer, In: in, Code: codeOfMessage(detail), Detail: detail}
}

// place splits huma's "body.variants[0].sku" into where and which.
func place(location string) (in, pointer string) {
	root, rest, _ := strings.Cut(location, ".")
	if before, index, ok := strings.Cut(root, "["); ok {
		root, rest = before, strings.TrimSuffix("["+index+"."+rest, ".")
	}
	if root == "body" {
		root = ""
	}
	if rest == "" {
		return root, ""
	}
	rest = strings.NewReplacer("[", ".", "]", "").Replace(rest)
	var b strings.Builder
	for part := range strings.SplitSeq(strings.Trim(rest, "."), ".") {
		b.WriteString("/" + escape(part))
	}
	return root, b.String()
}

// escape is RFC 6901's.
func escape(token string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
}

func cutBetween(s, prefix, suffix string) (string, bool) {
	if len(s) < len(prefix)+len(suffix) || !strings.HasPrefix(s, prefix) || !strings.HasSuffix(s, suffix) {
		return "", false
	}
	return s[len(prefix) : len(s)-len(suffix)], true
}

// codeOfMessage maps the beginnings of huma's messages to codes.
func codeOfMessage(message string) string {
	for _, m := range []struct{ prefix, code string }{
		{"unexpected property", "unknown_field"},
		{"unknown query parameter", "unknown_parameter"},
		{"expected required property", "required"},
		{"required ", "required"},
		{"expected number >", "out_of_range"},
		{"expected number <", "out_of_range"},
		{"expected number to be a multiple", "out_of_range"},
		{"expected length >=", "too_short"},
		{"expected length <=", "too_long"},
		{"expected array length >=", "too_few"},
		{"expected array length <=", "too_many"},
		{"expected object with at least", "too_few"},
		{"expected object with at most", "too_many"},
		{"expected array items to be unique", "duplicate"},
		{"expected value to be one of", "not_allowed"},
		{"expected string to", "format"},
		{"expected ", "wrong_type"},
		{"invalid ", "wrong_type"},
	} {
		if strings.HasPrefix(message, m.prefix) {
			return m.code
		}
	}
	return "invalid"
}
