package web_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mallhive/product-service/shared/auth"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/web"
)

// anyone takes each token for its bearer's name.
type anyone struct{}

func (anyone) Verify(_ context.Context, token string) (auth.Caller, error) {
	return auth.Caller{Subject: token}, nil
}

// shelf is an operation that counts how often it is read.
type shelf struct {
	reads atomic.Int64
	read  func(ctx context.Context, n int64, name string) (string, error)
	admit func() bool
	log   *zap.Logger
}

func (s *shelf) start(t *testing.T) *httptest.Server {
	t.Helper()
	api := web.New(web.Options{Function: "f", Title: "f", Version: "1", Authenticator: anyone{}, Admit: s.admit})
	op := huma.Operation{OperationID: "read", Method: "GET", Path: "/v1/things/{name}", Summary: "x", Security: web.Public()}
	type in struct {
		Name        string `path:"name"`
		Page        int    `query:"page"`
		IfNoneMatch string `header:"If-None-Match"`
	}
	type out struct{}
	web.Register(api, web.Quickly(op, func(ctx context.Context, w http.ResponseWriter, r *http.Request) bool {
		n := s.reads.Add(1)
		text, err := s.read(ctx, n, r.PathValue("name"))
		if err != nil {
			web.WriteProblem(w, r, err)
			return true
		}
		control := web.PublicCache
		if auth.CallerFrom(ctx).Subject != "" {
			control, text = web.PrivateCache, "secret of "+auth.CallerFrom(ctx).Subject
		}
		web.SendJSON(w, r, fmt.Sprintf(`"%d.x"`, n), control, []byte(text))
		return true
	}), func(context.Context, *in) (*out, error) { return nil, errors.New("never asked") })
	if s.log == nil {
		s.log = zap.NewNop()
	}
	handler, err := web.Edge{Log: s.log, RequestTimeout: 10 * time.Second, CacheBytes: 1 << 20, KeepFor: time.Minute}.Handler(api)
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

type reply struct {
	status int
	header http.Header
	body   string
}

func ask(t testing.TB, server *httptest.Server, method, path string, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, server.URL+path, nil)
	require.NoError(t, err)
	req.Header.Set("Accept-Encoding", "identity")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := server.Client().Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return reply{res.StatusCode, res.Header, string(b)}
}

func TestManyWhoAskAtOnceCostOneRead(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := &shelf{read: func(context.Context, int64, string) (string, error) {
		<-release
		return `"long enough"`, nil
	}}
	server := s.start(t)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got := ask(t, server, "GET", "/v1/things/a"); got.body != `"long enough"` || got.header.Get("Etag") != `"1.x"` {
				t.Errorf("%+v", got)
			}
		})
	}
	require.Eventually(t, func() bool { return s.reads.Load() == 1 }, 5*time.Second, time.Millisecond)
	close(release)
	all.Wait()
	require.EqualValues(t, 1, s.reads.Load())
}

func TestACallerWhoLeavesSpoilsNothingForThoseWhoWait(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}), make(chan struct{})
	s := &shelf{read: func(ctx context.Context, n int64, _ string) (string, error) {
		if n == 1 {
			close(begun)
		}
		<-release
		return "1", ctx.Err()
	}}
	server := s.start(t)
	ctx, leave := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/v1/things/a", nil)
	require.NoError(t, err)
	gone := make(chan error, 1)
	go func() {
		res, err := server.Client().Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		gone <- err
	}()
	<-begun
	leave()
	require.Error(t, <-gone)
	close(release)
	got := ask(t, server, "GET", "/v1/things/a")
	require.Equal(t, 200, got.status)
	require.Equal(t, `"1.x"`, got.header.Get("Etag"), "what was read for the one who left")
}

func TestWhatATokenShowsIsNeverKeptNorGivenToOthers(t *testing.T) {
	t.Parallel()
	s := &shelf{read: func(context.Context, int64, string) (string, error) { return `"public"`, nil }}
	server := s.start(t)
	for range 2 {
		require.Equal(t, "secret of ann", ask(t, server, "GET", "/v1/things/a", "Authorization", "Bearer ann").body)
		require.Equal(t, `"public"`, ask(t, server, "GET", "/v1/things/a").body)
		require.Equal(t, "secret of bob", ask(t, server, "GET", "/v1/things/a", "Authorization", "Bearer bob").body)
	}
	require.EqualValues(t, 5, s.reads.Load(), "one for the public, one for each who has a token")
}

func TestEachAddressHasItsOwnAnswer(t *testing.T) {
	t.Parallel()
	s := &shelf{read: func(_ context.Context, n int64, name string) (string, error) { return fmt.Sprint(name, n), nil }}
	server := s.start(t)
	require.Equal(t, "a1", ask(t, server, "GET", "/v1/things/a").body)
	require.Equal(t, "b2", ask(t, server, "GET", "/v1/things/b").body)
	require.Equal(t, "a3", ask(t, server, "GET", "/v1/things/a?page=2").body)
	require.Equal(t, 422, ask(t, server, "GET", "/v1/things/a?colour=red").status)
	require.Equal(t, 406, ask(t, server, "GET", "/v1/things/a", "Accept", "text/html").status)
	require.Equal(t, 422, ask(t, server, "GET", "/v1/things/a", "If-None-Match", "\xff").status)
	require.Equal(t, "a1", ask(t, server, "GET", "/v1/things/a", "Accept", "text/html, application/*;q=0.5").body)
}

