package web

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
)

// answer is a kept one. It is never changed.
type answer struct {
	began  time.Time // before what it says was read
	status int
	header http.Header
	body   []byte
	// Where the request id of the caller it was read for stands in the body of a
	// problem; each caller gets their own.
	idFrom, idTo int
	route        string
	err          error
	asked        atomic.Int32
	zip          sync.Once
	zipped       []byte
}

// minZipped is the least that is worth to be compressed.
const minZipped = 1024

// fresh judges by the clock of the wall too: that of the process stands still
// while its machine sleeps.
func (c *cache) fresh(a *answer) bool {
	if a == nil {
		return false
	}
	now := time.Now()
	wall := now.UnixNano() - a.began.UnixNano()
	return now.Sub(a.began) < c.keepFor && wall >= 0 && wall < int64(c.keepFor)
}

func (a *answer) size() int { return len(a.body)*3/2 + 1024 }

func (c *cache) zipped(a *answer) []byte {
	a.zip.Do(func() {
		var b bytes.Buffer
		z, _ := c.zippers.Get().(*gzip.Writer)
		defer c.zippers.Put(z)
		z.Reset(&b)
		_, _ = z.Write(a.body)
		_ = z.Close()
		a.zipped = b.Bytes()
	})
	return a.zipped
}

// give answers with what is kept, as a public request that is counted.
func (c *cache) give(w http.ResponseWriter, r *http.Request, a *answer) {
	s := stateOf(r.Context())
	s.route, s.err = a.route, a.err
	h := w.Header()
	h["Vary"] = append(h["Vary"], "Accept-Encoding")
	if !c.admit() {
		h.Add("Vary", "Authorization")
		WriteProblem(w, r, tooMany())
		return
	}
	c.send(w, r, a)
}

func (c *cache) send(w http.ResponseWriter, r *http.Request, a *answer) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(c.sending))
	h := w.Header()
	vary := h["Vary"]
	maps.Copy(h, a.header)
	h["Vary"] = append(vary, a.header["Vary"]...)
	if a.status == http.StatusOK && len(a.header["Etag"]) == 1 {
		if sent := r.Header["If-None-Match"]; len(sent) > 0 && NotModified(strings.Join(sent, ","), a.header["Etag"][0]) {
			delete(h, "Content-Type")
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	body := a.body
	switch {
	case a.idTo > 0:
		body = append(append(bytes.Clone(a.body[:a.idFrom]), RequestID(r.Context())...), a.body[a.idTo:]...)
	case len(body) >= minZipped && takesGzip(r.Header["Accept-Encoding"]):
		body = c.zipped(a)
		h["Content-Encoding"] = []string{"gzip"}
		if tag := a.header["Etag"]; len(tag) == 1 {
			h["Etag"] = []string{strings.TrimSuffix(tag[0], `"`) + `-gzip"`}
		}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// takesGzip reads Accept-Encoding: gzip named and not refused.
func takesGzip(accept []string) bool {
	for _, line := range accept {
		for part := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(part, ";")
			if name = strings.TrimSpace(name); name == "gzip" || name == "*" {
				q, _ := strings.CutPrefix(strings.TrimSpace(params), "q=")
				weight, err := strconv.ParseFloat(q, 64)
				return q == "" || err == nil && weight > 0
			}
		}
	}
	return false
}

// keeper takes an answer that may be kept, and lets any other pass.
type keeper struct {
	w      http.ResponseWriter
	header http.Header
	status int
	passed bool
	body   []byte
}

func (k *keeper) Header() http.Header { return k.header }

func (k *keeper) WriteHeader(status int) {
	if k.status != 0 {
		return
	}
	if status < 200 {
		return
	}
	k.status = status
	if k.passed = !keepable(status, k.header); k.passed {
		h := k.w.Header()
		vary := h["Vary"]
		maps.Copy(h, k.header)
		h["Vary"] = append(vary, k.header["Vary"]...)
		k.w.WriteHeader(status)
	}
}

func (k *keeper) Write(b []byte) (int, error) {
	k.WriteHeader(http.StatusOK)
	if k.passed {
		return k.w.Write(b)
	}
	k.body = append(k.body, b...)
	return len(b), nil
}

// adopt takes a whole body that nobody changes any more.
func (k *keeper) adopt(body []byte) {
	k.WriteHeader(http.StatusOK)
	if k.passed || k.body != nil {
		_, _ = k.Write(body)
		return
	}
	k.body = body
}

// Flush sends what passes; what is kept is sent as a whole.
func (k *keeper) Flush() {
	if k.passed {
		_ = http.NewResponseController(k.w).Flush()
	}
}

func (k *keeper) Unwrap() http.ResponseWriter { return k.w }

// keepable says that an answer to a request without a token is everybody's.
func keepable(status int, h http.Header) bool {
	switch status {
	case http.StatusOK, http.StatusPermanentRedirect:
		control := h["Cache-Control"]
		return len(control) == 1 && control[0] == PublicCache && h["Set-Cookie"] == nil
	case http.StatusNotFound, http.StatusGone:
		return true
	}
	return false
}

// answer is what was taken; nil when it is none to keep.
func (k *keeper) answer(ctx context.Context, began time.Time) *answer {
	if k.status == 0 || k.passed {
		return nil
	}
	s := stateOf(ctx)
	a := &answer{began: began, status: k.status, header: k.header, body: k.body, route: s.route, err: s.err}
	delete(a.header, "Content-Length")
	if a.status != http.StatusOK {
		name := []byte(`"instance":"`)
		if at := bytes.Index(a.body, append(name, s.id+`"`...)); at >= 0 {
			a.idFrom = at + len(name)
			a.idTo = a.idFrom + len(s.id)
		}
	}
	return a
}

// nowhere takes what nobody waits for.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) WriteHeader(int)             {}
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
