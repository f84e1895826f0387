package service_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/service"
	"github.com/mallhive/product-service/shared/service/servicetest"
	"github.com/mallhive/product-service/shared/web"
)

// bounded is a function with an operation for each way to be used up.
func bounded(t *testing.T, c service.Config, flooded chan<- error) *servicetest.Server {
	t.Helper()
	return servicetest.Start(t, "catalog", &config{Config: c}, func(_ context.Context, _ *config, s *service.Service) error {
		op := func(method, path string) huma.Operation {
			return huma.Operation{OperationID: method + path, Method: method, Path: path, Summary: "test", Security: web.Public()}
		}
		web.Register(s.API, op("PUT", "/v1/things/{ref}"), func(_ context.Context, in *putThing) (*thingReply, error) {
			return &thingReply{Body: in.Body}, nil
		})
		web.Register(s.API, op("GET", "/v1/slow"), func(ctx context.Context, _ *struct{}) (*thingReply, error) {
			return &thingReply{}, s.DB.QueryRow(ctx, `select pg_sleep(0.02)::text`).Scan(new(string))
		})
		s.API.Handle(op("PUT", "/v1/raw"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := web.ReadBody(w, r, 1000); err != nil {
				web.WriteProblem(w, r, err)
			}
		}))
		s.API.Handle(op("GET", "/v1/flood"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			piece := bytes.Repeat([]byte("x"), 1<<20)
			for {
				if _, err := w.Write(piece); err != nil {
					flooded <- err
					return
				}
			}
		}))
		return nil
	})
}

func dial(t *testing.T, s *servicetest.Server, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, text)
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(40*time.Second)))
	return conn
}

func TestAClientThatSendsSlowlyIsLetGo(t *testing.T) {
	t.Parallel()
	s := bounded(t, service.Config{RequestTimeout: 300 * time.Millisecond}, nil)
	t.Run("headers that never end", func(t *testing.T) {
		t.Parallel()
		conn := dial(t, s, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ")
		answer, err := io.ReadAll(conn)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the connection stays open")
		require.True(t, len(answer) == 0 || bytes.Contains(answer, []byte(" 408 ")), "%s", answer)
	})
	t.Run("a body that never ends", func(t *testing.T) {
		t.Parallel()
		conn := dial(t, s, "PUT /v1/things/a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
		answer, err := io.ReadAll(conn)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the connection stays open")
		require.Contains(t, string(answer), " 408 ")
		require.Contains(t, string(answer), "application/problem+json")
	})
	t.Run("a body that never ends, read by a plain handler", func(t *testing.T) {
		t.Parallel()
		conn := dial(t, s, "PUT /v1/raw HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
		answer, err := io.ReadAll(conn)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the connection stays open")
		require.Contains(t, string(answer), " 408 ")
		require.Contains(t, string(answer), "application/problem+json")
	})
	t.Run("a body in chunks that never ends", func(t *testing.T) {
		t.Parallel()
		conn := dial(t, s, "PUT /v1/things/a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")
		answer, err := io.ReadAll(conn)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the connection stays open")
		require.Contains(t, string(answer), " 408 ")
	})
}

func TestAClientThatReadsNothingIsLetGo(t *testing.T) {
	t.Parallel()
	flooded := make(chan error, 1)
	s := bounded(t, service.Config{RequestTimeout: 300 * time.Millisecond}, flooded)
	dial(t, s, "GET /v1/flood HTTP/1.1\r\nHost: x\r\n\r\n")
	select {
	case err := <-flooded:
		require.Error(t, err)
	case <-time.After(40 * time.Second):
		require.Fail(t, "the handler writes for ever")
	}
}

func TestRequestsBeyondAnyUseAreRefusedInFewBytes(t *testing.T) {
	t.Parallel()
	s := bounded(t, service.Config{}, nil)
	huge := s.Do(t, "GET", "/healthz", nil, servicetest.Header{Name: "X-A", Value: strings.Repeat("a", 64<<10)})
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, huge.Status)
	require.Equal(t, 200, s.Do(t, "GET", "/healthz", nil, servicetest.Header{Name: "X-A", Value: strings.Repeat("a", 16<<10)}).Status)
	for name, request := range map[string]string{
		"no such version": "GET / HTTP/9.9\r\n\r\n", "no host": "GET /healthz HTTP/1.1\r\n\r\n", "not HTTP": "\x16\x03\x01\x00\x00", "two lengths": "PUT /v1/things/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
		"length and chunks": "PUT /v1/things/a HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "bad escape": "GET /v1/%zz HTTP/1.1\r\nHost: x\r\n\r\n",
		"NUL in a header": "GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n", "many headers": "GET /healthz HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: b\r\n", 20_000) + "\r\n",
		"path above the root": "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
	} {
		conn := dial(t, s, request)
		_ = conn.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(conn)
		require.Regexp(t, `^HTTP/1.1 (4|3|505)`, string(answer[:min(len(answer), 100)]), name)
		require.Less(t, len(answer), 2000, name)
	}
}

func TestInputThatGrowsWhenItIsReadIsCutOff(t *testing.T) { // not parallel: it measures memory
	s := bounded(t, service.Config{}, nil)
	bomb := servicetest.Bomb(t, 192<<20)
	fields := []byte("{" + strings.Repeat(`"x":1,`, 100_000) + `"y":1}`)
	deep := []byte(`{"name":` + strings.Repeat("[", 500_000) + "}")
	for name, c := range map[string]struct {
		body     []byte
		encoding string
		statuses []int
	}{
		"a gzip bomb": {bomb, "gzip", []int{413}}, "a bomb in a bomb": {gzipped(t, bomb), "gzip", []int{400, 413, 422}},
		"100,000 fields": {fields, "", []int{422}}, "500,000 levels": {deep, "", []int{400, 422}},
		"cut gzip": {bomb[:len(bomb)/2], "gzip", []int{400, 413}}, "gzip that is none": {[]byte("{}"), "gzip", []int{400}},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		a := s.Do(t, "PUT", "/v1/things/a", c.body, servicetest.Header{Name: "Content-Encoding", Value: c.encoding})
		runtime.ReadMemStats(&after)
		require.Contains(t, c.statuses, a.Status, "%s: %s", name, a.Body)
		require.Empty(t, servicetest.Unclear(a), name)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(150<<20), name)
	}
}

