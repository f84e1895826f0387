package web

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"reflect"

	"github.com/mallhive/product-service/shared/fault"
)

// cursor is where a page ends, for the query it belongs to.
type cursor struct {
	Query []byte          `json:"q"`
	After json.RawMessage `json:"a"`
}

// EncodeCursor writes a position that only the same query can go on from.
// Position and query must be values that JSON can write; the query holds all
// that decides the order, such as filters, currency and the time it is
// judged at.
func EncodeCursor(query, position any) (string, error) {
	after, err := json.Marshal(position)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(cursor{Query: queryPrint(query), After: after})
	return base64.RawURLEncoding.EncodeToString(b), err
}

// DecodeCursor reads a position back. Another query, or anything we did not
// write, is fault.Malformed.
func DecodeCursor(text string, query, position any) error {
	bad := fault.New(fault.Malformed, "bad_cursor", "the cursor is not one of this query; begin again without it")
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return bad
	}
	var c cursor
	if json.Unmarshal(b, &c) != nil || string(c.Query) != string(queryPrint(query)) || json.Unmarshal(c.After, position) != nil {
		return bad
	}
	if hasNUL(c.After) && len(nulsIn(reflect.ValueOf(position), "")) > 0 {
		return bad
	}
	return nil
}

func queryPrint(query any) []byte {
	sum := sha256.New()
	_ = json.NewEncoder(sum).Encode(query)
	return sum.Sum(nil)[:9]
}

// NextLink is the RFC 8288 Link header to the next page: a relative reference,
// because the host a function sees is not the one the caller used.
func NextLink(path string, query url.Values, next string) string {
	if next == "" {
		return ""
	}
	q := url.Values{}
	for k, v := range query {
		q[k] = v
	}
	q.Set("cursor", next)
	return "<" + path + "?" + q.Encode() + `>; rel="next"`
}
