package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mallhive/product-service/shared/fault"
)

// PostgreSQL keeps text in UTF-8 and cannot keep U+0000. Both are refused
// here, for every operation, before a query could fail on them.

const noText = "text is UTF-8 without the character U+0000"

func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// unstorable finds declared parameters that are not text.
func unstorable(r *http.Request, op *huma.Operation) []fault.Field {
	var bad []fault.Field
	for _, p := range op.Parameters {
		ok := true
		switch p.In {
		case "path":
			ok = storable(r.PathValue(p.Name))
		case "header":
			for _, v := range r.Header.Values(p.Name) {
				ok = ok && storable(v)
			}
		}
		if !ok {
			bad = append(bad, fault.Field{Pointer: "/" + escape(p.Name), In: p.In, Code: "format", Detail: noText})
		}
	}
	return bad
}

// watchedBody notes whether a JSON body could be read to its end, and whether
// it holds the escape of U+0000, which is so rare that only then it is looked
// for in what was decoded.
type watchedBody struct {
	io.ReadCloser
	state *requestState
	tail  []byte
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.state.cut = b.state.cut || err != nil && !errors.Is(err, io.EOF)
	// The escape may stand across two reads.
	seam := slices.Concat(b.tail, p[:min(n, len(nulEscape))])
	b.state.nul = b.state.nul || hasNUL(p[:n]) || hasNUL(seam)
	last := seam
	if n > len(nulEscape) {
		last = p[n-len(nulEscape) : n]
	}
	b.tail = bytes.Clone(last[max(0, len(last)-len(nulEscape)):])
	return n, err
}

const nulEscape = `\u0000`

// hasNUL may say yes to an escaped backslash before u0000: it is a first look.
func hasNUL(json []byte) bool { return bytes.Contains(json, []byte(nulEscape)) }

// nulsIn finds texts with U+0000 in a decoded body, by JSON pointer.
func nulsIn(v reflect.Value, pointer string) []fault.Field {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return nulsIn(v.Elem(), pointer)
	case reflect.String:
		if !storable(v.String()) {
			return []fault.Field{{Pointer: pointer, Code: "format", Detail: noText}}
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return nil
		}
		var found []fault.Field
		for i := range v.Len() {
			found = append(found, nulsIn(v.Index(i), pointer+"/"+strconv.Itoa(i))...)
		}
		return found
	case reflect.Map:
		var found []fault.Field
		for _, key := range v.MapKeys() {
			name := fmt.Sprint(key.Interface())
			if !storable(name) {
				found = append(found, fault.Field{Pointer: pointer, Code: "format", Detail: noText})
				continue
			}
			found = append(found, nulsIn(v.MapIndex(key), pointer+"/"+escape(name))...)
		}
		return found
	case reflect.Struct:
		var found []fault.Field
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				found = append(found, nulsIn(v.Field(i), pointer+memberOf(field))...)
			}
		}
		return found
	default:
	}
	return nil
}

// memberOf is a struct's field in a pointer.
func memberOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	switch {
	case name != "":
		return "/" + escape(name)
	case f.Anonymous:
		return ""
	}
	return "/" + f.Name
}

// nulsOf finds them in the Body of an operation's input.
func nulsOf(in any) []fault.Field {
	body := reflect.Indirect(reflect.ValueOf(in)).FieldByName("Body")
	if !body.IsValid() {
		return nil
	}
	return nulsIn(body, "")
}
