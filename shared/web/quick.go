package web

import (
	"context"
	"net/http"
	"strconv"

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
	h["Content-Type"] = []string{"application/json"}
	if k, keeps := w.(*keeper); keeps {
		k.adopt(body)
		return
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	_, _ = w.Write(body)
}

// Elsewhere is the answer to an address that has moved for good.
func Elsewhere(location string) error {
	p := newProblem(http.StatusPermanentRedirect, "moved", "it is at "+location+" now")
	p.location = location
	return p
}