func TestThousandsOfIdleConnectionsCostLittleAndStopNobody(t *testing.T) { // not parallel: it measures memory
	s := bounded(t, service.Config{}, nil)
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	// Both ends are in this process, and others need some.
	n := int(min(10_000, limit.Cur/2-min(limit.Cur/2, 1000)))
	t.Logf("%d connections (of 10,000; this process may have %d files)", n, limit.Cur)
	conns := make([]net.Conn, n)
	defer func() {
		for _, c := range conns {
			if c != nil {
				_ = c.Close()
			}
		}
	}()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range conns {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		require.NoError(t, err)
		conns[i] = c
	}
	// The last is accepted when it is answered, and so are those before it.
	_, err := io.WriteString(conns[n-1], "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	_, err = conns[n-1].Read(make([]byte, 1))
	require.NoError(t, err)
	for range 20 {
		require.Equal(t, 200, s.Do(t, "PUT", "/v1/things/a", `{"name":"ok"}`).Status)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Less(t, int64(after.HeapInuse+after.StackInuse)-int64(before.HeapInuse+before.StackInuse), int64(n)*(32<<10), "at most 32 KiB each, both ends")
}

func TestMoreRequestsThanConnectionsWaitAndOnlyThenAreShed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		timeout time.Duration
		shed    bool
	}{"time enough": {15 * time.Second, false}, "too little time": {500 * time.Millisecond, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := bounded(t, service.Config{DatabaseMaxConns: 2, RequestTimeout: c.timeout}, nil)
			answers := make([]servicetest.Answer, 400)
			var all sync.WaitGroup
			for i := range answers {
				all.Go(func() { answers[i] = s.Do(t, "GET", "/v1/slow", nil) })
			}
			all.Wait()
			counts := map[int]int{}
			for _, a := range answers {
				counts[a.Status]++
				if a.Status == http.StatusServiceUnavailable {
					require.NotEmpty(t, a.Header.Get("Retry-After"))
					require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
				}
			}
			require.Equal(t, len(answers), counts[200]+counts[503], "%v", counts)
			require.Positive(t, counts[200], "%v", counts)
			if !c.shed {
				require.Equal(t, len(answers), counts[200], fmt.Sprint(counts))
			} else {
				require.Positive(t, counts[503], "%v", counts)
			}
			require.Eventually(t, func() bool { return s.Do(t, "GET", "/v1/slow", nil).Status == 200 }, 20*time.Second, 10*time.Millisecond)
		})
	}
}
