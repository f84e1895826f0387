package event

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// What a scan is sure of, a whole look finds right; and data that is right is
// decoded as encoding/json does it.
func asAWholeLookSaysIt(t require.TestingT, schemas *Schemas, name string, text []byte) (sure bool) {
	r, err := schemas.rule(name)
	require.NoError(t, err)
	as, err := r.inWhole(text)
	if sure = r.surely(text); sure {
		require.NoError(t, err, "%s", text)
		require.Equal(t, string(text), string(as))
	}
	if own, whole := dataOf(name), dataOf(name); own != nil && err == nil {
		refused := json.Unmarshal(as, whole)
		require.Equal(t, refused != nil, Event{Data: as}.Decode(own) != nil, "%s", text)
		if refused == nil {
			require.Equal(t, whole, own, "%s", text)
		}
	}
	return sure
}

func dataOf(name string) any {
	switch name {
	case OrderPlaced:
		return new(OrderPlacedData)
	case OrderPaid:
		return new(OrderPaidData)
	case OrderCancelled:
		return new(OrderCancelledData)
	case OrderReturned:
		return new(OrderReturnedData)
	}
	return nil
}

func examples(t require.TestingT, name string) []string {
	raw, err := Schema(name)
	require.NoError(t, err)
	var schema struct{ Examples []json.RawMessage }
	require.NoError(t, json.Unmarshal(raw, &schema))
	texts := make([]string, len(schema.Examples))
	for i, e := range schema.Examples {
		texts[i] = string(e)
	}
	return texts
}

func wholeOrders() map[string]string {
	return map[string]string{
		OrderPlaced: ` {"order_id":"o-1" , "lines":[{"sku":"A","quantity":1},{"quantity":1000000000,"sku":"b~._-","new":{"x":[null,-0,true,""]}}],
			"expires_at":"2026-11-27T22:00:00.5+01:00","allow_partial":true,"more":[]}` + "\r\n\t",
		OrderPaid:      `{"order_id":"o-1","lines":[{"sku":"A","quantity":1}]}`,
		OrderCancelled: `{"order_id":"o-1","reason":"","lines":[{"sku":"A","quantity":1}]}`,
		OrderReturned:  `{"order_id":"o-1","restock":false,"lines":[{"sku":"A","quantity":1}]}`,
	}
}

func TestAScanIsSureOfAnOrdinaryOrder(t *testing.T) {
	t.Parallel()
	for name, text := range wholeOrders() {
		for _, text := range append(examples(t, name), text) {
			require.True(t, asAWholeLookSaysIt(t, NewSchemas(), name, []byte(text)), text)
		}
	}
}

// pieces of text are put where they may make another document, or none.
var pieces = []string{
	"", " ", ",", ":", "{", "}", "[", "]", `"`, `\`, `\u0041`, "\x00", "\x1f", "\x7f", "ä", "\xff", "0", "01", "-", "-1", "1.0", "1e3", "1E400", "9007199254740993", "1000000001",
	"null", "true", "false", "tru", `"x"`, `"order_id"`, `"ORDER_ID":"x y",`, `"Quantity":-5,`, `"quantity":-5,`, `"quantity":2,`, `"sku":"B",`, `"lines":[],`, `"lines":[{"sku":"C","quantity":3}],`,
	`"expires_at":"2026-01-01T00:00:00Z",`, `"expires_at":"yesterday",`, `"allow_partial":1,`, `"":0,`, `[[[[`, `]]]]`, "\ufeff", "/**/", "A", "!", "ſ", "K",
}

func TestAScanIsNeverSureOfAnOrderThatAWholeLookRefuses(t *testing.T) {
	t.Parallel()
	schemas := NewSchemas()
	for name, text := range wholeOrders() {
		for at := range len(text) + 1 {
			for _, piece := range pieces {
				asAWholeLookSaysIt(t, schemas, name, []byte(text[:at]+piece+text[at:]))
				asAWholeLookSaysIt(t, schemas, name, []byte(text[:at]+piece+text[min(at+1, len(text)):]))
			}
		}
	}
}

func TestAScanIsNeverSureOfWhatAWholeLookRefuses(t *testing.T) {
	t.Parallel()
	schemas, sure := NewSchemas(), 0
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(contract).Draw(t, "type").Name
		texts := examples(t, name)
		if whole, has := wholeOrders()[name]; has {
			texts = append(texts, whole)
		}
		text := rapid.SampledFrom(texts).Draw(t, "text")
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			at := rapid.IntRange(0, len(text)).Draw(t, "at")
			until := min(at+rapid.IntRange(0, 3).Draw(t, "gone"), len(text))
			text = text[:at] + rapid.SampledFrom(pieces).Draw(t, "piece") + text[until:]
		}
		if asAWholeLookSaysIt(t, schemas, name, []byte(text)) {
			sure++
		}
	})
	if !testing.Short() { // of few texts all may have to be looked at in whole
		require.Positive(t, sure)
	}
}

func FuzzScan(f *testing.F) {
	for name, text := range wholeOrders() {
		f.Add(name, []byte(text))
	}
	f.Add(InventoryLocked, []byte(`{"order_id":"o","state":"locked","lines":[]}`))
	schemas := NewSchemas()
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		if _, ours := TypeOf(name); ours {
			asAWholeLookSaysIt(t, schemas, name, text)
		}
	})
}

// A table of letters is the pattern that it was made of.
func TestLettersAreTheirPattern(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{`^[A-Za-z0-9._~-]{1,64}$`, `^[A-Z]{3}$`, `^[^\x00]*$`, `^[a-c]{2,}$`} {
		r := &rule{Pattern: pattern}
		require.NoError(t, r.compile())
		require.NotNil(t, r.sure.letters, pattern)
		for length := range 70 {
			for _, c := range "aAz09.~-_ \n\x00\x7f" {
				text := strings.Repeat(string(c), length/2) + strings.Repeat("A", length-length/2)
				require.Equal(t, r.pattern.MatchString(text), r.sure.letters.match([]byte(text)), "%s %q", pattern, text)
			}
		}
	}
	for _, pattern := range []string{``, `[a-z]{1,64}`, `^[a-z]{1,64}`, `^[a-z]+$`, `^a{3}$`, `^[a-z]{2}x$`, `(?m)^[a-z]{2}$`, `^(ab|cd){2}$`} {
		require.Nil(t, lettersOf(pattern), pattern)
	}
}

// encoding/json takes Quantity for quantity, which no rule has judged.
func TestAMemberOfALikeNameIsAStranger(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"order_id":"o-1","lines":[{"sku":"A","quantity":1,"Quantity":-5}],"ORDER_ID":"not an id"}`,
		`{"ORDER_ID":"not an id","order_id":"o-1","lines":[{"\u0051uantity":-5,"quantity":1,"\u017fku":"not a sku","sku":"A"}],"Lines":null}`,
		`{"order_id":"o-1","lines":[{"sku":"A","quantity":1}],"Allow_Partial":true,"extra":{"Quantity":12345678901234567890}}`,
	} {
		data, err := NewSchemas().checked(Event{Type: OrderPlaced, Data: json.RawMessage(text)})
		require.NoError(t, err)
		var d OrderPlacedData
		require.NoError(t, Event{Data: data}.Decode(&d))
		want := OrderPlacedData{OrderID: "o-1", Lines: []OrderLine{{SKU: "A", Quantity: 1}}}
		require.True(t, reflect.DeepEqual(want, d), "%+v", d)
	}
}
