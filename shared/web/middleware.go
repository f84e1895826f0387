package web

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/rs/cors"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
)

// Edge is what every request of a function passes through.
type Edge struct {
	Log            *zap.Logger
	AllowedOrigins []string
	RequestTimeout time.Duration
	// CacheBytes bounds what is kept of public answers; 0 keeps none.
	CacheBytes int
	// KeepFor is for how long, if not for KeepFor.
	KeepFor time.Duration
}

// Handler puts the edge before an API: identity and log line outermost, then
// panics, CORS, kept answers, compression, time limits, unknown paths.
func (e Edge) Handler(a *API) (http.Handler, error) {
	compress, err := gzhttp.NewWrapper(
		gzhttp.SuffixETag("-gzip"),
		gzhttp.ContentTypes([]string{"application/json", "application/problem+json", "application/openapi+json", "application/schema+json", "application/vnd.aai.asyncapi+json", "application/x-ndjson", "text/csv", "text/tab-separated-values"}),
	)
	if err != nil {
		return nil, fmt.Errorf("compression: %w", err)
	}
	cross := cors.New(cors.Options{
		AllowedOrigins: e.AllowedOrigins,
		AllowedMethods: []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
		AllowedHeaders: []string{"Authorization", "Content-Type", "Content-Encoding", "If-Match", "If-None-Match", "Idempotency-Key", "X-Request-Id", "Traceparent", "Ce-*"},
		ExposedHeaders: []string{"ETag", "Link", "Location", "Retry-After", "X-Request-Id", "Traceparent"},
		MaxAge:         3600,
	})
	h := gunzip(e.limitTime(knownPaths(a.mux)))
	if e.CacheBytes > 0 {
		kept := newCache(noPanic(h), compress, e, a.admit)
		if err := kept.asked.measure(otel.Meter(MeterName)); err != nil {
			return nil, err
		}
		h = kept
	} else {
		h = compress(h)
	}
	h = cross.Handler(h)
	h = noPanic(h)
	return e.logged(h), nil
}

// logged writes one line for each request, at the edge, with all that finds it
// again.
func (e Edge) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		seen := r // by telemetry, which names what it measures by the pattern
		r, s := identify(w, r)
		rec := &recorder{ResponseWriter: w}
		next.ServeHTTP(rec, r)
		if s.route != "" {
			seen.Pattern = seen.Method + " " + s.route
		}
		quiet := s.route == "/healthz" || s.route == "/readyz"
		level := zap.InfoLevel
		switch {
		case rec.status >= 500 && r.Context().Err() == nil: // else nobody hears it
			level = zap.ErrorLevel
		case quiet || rec.status < 400:
			level = zap.DebugLevel
		}
		line := e.Log.Check(level, "request")
		if line == nil {
			return
		}
		fields := []zap.Field{
			zap.String("method", r.Method), zap.String("route", s.route), zap.String("path", clip(r.URL.Path)),
			zap.Int("status", rec.status), zap.Duration("took", time.Since(start)), zap.Int64("bytes", rec.bytes),
			zap.String("request_id", s.id),
		}
		if sc := trace.SpanContextFromContext(r.Context()); sc.IsValid() {
			fields = append(fields, zap.String("trace_id", sc.TraceID().String()), zap.String("span_id", sc.SpanID().String()))
		}
		if s.order != "" {
			fields = append(fields, zap.String("order_id", clip(s.order)))
		}
		if s.sku != "" {
			fields = append(fields, zap.String("sku", clip(s.sku)))
		}
		if s.caller != "" {
			fields = append(fields, zap.String("caller", s.caller))
		}
		if s.err != nil {
			fields = append(fields, zap.String("error", s.err.Error()))
		}
		line.Write(fields...)
	})
}

func clip(s string) string {
	if len(s) > 256 {
		return s[:256] + "…"
	}
	return s
}

type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Flush lets streams through middleware that asks for an http.Flusher.
func (r *recorder) Flush() { _ = http.NewResponseController(r.ResponseWriter).Flush() }

