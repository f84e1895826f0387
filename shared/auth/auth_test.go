package auth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/auth"
	"github.com/mallhive/product-service/shared/fault"
)

// provider is an issuer whose every part a test can bend.
type provider struct {
	url       string
	key       *ecdsa.PrivateKey
	fetches   atomic.Int32
	down      atomic.Bool
	withdrawn atomic.Bool   // the issuer publishes no key any longer
	hang      chan struct{} // not nil: fetches wait until it is closed
}

func newProvider(t testing.TB) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	p := &provider{key: key}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		if strings.HasSuffix(r.URL.Path, "openid-configuration") {
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": p.url, "jwks_uri": p.url + "/keys"})
			return
		}
		if p.fetches.Add(1) > 1 && p.hang != nil {
			<-p.hang
		}
		if p.withdrawn.Load() {
			_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{})
			return
		}
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "one", Algorithm: "ES256", Use: "sig"}}})
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func (p *provider) verifier() *auth.Verifier {
	return auth.NewVerifier(auth.Config{
		Issuers: []string{p.url}, Audience: "product-service",
		SubjectScopes: auth.SubjectScopes{"system:serviceaccount:order:order-service": {"inventory:lock"}},
	})
}

func (p *provider) claims() map[string]any {
	return map[string]any{
		"iss": p.url, "aud": []string{"product-service"}, "sub": "maria", "scope": "catalog:write inventory:lock",
		"exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
	}
}

func sign(t testing.TB, alg jose.SignatureAlgorithm, key any, kid string, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, nil)
	require.NoError(t, err)
	body, err := json.Marshal(claims)
	require.NoError(t, err)
	jws, err := signer.Sign(body)
	require.NoError(t, err)
	token, err := jws.CompactSerialize()
	require.NoError(t, err)
	return token
}

func TestAValidTokenGivesSubjectAndScopes(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	v := p.verifier()
	caller, err := v.Verify(context.Background(), sign(t, jose.ES256, p.key, "one", p.claims()))
	require.NoError(t, err)
	require.Equal(t, "maria", caller.Subject)
	require.True(t, caller.Has("catalog:write"))
	require.False(t, caller.Has("inventory:write"))
	service := p.claims()
	service["sub"] = "system:serviceaccount:order:order-service"
	delete(service, "scope")
	caller, err = v.Verify(context.Background(), sign(t, jose.ES256, p.key, "one", service))
	require.NoError(t, err)
	require.Equal(t, []string{"inventory:lock"}, caller.Scopes)
	require.EqualValues(t, 1, p.fetches.Load(), "keys are fetched once")
}

func TestATokenThatDoesNotHoldIsRefused(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	v := p.verifier()
	with := func(name string, value any) map[string]any {
		c := p.claims()
		c[name] = value
		return c
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	point, err := p.key.PublicKey.Bytes()
	require.NoError(t, err)
	good := sign(t, jose.ES256, p.key, "one", p.claims())
	parts := strings.Split(good, ".")
	for name, token := range map[string]string{
		"expired":                   sign(t, jose.ES256, p.key, "one", with("exp", time.Now().Add(-time.Minute).Unix())),
		"not yet valid":             sign(t, jose.ES256, p.key, "one", with("nbf", time.Now().Add(time.Hour).Unix())),
		"other issuer":              sign(t, jose.ES256, p.key, "one", with("iss", "https://elsewhere.example")),
		"other audience":            sign(t, jose.ES256, p.key, "one", with("aud", "other")),
		"no subject":                sign(t, jose.ES256, p.key, "one", with("sub", "")),
		"another key with our id":   sign(t, jose.ES256, other, "one", p.claims()),
		"unknown key id":            sign(t, jose.ES256, p.key, "two", p.claims()),
		"HS256 with the public key": sign(t, jose.HS256, point, "one", p.claims()),
		"alg none":                  "eyJhbGciOiJub25lIn0." + parts[1] + ".",
		"claims changed":            parts[0] + "." + parts[1] + "AA." + parts[2],
		"a megabyte":                good + strings.Repeat("A", 1<<20),
		"not a token":               "letmein",
	} {
		_, err := v.Verify(context.Background(), token)
		require.True(t, fault.Is(err, fault.Unauthenticated), "%s: %v", name, err)
	}
}

func TestUnknownKeyIDsCannotFloodTheIssuer(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	v := p.verifier()
	for range 50 {
		_, err := v.Verify(context.Background(), sign(t, jose.ES256, p.key, rand.Text(), p.claims()))
		require.True(t, fault.Is(err, fault.Unauthenticated), "%v", err)
	}
	require.EqualValues(t, 1, p.fetches.Load())
}

func TestKeysThatCannotBeFetchedAreOurFaultNotTheCallers(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.down.Store(true)
	v := p.verifier()
	_, err := v.Verify(context.Background(), sign(t, jose.ES256, p.key, "one", p.claims()))
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
}

func TestSubjectScopesAreWrittenOneWay(t *testing.T) {
	t.Parallel()
	var s auth.SubjectScopes
	require.NoError(t, s.Decode("system:serviceaccount:order:order-service=inventory:lock inventory:write, a=b"))
	require.Equal(t, auth.SubjectScopes{"system:serviceaccount:order:order-service": {"inventory:lock", "inventory:write"}, "a": {"b"}}, s)
	for _, bad := range []string{"a", "a=", "=b"} {
		require.Error(t, s.Decode(bad), bad)
	}
}
