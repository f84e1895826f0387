package service_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/mallhive/product-service/knative/local/issuer"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/service"
	"github.com/mallhive/product-service/shared/service/servicetest"
	"github.com/mallhive/product-service/shared/web"
)

type config struct{ service.Config }

type thing struct {
	Name  string `json:"name" minLength:"1" maxLength:"5"`
	Sizes []size `json:"sizes,omitempty" maxItems:"3"`
}

type size struct {
	Width int `json:"width" minimum:"1"`
}

type putThing struct {
	Ref   string `path:"ref" maxLength:"8"`
	Limit int    `query:"limit" minimum:"1" maximum:"10" default:"3"`
	Body  thing
}

type thingReply struct {
	ETag string `header:"ETag"`
	Body thing
}

func build(_ context.Context, _ *config, s *service.Service) error {
	op := func(method, path string, security []map[string][]string) huma.Operation {
		return huma.Operation{OperationID: strings.ToLower(method) + path, Method: method, Path: path, Summary: "test", Security: security}
	}
	web.Register(s.API, op("PUT", "/v1/things/{ref}", web.Scope("catalog:write")), func(_ context.Context, in *putThing) (*thingReply, error) {
		return &thingReply{ETag: web.ETag(1, in.Body), Body: in.Body}, nil
	})
	web.Register(s.API, op("GET", "/v1/things", web.Public()), func(context.Context, *struct {
		Limit int `query:"limit" minimum:"1" maximum:"10" default:"3"`
	},
	) (*thingReply, error) {
		return &thingReply{ETag: `"1.a"`, Body: thing{Name: strings.Repeat("long ", 1000)}}, nil
	})
	web.Register(s.API, op("GET", "/v1/refused", web.Public()), func(context.Context, *struct{}) (*thingReply, error) {
		return nil, &fault.Error{Kind: fault.Conflict, Code: "insufficient_stock", Extra: map[string]any{"lines": []int{1}, "code": "hidden"}}
	})
	web.Register(s.API, op("GET", "/v1/panics", web.Public()), func(context.Context, *struct{}) (*thingReply, error) {
		panic("secret inside")
	})
	web.Register(s.API, op("GET", "/v1/database", web.Public()), func(ctx context.Context, _ *struct{}) (*thingReply, error) {
		_, err := s.DB.Exec(ctx, "select pg_terminate_backend(pg_backend_pid())")
		return nil, err
	})
	return nil
}

type problem struct {
	Type, Title, Detail, Instance, Code string
	Status                              int
	Errors                              []fault.Field
	Lines                               []int
}

func start(t *testing.T) *servicetest.Server {
	t.Helper()
	return servicetest.Start(t, "catalog", &config{Config: service.Config{LogLevel: zap.DebugLevel}}, build)
}

func read(t *testing.T, a servicetest.Answer, status int) problem {
	t.Helper()
	require.Equal(t, status, a.Status, "body: %s", a.Body)
	require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
	var p problem
	a.JSON(t, &p)
	require.Equal(t, status, p.Status)
	require.Equal(t, a.Header.Get("X-Request-Id"), p.Instance)
	require.NotEmpty(t, p.Instance)
	require.Equal(t, "urn:mallhive:problem:"+p.Code, p.Type)
	return p
}

func TestEveryRefusalIsAProblemDocument(t *testing.T) {
	t.Parallel()
	s := start(t)
	write := s.Bearer(t, "catalog:write")
	for name, c := range map[string]struct {
		method, path, body string
		headers            []servicetest.Header
		status             int
		code               string
	}{
		"unknown path":        {"GET", "/v1/nothing", "", nil, 404, "no_such_path"},
		"unknown method":      {"DELETE", "/v1/things", "", nil, 405, "method_not_allowed"},
		"no token":            {"PUT", "/v1/things/a", `{"name":"a"}`, nil, 401, "token_required"},
		"bad token on public": {"GET", "/v1/things", "", []servicetest.Header{{Name: "Authorization", Value: "Bearer x"}}, 401, "invalid_token"},
		"other scope":         {"PUT", "/v1/things/a", `{"name":"a"}`, []servicetest.Header{s.Bearer(t, "inventory:lock")}, 403, "scope_required"},
		"broken JSON":         {"PUT", "/v1/things/a", `{"name":`, []servicetest.Header{write}, 400, "malformed"},
		"other media type":    {"PUT", "/v1/things/a", `a`, []servicetest.Header{write, {Name: "Content-Type", Value: "text/csv"}}, 415, "unsupported_media_type"},
		"other answer wanted": {"GET", "/v1/things", "", []servicetest.Header{{Name: "Accept", Value: "text/html"}}, 406, "not_acceptable"},
		"of a plain handler":  {"GET", "/statusz", "", []servicetest.Header{s.Bearer(t, "events:admin"), {Name: "Accept", Value: "text/html"}}, 406, "not_acceptable"},
		"too large":           {"PUT", "/v1/things/a", `{"name":"` + strings.Repeat("a", 1<<20) + `"}`, []servicetest.Header{write}, 413, "too_large"},
		"panic":               {"GET", "/v1/panics", "", nil, 500, "internal"},
		"lost connection":     {"GET", "/v1/database", "", nil, 503, "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var body any
			if c.body != "" {
				body = c.body
			}
			a := s.Do(t, c.method, c.path, body, c.headers...)
			p := read(t, a, c.status)
			require.Equal(t, c.code, p.Code)
			require.NotContains(t, string(a.Body), "secret inside")
			if c.status == 503 {
				require.NotEmpty(t, a.Header.Get("Retry-After"))
			}
		})
	}
}