// noPanic answers a panic with a 500 that carries the request id; the process
// lives on. A handler that wants the connection cut says http.ErrAbortHandler.
func noPanic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch what := recover(); what {
			case nil:
			case http.ErrAbortHandler: // net/http cuts the connection
				panic(what)
			default:
				WriteProblem(w, r, fmt.Errorf("panic: %v\n%s", what, debug.Stack()))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// limitTime gives a request REQUEST_TIMEOUT to be read, worked on and
// answered. Streams move their own deadlines on.
func (e Edge) limitTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		deadline := start.Add(e.RequestTimeout)
		c := http.NewResponseController(w)
		if r.Body != http.NoBody {
			_ = c.SetReadDeadline(deadline)
		}
		r.Body = &timedBody{ReadCloser: r.Body, control: c}
		// Later than the work's deadline: the answer to a timeout must get out.
		_ = c.SetWriteDeadline(start.Add(e.sending()))
		ctx, cancel := context.WithDeadline(r.Context(), deadline)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// sending is how long it may take until an answer is sent.
func (e Edge) sending() time.Duration { return e.RequestTimeout + 5*time.Second }

// timedBody takes the read deadline away when all is read, whoever set it. From
// then on net/http listens for the caller's leaving: a deadline that passes
// meanwhile would be taken for that, and would cancel this request and each
// later one on the connection.
type timedBody struct {
	io.ReadCloser
	control *http.ResponseController
	ended   bool
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) && !b.ended {
		b.ended = true
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// gunzip reads compressed bodies; limits downstream count what comes out.
func gunzip(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch strings.ToLower(r.Header.Get("Content-Encoding")) {
		case "", "identity":
		case "gzip":
			r.Body = &gzipBody{body: r.Body}
			r.Header.Del("Content-Encoding")
			r.ContentLength = -1
		default:
			WriteProblem(w, r, newProblem(http.StatusUnsupportedMediaType, "unsupported_encoding", "Content-Encoding may be gzip"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// gzipBody opens the stream at the first read, when a 400 can still be given.
type gzipBody struct {
	body io.ReadCloser
	zip  *gzip.Reader
	err  error
}

func (g *gzipBody) Read(p []byte) (int, error) {
	if g.zip == nil && g.err == nil {
		g.zip, g.err = gzip.NewReader(g.body)
	}
	if g.err != nil {
		return 0, fmt.Errorf("body is not gzip: %w", g.err)
	}
	return g.zip.Read(p)
}

func (g *gzipBody) Close() error { return g.body.Close() }

// knownPaths answers ServeMux's own 404 and 405 with problems.
func knownPaths(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		probe := &statusOnly{header: http.Header{}}
		h.ServeHTTP(probe, r)
		switch probe.status {
		case http.StatusMethodNotAllowed:
			w.Header().Set("Allow", probe.header.Get("Allow"))
			WriteProblem(w, r, newProblem(http.StatusMethodNotAllowed, "method_not_allowed", "this path takes "+probe.header.Get("Allow")))
		default:
			WriteProblem(w, r, newProblem(http.StatusNotFound, "no_such_path", "this service has no such path"))
		}
	})
}

type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header { return s.header }
func (s *statusOnly) WriteHeader(code int) {
	if s.status == 0 {
		s.status = code
	}
}

func (s *statusOnly) Write(b []byte) (int, error) {
	s.WriteHeader(http.StatusOK)
	return len(b), nil
}

// ReadBody reads at most limit bytes of a request's body; more is a 413.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, newProblem(http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("the body may have %d bytes", limit))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, newProblem(http.StatusRequestTimeout, codeOf(http.StatusRequestTimeout), "the body took too long to come")
	}
	if err != nil {
		p := newProblem(http.StatusBadRequest, "malformed", "the body cannot be read")
		p.cause = err
		return nil, p
	}
	return b, nil
}
