// Package auth turns a bearer token into a caller and its scopes. Tokens are
// JWTs of configured OIDC issuers; nothing is contacted before a token comes.
package auth

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/mallhive/product-service/shared/fault"
)

// maxToken bounds what is parsed before a signature is checked, in bytes.
const maxToken = 16 << 10

// Caller is who sent a request. The zero value is an anonymous caller.
type Caller struct {
	Subject string
	Scopes  []string
}

// Known reports whether the caller proved who it is.
func (c Caller) Known() bool { return c.Subject != "" }

// Has reports whether the caller holds the scope.
func (c Caller) Has(scope string) bool { return slices.Contains(c.Scopes, scope) }

type callerKey struct{}

// WithCaller puts the caller into a context.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom is the caller of this request, or the anonymous one.
func CallerFrom(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// Config of a Verifier.
type Config struct {
	Issuers       []string // OIDC issuer URLs, discovered when first needed
	Audience      string
	SubjectScopes SubjectScopes
	Client        *http.Client // default: 3 s timeout
}

// Verifier checks tokens. It is safe for concurrent use.
type Verifier struct {
	issuers  map[string]*issuer
	scopes   SubjectScopes
	verified verified
	now      func() time.Time
}

// NewVerifier makes a Verifier; it contacts nothing.
func NewVerifier(c Config) *Verifier {
	v := &Verifier{issuers: map[string]*issuer{}, scopes: c.SubjectScopes, now: time.Now}
	v.verified.tokens = map[[sha256.Size]byte]holding{}
	for _, url := range c.Issuers {
		keys := newKeySet(url, c.Client)
		v.issuers[url] = &issuer{
			keys: keys,
			check: oidc.NewVerifier(url, keys, &oidc.Config{
				ClientID: c.Audience, SupportedSigningAlgs: algorithmNames(), Now: func() time.Time { return v.now() },
			}),
		}
	}
	return v
}

type issuer struct {
	keys  *keySet
	check *oidc.IDTokenVerifier
}

// Bearer is the token of a request's Authorization header; "" when there is none.
func Bearer(r *http.Request) (string, error) {
	h := r.Header.Get("Authorization")
	if h == "" {
		return "", nil
	}
	scheme, token, ok := strings.Cut(h, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", denied("the Authorization header is not a bearer token")
	}
	return strings.TrimSpace(token), nil
}

// Verify checks signature, issuer, audience and times. A token that does not
// hold is Unauthenticated; keys that cannot be fetched are Unavailable.
func (v *Verifier) Verify(ctx context.Context, token string) (Caller, error) {
	if len(token) > maxToken {
		return Caller{}, denied("the token is too long")
	}
	sum := sha256.Sum256([]byte(token))
	if caller, holds := v.known(ctx, sum); holds {
		return caller, nil
	}
	parsed, err := jose.ParseSignedCompact(token, algorithms())
	if err != nil {
		return Caller{}, denied("the token is not a JWT signed with an asymmetric algorithm")
	}
	var claims struct {
		Issuer string `json:"iss"`
		Scope  any    `json:"scope"`
	}
	if err := json.Unmarshal(parsed.UnsafePayloadWithoutVerification(), &claims); err != nil {
		return Caller{}, denied("the token has no readable claims")
	}
	iss, ok := v.issuers[claims.Issuer]
	if !ok {
		return Caller{}, denied("the token is of an unknown issuer")
	}
	keyID := parsed.Signatures[0].Header.KeyID
	if err := iss.keys.ensure(ctx, keyID); err != nil {
		return Caller{}, err
	}
	generation := iss.keys.current()
	id, err := iss.check.Verify(ctx, token)
	if err != nil {
		return Caller{}, &fault.Error{
			Kind: fault.Unauthenticated, Code: "invalid_token",
			Detail: "the token's signature, audience or times do not hold", Cause: err,
		}
	}
	if id.Subject == "" {
		return Caller{}, denied("the token names no subject")
	}
	caller := Caller{Subject: id.Subject, Scopes: slices.Clip(append(scopeClaim(claims.Scope), v.scopes[id.Subject]...))}
	v.verified.keep(sum, holding{caller: caller, of: iss, keyID: keyID, generation: generation, expiry: id.Expiry})
	return caller, nil
}

func denied(detail string) error {
	return fault.New(fault.Unauthenticated, "invalid_token", "%s", detail)
}

// scopeClaim reads RFC 8693's space-separated string, or a list.
func scopeClaim(claim any) []string {
	switch c := claim.(type) {
	case string:
		return strings.Fields(c)
	case []any:
		var scopes []string
		for _, s := range c {
			if s, ok := s.(string); ok {
				scopes = append(scopes, s)
			}
		}
		return scopes
	}
	return nil
}

// SubjectScopes gives scopes to subjects whose tokens carry none, such as
// Kubernetes service accounts. Written subject=scope scope,subject=scope.
type SubjectScopes map[string][]string

// Decode reads the written form.
func (s *SubjectScopes) Decode(value string) error {
	*s = SubjectScopes{}
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		subject, scopes, ok := strings.Cut(part, "=")
		if !ok || subject == "" || len(strings.Fields(scopes)) == 0 {
			return fmt.Errorf("takes subject=scope scope,subject=scope")
		}
		(*s)[subject] = append((*s)[subject], strings.Fields(scopes)...)
	}
	return nil
}

func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{
		jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
		jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
	}
}

func algorithmNames() []string {
	var names []string
	for _, a := range algorithms() {
		names = append(names, string(a))
	}
	return names
}
