package web

import (
	"context"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/mallhive/product-service/shared/auth"
	"github.com/mallhive/product-service/shared/fault"
)

// guard runs before an operation of huma reads its input: who calls, may they,
// can the answer be in a form they take, which parameters nobody declared.
func (a *API) guard(ctx huma.Context, next func(huma.Context)) {
	op := ctx.Operation()
	r, w := humago.Unwrap(ctx)
	stateOf(r.Context()).at(op.Path, r)
	keepPrivate(w.Header(), op)
	authorized, err := a.authorize(r, op)
	if err != nil {
		WriteProblem(w, r, err)
		return
	}
	if err := acceptable(r, op); err != nil {
		WriteProblem(w, r, err)
		return
	}
	if err := readable(r, op); err != nil {
		WriteProblem(w, r, err)
		return
	}
	if err := readableQuery(r); err != nil {
		WriteProblem(w, r, err)
		return
	}
	state := stateOf(r.Context())
	state.stray = stray(r, op)
	r.Body = &watchedBody{ReadCloser: r.Body, state: state}
	next(huma.WithContext(ctx, authorized))
}

// keepPrivate tells caches that answers depend on who asks, and that what needs
// a token is nobody else's; an operation may say more.
func keepPrivate(h http.Header, op *huma.Operation) {
	h.Add("Vary", "Authorization")
	if !isPublic(op) {
		h.Set("Cache-Control", PrivateCache)
	}
}

func isPublic(op *huma.Operation) bool {
	return slices.ContainsFunc(op.Security, func(m map[string][]string) bool { return len(m) == 0 })
}

// authorize applies the operation's security to the request.
func (a *API) authorize(r *http.Request, op *huma.Operation) (context.Context, error) {
	ctx := r.Context()
	public := isPublic(op)
	if public && !stateOf(ctx).admitted && !a.admit() {
		return ctx, tooMany()
	}
	token, err := auth.Bearer(r)
	if err != nil {
		return ctx, err
	}
	if token == "" {
		if public {
			return ctx, nil
		}
		return ctx, fault.New(fault.Unauthenticated, "token_required", "this operation needs a bearer token")
	}
	if a.auth == nil {
		return ctx, fault.New(fault.Unauthenticated, "invalid_token", "no issuer is configured whose tokens would be accepted")
	}
	caller, err := a.auth.Verify(ctx, token)
	if err != nil {
		return ctx, err
	}
	stateOf(ctx).caller = caller.Subject
	ctx = auth.WithCaller(ctx, caller)
	if public {
		return ctx, nil
	}
	var needed []string
	for _, requirement := range op.Security {
		for _, scope := range requirement[bearer] {
			if caller.Has(scope) {
				return ctx, nil
			}
			needed = append(needed, scope)
		}
	}
	return ctx, fault.New(fault.Denied, "scope_required", "this operation needs the scope %s", strings.Join(needed, " or "))
}

func tooMany() error {
	return newProblem(http.StatusTooManyRequests, "rate_limited", "this instance answers no more requests this second")
}

// stray finds query parameters that the operation does not declare, and
// parameters that are not text.
func stray(r *http.Request, op *huma.Operation) []fault.Field {
	unknown := unstorable(r, op)
	if r.URL.RawQuery == "" {
		return unknown
	}
	prefix, _ := op.Metadata[queryPrefix].(string)
	for name, values := range r.URL.Query() {
		declared := slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.In == "query" && p.Name == name })
		if declared || prefix != "" && strings.HasPrefix(name, prefix) {
			if !storable(name + strings.Join(values, "")) {
				unknown = append(unknown, fault.Field{Pointer: "/" + parameterName(name), In: "query", Code: "format", Detail: noText})
			}
			continue
		}
		unknown = append(unknown, fault.Field{
			Pointer: "/" + parameterName(name), In: "query", Code: "unknown_parameter", Detail: "this operation has no such parameter",
		})
	}
	sort.Slice(unknown, func(i, j int) bool { return unknown[i].Pointer < unknown[j].Pointer })
	return unknown
}

// readableQuery refuses a query that net/url would read in part and in silence.
func readableQuery(r *http.Request) error {
	if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {
		return fault.New(fault.Malformed, "malformed_query", "the query is not a form: names and values are percent-encoded and joined by &")
	}
	return nil
}

// parameterName is a name as a caller may see it again: not whole when it is long.
func parameterName(name string) string {
	if len(name) > 64 {
		name = name[:64]
	}
	return escape(strings.ToValidUTF8(name, "\ufffd"))
}

// readable refuses a body in a form the operation does not take.
func readable(r *http.Request, op *huma.Operation) error {
	sent := r.Header.Get("Content-Type")
	if op.RequestBody == nil || sent == "" {
		return nil
	}
	form, _, err := mime.ParseMediaType(sent)
	if err == nil {
		if _, ok := op.RequestBody.Content[form]; ok {
			return nil
		}
	}
	forms := make([]string, 0, len(op.RequestBody.Content))
	for f := range op.RequestBody.Content {
		forms = append(forms, f)
	}
	sort.Strings(forms)
	return newProblem(http.StatusUnsupportedMediaType, "unsupported_media_type", "the body may be "+strings.Join(forms, " or "))
}

// acceptable refuses a request whose Accept header has no form of the answer.
func acceptable(r *http.Request, op *huma.Operation) error {
	accept := r.Header.Values("Accept")
	if takesJSON(accept) {
		return nil
	}
	forms := []string{"application/json"}
	for _, res := range op.Responses {
		for form := range res.Content {
			forms = append(forms, form)
		}
	}
	if accepts(accept, forms) {
		return nil
	}
	return newProblem(http.StatusNotAcceptable, "not_acceptable", "the answer is application/json")
}

// accepts says whether an Accept header takes one of the forms.
func accepts(accept, forms []string) bool {
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		wanted, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		if q, err := strconv.ParseFloat(params["q"], 64); err == nil && q == 0 {
			continue
		}
		if slices.ContainsFunc(forms, func(form string) bool { return matches(wanted, form) }) {
			return true
		}
	}
	return false
}

func matches(wanted, form string) bool {
	if wanted == "*/*" || wanted == form {
		return true
	}
	major, minor, _ := strings.Cut(wanted, "/")
	return minor == "*" && strings.HasPrefix(form, major+"/")
}

func statusText(code int) string { return strconv.Itoa(code) }