func TestAllFaultsAreToldAtOnceWithPointers(t *testing.T) {
	t.Parallel()
	s := start(t)
	a := s.Do(t, "PUT", "/v1/things/toolongref?limit=99&color=red", `{"name":"too long","sizes":[{"width":0},{"width":1,"depth":2}],"a/b":1}`, s.Bearer(t, "catalog:write"))
	p := read(t, a, 422)
	var told []string
	for _, f := range p.Errors {
		told = append(told, f.In+f.Pointer+" "+f.Code)
	}
	require.ElementsMatch(t, []string{
		"path/ref too_long", "query/limit out_of_range", "query/color unknown_parameter", "/name too_long",
		"/sizes/0/width out_of_range", "/sizes/1/depth unknown_field", "/a~1b unknown_field",
	}, told)
	require.NotContains(t, string(a.Body), "too long\"", "input is not echoed")
	p = read(t, s.Do(t, "PUT", "/v1/things/a", `{"sizes":[{}]}`, s.Bearer(t, "catalog:write")), 422)
	require.Equal(t, "/name", p.Errors[0].Pointer)
	require.Equal(t, "/sizes/0/width", p.Errors[1].Pointer)
	p = read(t, s.Do(t, "GET", "/v1/things?colour=red", nil), 422)
	require.Equal(t, "unknown_parameter", p.Errors[0].Code)
}

func TestADomainDocumentGoesWithItsProblem(t *testing.T) {
	t.Parallel()
	p := read(t, start(t).Do(t, "GET", "/v1/refused", nil), 409)
	require.Equal(t, []int{1}, p.Lines)
	require.Equal(t, "insufficient_stock", p.Code, "standard members win")
}

func TestBodiesMayBeCompressedBothWays(t *testing.T) {
	t.Parallel()
	s := start(t)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	require.NoError(t, json.NewEncoder(z).Encode(thing{Name: "zip"}))
	require.NoError(t, z.Close())
	a := s.Do(t, "PUT", "/v1/things/a", zipped.Bytes(), s.Bearer(t, "catalog:write"), servicetest.Header{Name: "Content-Encoding", Value: "gzip"})
	require.Equal(t, 200, a.Status, "%s", a.Body)
	bomb := gzipped(t, bytes.Repeat([]byte(" "), 4<<20))
	read(t, s.Do(t, "PUT", "/v1/things/a", bomb, s.Bearer(t, "catalog:write"), servicetest.Header{Name: "Content-Encoding", Value: "gzip"}), 413)
	a = s.Do(t, "GET", "/v1/things", nil, servicetest.Header{Name: "Accept-Encoding", Value: "gzip"})
	require.Equal(t, "gzip", a.Header.Get("Content-Encoding"))
	require.Equal(t, `"1.a-gzip"`, a.Header.Get("ETag"))
	require.True(t, web.NotModified(a.Header.Get("ETag"), `"1.a"`))
}

func gzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(b)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.Bytes()
}

