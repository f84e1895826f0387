package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// Quickly lets answer, which is asked first once it is known who calls, give the
// operation's usual answer without what huma does for every case. It returns
// false when this is not the usual case: then the operation runs as ever, so
// answer must have sent nothing.
func Quickly(op huma.Operation, answer func(context.Context, http.ResponseWriter, *http.Request) bool) huma.Operation {
	op.Middlewares = append(op.Middlewares, func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		if len(strayParameters(ctx.Context())) > 0 || !answer(ctx.Context(), w, r) {
			next(ctx)
		}
	})
	return op
}

// SendJSON answers with a representation that is ready to be sent, or with a 304
// when the caller has it. The body must not be
// changed afterwards.
func SendJSON(w http.ResponseWriter, r *http.Request, etag, cacheControl string, body []byte) {
	h := w.Header()
	h["Etag"] = []string{etag}
	h["Cache-Control"] = []string{cacheControl}
	if sent := r.Header.Get("If-None-Match"); sent != "" && NotModified(sent, etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if k, keeps := w.(*keeper); keeps {
		h["Content-Type"] = []string{"application/json"}
		k.adopt(body)
		return
	}
	sendBody(w, body)
}

// SendOnce answers with what holds for this request alone.
func SendOnce(w http.ResponseWriter, body []byte) {
	w.Header()["Cache-Control"] = []string{"no-store"}
	sendBody(w, body)
}

func sendBody(w http.ResponseWriter, body []byte) {
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	_, _ = w.Write(body)
}

const (
	// smallBody is more than what is usually sent to an operation with Quickly.
	smallBody = 64 << 10
	// bodyTimeout is how long a body may take to come, as with huma.
	bodyTimeout = 5 * time.Second
)

// SmallBody reads a request's body whose length is known and small, as most
// are. Whether it does or not, the body can be read afterwards as if it had
// never been read.
func SmallBody(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	if r.ContentLength <= 0 || r.ContentLength > smallBody {
		return nil, false
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	// One more byte than there can be, to see the end: see timedBody.
	b := make([]byte, r.ContentLength+1)
	n := 0
	var err error
	for n < len(b) && err == nil {
		var more int
		more, err = r.Body.Read(b[n:])
		n += more
	}
	b = b[:n]
	rest := io.Reader(r.Body)
	if err != nil {
		rest = failing{err} // net/http would not say it again
	}
	r.Body = again{Reader: io.MultiReader(bytes.NewReader(b), rest), Closer: r.Body}
	return b, errors.Is(err, io.EOF) && int64(n) == r.ContentLength
}

type again struct {
	io.Reader
	io.Closer
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Elsewhere is the answer to an address that has moved for good.
func Elsewhere(location string) error {
	p := newProblem(http.StatusPermanentRedirect, "moved", "it is at "+location+" now")
	p.location = location
	return p
}
