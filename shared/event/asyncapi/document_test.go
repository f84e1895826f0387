package asyncapi_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/event/asyncapi"
)

func whole(t *testing.T) (any, []byte) {
	t.Helper()
	raw, err := asyncapi.Document("https://product.internal.mallhive.com/")
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	return document, raw
}

// at follows a JSON pointer; nil is nothing.
func at(document any, pointer string) any {
	for name := range strings.SplitSeq(strings.TrimPrefix(pointer, "#/"), "/") {
		members, _ := document.(map[string]any)
		document = members[name]
	}
	return document
}

func TestEveryReferenceOfTheAsyncAPIDocumentLeadsSomewhere(t *testing.T) {
	t.Parallel()
	document, _ := whole(t)
	found := 0
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if to, ok := v["$ref"].(string); ok {
				found++
				require.NotNil(t, at(document, to), to)
			}
			for _, inner := range v {
				walk(inner)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	walk(document)
	require.NotZero(t, found)
}

type reference struct {
	To string `json:"$ref"`
}

// conversation is messages of one channel.
type conversation struct {
	Channel  reference
	Messages []reference
}

func (c conversation) names(t *testing.T) (names []string) {
	t.Helper()
	for _, message := range c.Messages {
		name, own := strings.CutPrefix(message.To, c.Channel.To+"/messages/")
		require.True(t, own, "%s is none of %s", message.To, c.Channel.To)
		names = append(names, name)
	}
	return names
}

func TestEveryTypeIsAnOperationOfItsDirection(t *testing.T) {
	t.Parallel()
	_, raw := whole(t)
	var document struct {
		Operations map[string]struct {
			conversation
			Action string
			Reply  conversation
		}
	}
	require.NoError(t, json.Unmarshal(raw, &document))
	require.Len(t, document.Operations, len(event.Types()))
	actions, replies := map[string]string{}, map[string][]string{}
	for _, op := range document.Operations {
		for _, name := range op.names(t) {
			actions[name], replies[name] = op.Action, op.Reply.names(t)
		}
	}
	for _, typ := range event.Types() {
		want := "send"
		if typ.Direction == event.In {
			want = "receive"
			require.Equal(t, want, actions[typ.Name+".structured"])
			require.NotEmpty(t, typ.Replies(), typ.Name)
		}
		require.Equal(t, want, actions[typ.Name], typ.Name)
		require.Equal(t, typ.Replies(), replies[typ.Name], typ.Name)
	}
}

// What the document says of messages holds for its examples, and what it says of
// headers for what is really sent.
func TestTheExamplesAndARealRequestAreAsTheAsyncAPIDocumentSays(t *testing.T) {
	t.Parallel()
	document, _ := whole(t)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(t, c.AddResource("mem:///document", document))
	compile := func(pointer string) *jsonschema.Schema {
		schema, err := c.Compile("mem:///document#" + pointer)
		require.NoError(t, err)
		return schema
	}
	schema := compile("/components/messageTraits/sent/headers")
	for _, typ := range event.Types() {
		examples, _ := at(document, "#/components/messages/"+typ.Name).(map[string]any)["examples"].([]any)
		require.NotEmpty(t, examples, typ.Name)
		payload := compile("/components/schemas/" + typ.Name)
		for _, example := range examples {
			require.NoError(t, schema.Validate(example.(map[string]any)["headers"]), typ.Name)
			require.NoError(t, payload.Validate(example.(map[string]any)["payload"]), typ.Name)
		}
		raw, err := event.Example(typ.Name, "https://product.internal.mallhive.com")
		require.NoError(t, err)
		var e event.Event
		require.NoError(t, json.Unmarshal(raw, &e))
		e.Replay = true
		request, err := e.NewRequest(t.Context(), "http://localhost/")
		require.NoError(t, err)
		sent, declared := map[string]any{}, at(document, "#/components/messageTraits/sent/headers/properties").(map[string]any)
		for name := range request.Header {
			if name = strings.ToLower(name); strings.HasPrefix(name, "ce-") {
				sent[name] = request.Header.Get(name)
				require.Contains(t, declared, name)
			}
		}
		require.Len(t, sent, len(declared))
		require.NoError(t, schema.Validate(sent), typ.Name)
	}
}
