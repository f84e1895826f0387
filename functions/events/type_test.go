package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/service"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

func TestEveryEventTypeIsDescribed(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	var list struct {
		Items []struct {
			Type, Direction, Dataschema string
			Schema, Example             map[string]any
		}
		NextCursor *string `json:"next_cursor"`
	}
	s.Do(t, "GET", "/v1/event-types", nil).JSON(t, &list)
	require.Len(t, list.Items, len(event.Types()))
	for _, item := range list.Items {
		require.Equal(t, "https://product.internal.mallhive.com/v1/event-types/"+item.Type, item.Dataschema)
		one := s.Do(t, "GET", "/v1/event-types/"+item.Type, nil)
		require.Equal(t, http.StatusOK, one.Status)
		require.Contains(t, one.Header.Get("Cache-Control"), "public")
		require.Equal(t, item.Type, item.Example["type"])
		require.NotEmpty(t, item.Schema["properties"])
	}
	require.Equal(t, http.StatusNotFound, s.Do(t, "GET", "/v1/event-types/com.mallhive.nothing.v1", nil).Status)
}

// A validator that follows the dataschema of an event gets what it can use.
func TestTheDataschemaOfAnEventLeadsToItsSchema(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, typ := range event.Types() {
		a := s.Do(t, "GET", "/v1/event-types/"+typ.Name, nil, accept("application/schema+json"))
		require.Equal(t, http.StatusOK, a.Status)
		require.Equal(t, "application/schema+json", a.Header.Get("Content-Type"))
		require.Contains(t, a.Header.Values("Vary"), "Accept")
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.Body))
		require.NoError(t, err)
		require.Equal(t, "https://product.internal.mallhive.com/v1/event-types/"+typ.Name, document.(map[string]any)["$id"])

		var description struct {
			Schema  json.RawMessage
			Example struct {
				Dataschema string
				Data       any
			}
		}
		s.Do(t, "GET", "/v1/event-types/"+typ.Name, nil).JSON(t, &description)
		require.JSONEq(t, string(a.Body), string(description.Schema))
		c := jsonschema.NewCompiler()
		require.NoError(t, c.AddResource(description.Example.Dataschema, document))
		schema, err := c.Compile(description.Example.Dataschema)
		require.NoError(t, err)
		require.NoError(t, schema.Validate(description.Example.Data))
		require.Error(t, schema.Validate("anything"))
	}
}

func TestOnlyWhoAsksForTheSchemaGetsItAlone(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	const description, alone = "application/json", "application/schema+json"
	for asked, form := range map[string]string{
		"": description, "*/*": description, "application/json": description, "application/*": description,
		"application/schema+json": alone, "application/schema+json, */*;q=0.1": alone, "text/html, application/schema+json": alone,
		"application/json;q=0.5, application/schema+json": alone, "application/schema+json;q=0.5, application/json": description,
		"application/schema+json;q=0, */*": description, "application/schema+json;q=x, ;;": description,
	} {
		a := s.Do(t, "GET", "/v1/event-types/"+event.StockLow, nil, accept(asked))
		if a.Status != http.StatusNotAcceptable {
			require.Equal(t, form, a.Header.Get("Content-Type"), asked)
			require.Contains(t, a.Header.Values("Vary"), "Accept", asked)
		}
	}
	require.Equal(t, http.StatusNotFound, s.Do(t, "GET", "/v1/event-types/com.mallhive.nothing.v1", nil, accept(alone)).Status)
	require.Equal(t, http.StatusNotAcceptable, s.Do(t, "GET", "/v1/event-types/"+event.StockLow, nil, accept("text/html")).Status)
}

func TestAContractThatIsKnownIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	tags := map[string]string{}
	for _, path := range []string{"/v1/event-types", "/v1/event-types/" + event.StockLow, "/v1/event-types/asyncapi.json"} {
		for _, form := range []string{"*/*", "application/schema+json"} {
			a := s.Do(t, "GET", path, nil, accept(form))
			if a.Status == http.StatusNotAcceptable {
				continue
			}
			etag := a.Header.Get("ETag")
			require.NotEmpty(t, etag, path)
			require.Contains(t, a.Header.Get("Cache-Control"), "public", path)
			tags[etag] = path
			again := s.Do(t, "GET", path, nil, accept(form), servicetest.Header{Name: "If-None-Match", Value: etag})
			require.Equal(t, http.StatusNotModified, again.Status, path)
			require.Empty(t, again.Body)
			require.Equal(t, strings.Replace(etag, "-gzip", "", 1), again.Header.Get("ETag"))
			other := s.Do(t, "GET", path, nil, accept(form), servicetest.Header{Name: "If-None-Match", Value: `"1.0"`})
			require.Equal(t, a.Body, other.Body, path)
		}
	}
	require.Len(t, tags, 4, "what differs has a name of its own")
}

func TestTheAsyncAPIDocumentNamesTheAddressesOfThisInstance(t *testing.T) {
	t.Parallel()
	cfg := &config{EventConfig: service.EventConfig{EventAuth: "network"}}
	cfg.PublicBaseURL = "https://product.staging.mallhive.com/"
	s := servicetest.Start(t, "events", cfg, routes)
	a := s.Do(t, "GET", "/v1/event-types/asyncapi.json", nil)
	require.Equal(t, http.StatusOK, a.Status)
	require.Equal(t, asyncapiForm, a.Header.Get("Content-Type"))
	require.NotContains(t, string(a.Body), "product.internal.mallhive.com")
	require.Contains(t, string(a.Body), `"https://product.staging.mallhive.com/v1/event-types/com.mallhive.stock.low.v1"`)
}

func accept(form string) servicetest.Header {
	return servicetest.Header{Name: "Accept", Value: form}
}
