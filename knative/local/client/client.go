// Package client speaks to a running product service the way its neighbours
// do: JSON over the front door, CloudEvents through the broker, tokens from
// the local issuer. The importer, the replay and the demo share it.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Client calls one base address with one token. The zero HTTP client is
// replaced by one that keeps enough connections for concurrent callers.
type Client struct {
	Base  string // such as http://localhost:8080
	Token string // bearer token; empty calls anonymously
	HTTP  *http.Client
}

// New makes a client whose connections are reused by many concurrent callers.
func New(base, token string) *Client {
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		MaxIdleConns:        256,
		MaxIdleConnsPerHost: 256,
		IdleConnTimeout:     30 * time.Second,
	}
	return &Client{Base: strings.TrimRight(base, "/"), Token: token, HTTP: &http.Client{Transport: transport}}
}

// Reply is an answer read whole.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// OK reports a status of the 200s.
func (r Reply) OK() bool { return r.Status >= 200 && r.Status < 300 }

// Decode reads the body into v.
func (r Reply) Decode(v any) error {
	if err := json.Unmarshal(r.Body, v); err != nil {
		return fmt.Errorf("the answer (%d) is not the JSON expected: %w", r.Status, err)
	}
	return nil
}

const (
	// maxReply bounds what is kept of an answer; no answer of the service comes near.
	maxReply = 64 << 20
	// patience bounds one request, a cold start included.
	patience = 2 * time.Minute
)

// Do sends one request and reads the whole answer, whatever its status. in may
// be nil, []byte (sent as it is) or anything that encodes to JSON. Headers come
// in pairs of name and value. The error is of the transport only.
func (c *Client) Do(ctx context.Context, method, path string, in any, headers ...string) (Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := c.Request(ctx, method, path, in, headers...)
	if err != nil {
		return Reply{}, err
	}
	response, err := c.HTTP.Do(request)
	if err != nil {
		return Reply{}, fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxReply))
	if err != nil {
		return Reply{}, fmt.Errorf("read the answer to %s %s: %w", method, path, err)
	}
	return Reply{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}

// Request builds what Do sends; for callers that stream the answer.
func (c *Client) Request(ctx context.Context, method, path string, in any, headers ...string) (*http.Request, error) {
	body, err := encode(in)
	if err != nil {
		return nil, fmt.Errorf("encode the body of %s %s: %w", method, path, err)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.Base+path, body)
	if err != nil {
		return nil, fmt.Errorf("build %s %s: %w", method, path, err)
	}
	request.Header.Set("Accept", "application/json")
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return request, nil
}

func encode(in any) (io.Reader, error) {
	switch v := in.(type) {
	case nil:
		return http.NoBody, nil
	case io.Reader:
		return v, nil
	case []byte:
		return bytes.NewReader(v), nil
	}
	data, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	return bytes.NewReader(data), nil
}

// Get reads path into out and insists on a status of the 200s.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.Call(ctx, http.MethodGet, path, nil, out)
}

// Call sends in, insists on a status of the 200s and reads the answer into out
// unless that is nil.
func (c *Client) Call(ctx context.Context, method, path string, in, out any, headers ...string) error {
	reply, err := c.Do(ctx, method, path, in, headers...)
	if err != nil {
		return err
	}
	if !reply.OK() {
		return fmt.Errorf("%s %s: %w", method, path, Refusal(reply))
	}
	if out == nil {
		return nil
	}
	return reply.Decode(out)
}

// Problem is an RFC 9457 answer as an error.
type Problem struct {
	Status   int    `json:"status"`
	Title    string `json:"title"`
	Code     string `json:"code"`
	Detail   string `json:"detail"`
	Instance string `json:"instance"`
	Errors   []struct {
		Pointer string `json:"pointer"`
		Code    string `json:"code"`
		Detail  string `json:"detail"`
	} `json:"errors"`
}

func (p *Problem) Error() string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "answered %d", p.Status)
	for _, part := range []string{p.Code, p.Detail} {
		if part != "" {
			b.WriteString(" " + part)
		}
	}
	for _, e := range p.Errors {
		_, _ = fmt.Fprintf(&b, "; %s %s", e.Pointer, e.Code)
	}
	if p.Instance != "" {
		b.WriteString(" (request " + p.Instance + ")")
	}
	return b.String()
}

// Refusal is what an answer outside the 200s says, as a *Problem.
func Refusal(reply Reply) error {
	problem := &Problem{}
	if err := json.Unmarshal(reply.Body, problem); err != nil {
		problem = &Problem{Detail: short(reply.Body)}
	}
	problem.Status = reply.Status
	return problem
}

// IsStatus reports whether err is a refusal with this status.
func IsStatus(err error, status int) bool {
	var problem *Problem
	return errors.As(err, &problem) && problem.Status == status
}

func short(body []byte) string {
	text := strings.Join(strings.Fields(string(body)), " ")
	if len(text) > 200 {
		text = text[:200] + "…"
	}
	return text
}
