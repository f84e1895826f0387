package servicetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// contract holds every answer of a function to its OpenAPI document: a client
// that is generated from that must be able to read what is really sent.
type contract struct {
	ops      []*contractOp
	mu       sync.Mutex
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
}

type contractOp struct {
	method    string
	path      []string
	pointer   string
	Responses map[string]*reply `json:"responses"`
}

type reply struct {
	Ref     string `json:"$ref"`
	Content map[string]json.RawMessage
	at      string
}

// contracts are those of this test run, by document: many servers have one.
var contracts = struct {
	sync.Mutex
	of map[[32]byte]*contract
}{of: map[[32]byte]*contract{}}

const contractURL = "urn:openapi"

func contractOf(document []byte) (*contract, error) {
	contracts.Lock()
	defer contracts.Unlock()
	key := sha256.Sum256(document)
	if known := contracts.of[key]; known != nil {
		return known, nil
	}
	var doc struct {
		Paths      map[string]map[string]*contractOp
		Components struct{ Responses map[string]*reply }
	}
	if err := json.Unmarshal(document, &doc); err != nil {
		return nil, err
	}
	plain, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, err
	}
	c := &contract{compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource(contractURL, plain); err != nil {
		return nil, err
	}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			op.method, op.path = strings.ToUpper(method), strings.Split(path, "/")
			op.pointer = "/paths/" + token(path) + "/" + method
			for code, r := range op.Responses {
				r.at = op.pointer + "/responses/" + code
				if name, ok := strings.CutPrefix(r.Ref, "#/components/responses/"); ok {
					r.Content, r.at = doc.Components.Responses[name].Content, "/components/responses/"+name
				}
			}
			c.ops = append(c.ops, op)
		}
	}
	contracts.of[key] = c
	return c, nil
}

func token(s string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(s) }

// operation is the one that a request is for, nil when there is none.
func (c *contract) operation(r *http.Request) *contractOp {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	segments := strings.Split(r.URL.EscapedPath(), "/")
	var best *contractOp
	for _, op := range c.ops {
		if op.method == method && op.fits(segments) && (best == nil || op.literals() > best.literals()) {
			best = op
		}
	}
	return best
}

func (o *contractOp) fits(segments []string) bool {
	return slices.EqualFunc(o.path, segments, func(template, segment string) bool {
		plain, err := url.PathUnescape(segment)
		return template == plain || err == nil && plain != "" && strings.HasPrefix(template, "{")
	})
}

func (o *contractOp) literals() int {
	n := 0
	for _, s := range o.path {
		if !strings.HasPrefix(s, "{") {
			n++
		}
	}
	return n
}

// check holds one answer to the document. Statuses that any server may give
// need not stand in it.
func (c *contract) check(t testing.TB, r *http.Request, a Answer) {
	t.Helper()
	op := c.operation(r)
	if op == nil || slices.Contains([]int{http.StatusMethodNotAllowed, http.StatusRequestTimeout}, a.Status) {
		return
	}
	where := r.Method + " " + r.URL.Path + ": " + strconv.Itoa(a.Status)
	answer := op.Responses[strconv.Itoa(a.Status)]
	require.NotNil(t, answer, "%s is not among the answers of the document: %s", where, a.Body)
	form, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if len(answer.Content) == 0 {
		require.Empty(t, a.Body, "%s has a body that the document does not know", where)
		return
	}
	if len(a.Body) == 0 && (r.Method == http.MethodHead || a.Header.Get("Content-Encoding") != "") {
		return
	}
	require.Contains(t, answer.Content, form, "%s: the document knows no such form", where)
	if a.Header.Get("Content-Encoding") == "" && slices.Contains([]string{"application/json", "application/problem+json", "application/x-ndjson"}, form) {
		c.hold(t, where, answer.at+"/content/"+token(form), form, a.Body)
	}
}

func (c *contract) hold(t testing.TB, where, media, form string, text []byte) {
	t.Helper()
	schema, err := c.schema(media + "/schema")
	require.NoError(t, err, "%s: %s", where, media)
	documents := [][]byte{text}
	if form == "application/x-ndjson" {
		documents = bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	}
	for _, d := range documents {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(d))
		require.NoError(t, err, "%s: %s", where, d)
		if err := schema.Validate(value); err != nil {
			require.Fail(t, fmt.Sprintf("%s is not what the document says: %v", where, err), "%.2000s", d)
		}
	}
}

func (c *contract) schema(pointer string) (*jsonschema.Schema, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.compiled[pointer]; known != nil {
		return known, nil
	}
	// Pointers in a URL are percent-encoded.
	s, err := c.compiler.Compile(contractURL + "#" + (&url.URL{Path: pointer}).EscapedPath())
	if err == nil {
		c.compiled[pointer] = s
	}
	return s, err
}