func TestAKeptAnswerIsNegotiatedLikeAFreshOne(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long ", 1000)
	s := &shelf{read: func(context.Context, int64, string) (string, error) { return long, nil }}
	server := s.start(t)
	for range 2 {
		whole := ask(t, server, "GET", "/v1/things/a", "Origin", "https://x.example", "X-Request-Id", "mine")
		require.Equal(t, long, whole.body)
		require.Equal(t, "mine", whole.header.Get("X-Request-Id"))
		require.Equal(t, []string{"Origin", "Accept-Encoding", "Authorization"}, whole.header.Values("Vary"))
		require.Equal(t, web.PublicCache, whole.header.Get("Cache-Control"))
		for _, tag := range []string{`"1.x"`, `W/"1.x-gzip"`, `"no", "1.x"`, "*"} {
			same := ask(t, server, "GET", "/v1/things/a", "If-None-Match", tag)
			require.Equal(t, 304, same.status, tag)
			require.Empty(t, same.body)
			require.Equal(t, `"1.x"`, same.header.Get("Etag"))
		}
		head := ask(t, server, "HEAD", "/v1/things/a")
		require.Equal(t, "5000", head.header.Get("Content-Length"))
		require.Empty(t, head.body)
		zipped := ask(t, server, "GET", "/v1/things/a", "Accept-Encoding", "br, gzip;q=0.8")
		require.Equal(t, "gzip", zipped.header.Get("Content-Encoding"))
		require.Equal(t, `"1.x-gzip"`, zipped.header.Get("Etag"))
		z, err := gzip.NewReader(strings.NewReader(zipped.body))
		require.NoError(t, err)
		b, err := io.ReadAll(z)
		require.NoError(t, err)
		require.Equal(t, long, string(b))
		require.Equal(t, long, ask(t, server, "GET", "/v1/things/a", "Accept-Encoding", "gzip;q=0").body)
	}
	require.EqualValues(t, 1, s.reads.Load())
	first := ask(t, server, "GET", "/v1/things/b", "Accept-Encoding", "gzip")
	second := ask(t, server, "GET", "/v1/things/b", "Accept-Encoding", "gzip")
	require.Equal(t, first.body, second.body)
	for _, name := range []string{"Content-Encoding", "Content-Length", "Etag", "Vary", "Content-Type", "Cache-Control"} {
		require.Equal(t, first.header.Values(name), second.header.Values(name), name)
	}
	require.Equal(t, "gzip", first.header.Get("Content-Encoding"))
}

func TestAMissingThingIsKeptAndToldEachCallerUnderTheirOwnRequestID(t *testing.T) {
	t.Parallel()
	s := &shelf{read: func(_ context.Context, _ int64, name string) (string, error) {
		switch name {
		case "gone":
			return "", fault.Deleted("it is gone")
		case "moved":
			return "", web.Elsewhere("/v1/things/b")
		}
		return "", fault.Missing("there is none")
	}}
	server := s.start(t)
	for _, id := range []string{"first", "second-who-asks"} {
		for name, status := range map[string]int{"none": 404, "gone": 410, "moved": 308} {
			server.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			got := ask(t, server, "GET", "/v1/things/"+name, "X-Request-Id", id)
			require.Equal(t, status, got.status)
			require.Contains(t, got.body, `"instance":"`+id+`"`)
			require.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
		}
	}
	require.EqualValues(t, 3, s.reads.Load())
}

func TestAFailureIsNotKept(t *testing.T) {
	t.Parallel()
	s := &shelf{read: func(_ context.Context, n int64, _ string) (string, error) {
		switch n {
		case 1:
			return "", errors.New("broken")
		case 2:
			panic("broken")
		}
		return "whole", nil
	}}
	server := s.start(t)
	require.Equal(t, 500, ask(t, server, "GET", "/v1/things/a").status)
	require.Equal(t, 500, ask(t, server, "GET", "/v1/things/a").status)
	require.Equal(t, "whole", ask(t, server, "GET", "/v1/things/a").body)
}

func TestAKeptAnswerHasItsLineInTheLogToo(t *testing.T) {
	t.Parallel()
	core, lines := observer.New(zap.DebugLevel)
	s := &shelf{read: func(context.Context, int64, string) (string, error) { return "x", nil }, log: zap.New(core)}
	server := s.start(t)
	for _, id := range []string{"one", "two", "three"} {
		ask(t, server, "GET", "/v1/things/a", "X-Request-Id", id, "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	}
	server.Close()
	require.EqualValues(t, 1, s.reads.Load())
	require.Equal(t, 3, lines.Len())
	for i, id := range []string{"one", "two", "three"} {
		told := lines.All()[i].ContextMap()
		require.Equal(t, id, told["request_id"])
		require.Equal(t, "/v1/things/{name}", told["route"])
		require.EqualValues(t, 200, told["status"])
		require.Equal(t, "0af7651916cd43dd8448eb211c80319c", told["trace_id"])
	}
}

func TestKeptAnswersCountForTheRateLimit(t *testing.T) {
	t.Parallel()
	var left atomic.Int64
	left.Store(3)
	s := &shelf{read: func(context.Context, int64, string) (string, error) { return "x", nil }, admit: func() bool { return left.Add(-1) >= 0 }}
	server := s.start(t)
	for range 3 {
		require.Equal(t, 200, ask(t, server, "GET", "/v1/things/a").status)
	}
	got := ask(t, server, "GET", "/v1/things/a")
	require.Equal(t, 429, got.status)
	require.NotEmpty(t, got.header.Get("Retry-After"))
}
