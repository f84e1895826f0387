// Package web is the HTTP edge: operations with their contract (huma, OpenAPI
// 3.1), problem documents, conditional requests, cursors, idempotency,
// streams, and the middleware every function has.
package web

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/mallhive/product-service/shared/auth"
	"github.com/mallhive/product-service/shared/fault"
)

// Authenticator turns a bearer token into a caller.
type Authenticator interface {
	Verify(ctx context.Context, token string) (auth.Caller, error)
}

// API is a function's HTTP operations.
type API struct {
	huma  huma.API
	mux   *http.ServeMux
	auth  Authenticator
	admit func() bool
	names map[reflect.Type]string // of schemas, where the type's own does not do
	// examples by the name of the schema they are of.
	examples map[string]any
}

// Options of an API.
type Options struct {
	Function      string // "catalog": names the document at /v1/openapi/catalog.json
	Title         string
	Version       string
	Authenticator Authenticator
	// Admit is asked for each public request; false is a 429.
	Admit func() bool
}

const (
	bearer      = "bearer"
	maxBody     = 1 << 20
	queryPrefix = "query_prefix"
)

// huma keeps how errors look in a package variable; all APIs of a process
// share ours, so it is set once.
var useOurProblems = sync.OnceFunc(func() {
	huma.DefaultArrayNullable = false // a list that has nothing is empty
	huma.NewErrorWithContext = humaProblem
	huma.NewError = func(status int, detail string, errs ...error) huma.StatusError {
		return humaProblem(nil, status, detail, errs...)
	}
})

// New makes an API on a fresh mux.
func New(o Options) *API {
	useOurProblems()
	cfg := huma.DefaultConfig(o.Title, o.Version)
	cfg.CreateHooks = nil // no $schema member in answers
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "", "", ""
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		bearer: {
			Type: "http", Scheme: "bearer", BearerFormat: "JWT",
			Description: "A token of the company's issuer or of a service account. An operation names the scope it needs; " +
				"one that may be called without a token shows more to a caller who sends one.",
		},
	}
	mux := http.NewServeMux()
	a := &API{mux: mux, auth: o.Authenticator, admit: o.Admit, examples: map[string]any{}}
	a.names = map[reflect.Type]string{reflect.TypeFor[fault.Field](): "Fault"}
	cfg.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", a.schemaName)
	a.huma = humago.New(mux, cfg)
	if a.admit == nil {
		a.admit = func() bool { return true }
	}
	path := "/v1/openapi/" + o.Function + ".json"
	document := sync.OnceValues(func() ([]byte, error) { return json.Marshal(a.Published()) })
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		stateOf(r.Context()).route = path
		body, err := document()
		if err != nil {
			WriteProblem(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/openapi+json")
		w.Header().Set("Cache-Control", "public, max-age=60")
		_, _ = w.Write(body)
	})
	return a
}

// Document is the OpenAPI document that the API works with; Published is the
// one to show.
func (a *API) Document() *huma.OpenAPI { return a.huma.OpenAPI() }

// Public is the security of an operation anybody may call, bounded in rate. A
// token that is sent must hold all the same, and gives its caller more.
func Public() []map[string][]string { return []map[string][]string{{}, {bearer: {}}} }

// Scope is the security of an operation that needs one of these scopes.
func Scope(anyOf ...string) []map[string][]string {
	var s []map[string][]string
	for _, scope := range anyOf {
		s = append(s, map[string][]string{bearer: {scope}})
	}
	return s
}

// OpenQuery lets an operation take query parameters whose names begin with
// the prefix besides those it declares: Metadata: web.OpenQuery("attr.").
func OpenQuery(prefix string) map[string]any { return map[string]any{queryPrefix: prefix} }

// Register adds an operation. An operation without Security is a mistake of
// ours and panics at start, in every test.
func Register[I, O any](a *API, op huma.Operation, handler func(context.Context, *I) (*O, error)) {
	if op.Security == nil {
		panic("operation " + op.OperationID + " says nothing about who may call it")
	}
	if op.MaxBodyBytes == 0 {
		op.MaxBodyBytes = maxBody
	}
	op.Errors = append(op.Errors, errorsOf(op)...)
	op.Middlewares = append(huma.Middlewares{a.guard}, op.Middlewares...)
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		if stray := strayParameters(ctx); len(stray) > 0 {
			// Complete without them: humaProblem adds them to what it finds.
			return nil, refuse(ctx, fault.InvalidInput(stray...))
		}
		if stateOf(ctx).nul {
			if bad := nulsOf(in); len(bad) > 0 {
				return nil, refuse(ctx, fault.InvalidInput(bad...))
			}
		}
		out, err := handler(ctx, in)
		if err != nil {
			return nil, refuse(ctx, err)
		}
		return out, nil
	})
}

// Handle mounts a plain handler, documented by op when it has a summary. The
// security of op is enforced for it too.
func (a *API) Handle(op huma.Operation, h http.Handler) {
	if op.Security == nil {
		panic("operation " + op.OperationID + " says nothing about who may call it")
	}
	if op.Summary != "" {
		if op.Responses == nil {
			op.Responses = map[string]*huma.Response{}
		}
		op.Errors = append(op.Errors, errorsOf(op)...)
		for _, code := range op.Errors {
			a.describeError(&op, code)
		}
		a.huma.OpenAPI().AddOperation(&op)
	}
	a.mux.HandleFunc(op.Method+" "+op.Path, func(w http.ResponseWriter, r *http.Request) {
		stateOf(r.Context()).at(op.Path, r)
		keepPrivate(w.Header(), &op)
		ctx, err := a.authorize(r, &op)
		if err != nil {
			WriteProblem(w, r, err)
			return
		}
		if err := acceptable(r, &op); err != nil {
			WriteProblem(w, r, err)
			return
		}
		if err := readableQuery(r); err != nil {
			WriteProblem(w, r, err)
			return
		}
		if unknown := stray(r, &op); len(unknown) > 0 {
			WriteProblem(w, r, fault.InvalidInput(unknown...))
			return
		}
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}

// Mount serves a handler that judges its callers itself, such as the receiver
// of CloudEvents.
func (a *API) Mount(pattern string, h http.Handler) {
	_, path, _ := strings.Cut(pattern, " ")
	a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		stateOf(r.Context()).route = path
		h.ServeHTTP(w, r)
	})
}

func refuse(ctx context.Context, err error) error {
	p := problemOf(err).complete(RequestID(ctx))
	note(ctx, err)
	return p
}

// errorsOf are the statuses an operation can answer by what it declares.
func errorsOf(op huma.Operation) []int {
	codes := []int{400, 401, 406, 422, 500, 503}
	if isPublic(&op) {
		codes = append(codes, 429)
	} else {
		codes = append(codes, 403)
	}
	if strings.Contains(op.Path, "{") {
		codes = append(codes, 404)
	}
	if op.Method != http.MethodGet {
		codes = append(codes, 413, 415)
	}
	return codes
}

func (a *API) describeError(op *huma.Operation, code int) {
	schema := &huma.Schema{Ref: "#/components/schemas/Problem"}
	op.Responses[statusText(code)] = &huma.Response{
		Description: http.StatusText(code),
		Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: schema}},
	}
}