func TestRequestIDAndTraceAreTakenGivenAndLogged(t *testing.T) {
	t.Parallel()
	s := start(t)
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	a := s.Do(t, "GET", "/v1/things", nil, servicetest.Header{Name: "X-Request-Id", Value: "mine-1"}, servicetest.Header{Name: "traceparent", Value: parent})
	require.Equal(t, "mine-1", a.Header.Get("X-Request-Id"))
	require.Contains(t, a.Header.Get("Traceparent"), "0af7651916cd43dd8448eb211c80319c")
	s.Stop()
	lines := s.Logs.FilterField(zap.String("request_id", "mine-1")).All()
	require.Len(t, lines, 1, "one line a request")
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", lines[0].ContextMap()["trace_id"])
	require.Equal(t, "/v1/things", lines[0].ContextMap()["route"])
	a = start(t).Do(t, "GET", "/v1/things", nil, servicetest.Header{Name: "X-Request-Id", Value: "bad id"})
	require.NotContains(t, a.Header.Get("X-Request-Id"), "bad")
}

func TestAPanicLeavesTheProcessAliveAndItsCauseInTheLog(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := read(t, s.Do(t, "GET", "/v1/panics", nil), 500)
	require.Equal(t, 200, s.Do(t, "GET", "/healthz", nil).Status)
	s.Stop()
	line := s.Logs.FilterField(zap.String("request_id", p.Instance)).All()[0]
	require.Contains(t, line.ContextMap()["error"], "secret inside")
}

func TestHealthAnswersWithoutADatabase(t *testing.T) {
	t.Parallel()
	cfg := &config{Config: service.Config{DatabaseURL: "postgres://nobody@127.0.0.1:1/none"}}
	s := servicetest.Start(t, "catalog", cfg, build)
	require.Equal(t, 200, s.Do(t, "GET", "/healthz", nil).Status)
	require.Equal(t, 200, s.Do(t, "GET", "/readyz", nil).Status)
	read(t, s.Do(t, "GET", "/statusz", nil), 401)
	a := s.Do(t, "GET", "/statusz", nil, s.Bearer(t, "events:admin"))
	require.Equal(t, 200, a.Status)
	require.Contains(t, string(a.Body), `"reached":false`)
	require.NotContains(t, string(a.Body), "nobody")
	read(t, s.Do(t, "GET", "/v1/database", nil), 503)
}

func TestTokensMustHoldInEveryPart(t *testing.T) {
	t.Parallel()
	s := start(t)
	other, err := issuer.New(s.Issuer.URL) // same name, another key
	require.NoError(t, err)
	for name, make := range map[string]func() (string, error){
		"expired": func() (string, error) {
			return s.Issuer.Token(issuer.Claims{Scopes: []string{"catalog:write"}, Life: -1})
		},
		"other audience": func() (string, error) {
			return s.Issuer.Token(issuer.Claims{Scopes: []string{"catalog:write"}, Audience: "other"})
		},
		"other key": func() (string, error) { return other.Token(issuer.Claims{Scopes: []string{"catalog:write"}}) },
	} {
		t.Run(name, func(t *testing.T) {
			token, err := make()
			require.NoError(t, err)
			read(t, s.Do(t, "PUT", "/v1/things/a", `{"name":"a"}`, servicetest.Header{Name: "Authorization", Value: "Bearer " + token}), 401)
		})
	}
}

func TestCrossOriginCallsAreLimitedToTheFrontends(t *testing.T) {
	t.Parallel()
	s := start(t)
	a := s.Do(t, http.MethodGet, "/v1/things", nil, servicetest.Header{Name: "Origin", Value: "https://products.mallhive.com"})
	require.Equal(t, "https://products.mallhive.com", a.Header.Get("Access-Control-Allow-Origin"))
	a = s.Do(t, http.MethodGet, "/v1/things", nil, servicetest.Header{Name: "Origin", Value: "https://elsewhere.example"})
	require.Empty(t, a.Header.Get("Access-Control-Allow-Origin"))
}

func TestCachesKeepApartWhatDependsOnTheCaller(t *testing.T) {
	t.Parallel()
	s := start(t)
	public := s.Do(t, "GET", "/v1/things", nil, servicetest.Header{Name: "Origin", Value: "https://products.mallhive.com"})
	require.Subset(t, public.Header.Values("Vary"), []string{"Authorization", "Origin"})
	require.NotContains(t, public.Header.Get("Cache-Control"), "private")
	private := s.Do(t, "PUT", "/v1/things/a", `{"name":"a"}`, s.Bearer(t, "catalog:write"))
	require.Equal(t, 200, private.Status)
	require.Equal(t, web.PrivateCache, private.Header.Get("Cache-Control"))
}

// Do says of every answer of every test that nothing in it is of the Host header.
func TestNothingThatIsServedComesFromTheHostHeader(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{"/openapi.json", "/v1/things/a", "/v1/nothing"} {
		require.NotEmpty(t, s.Do(t, http.MethodGet, path, nil).Body, path)
	}
}
