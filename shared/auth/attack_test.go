package auth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/auth"
	"github.com/mallhive/product-service/shared/fault"
)

// forge signs claims with a key of the attacker's, under any header.
func forge(t *testing.T, key *ecdsa.PrivateKey, header map[string]any, claims any) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		require.NoError(t, err)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	signed := part(header) + "." + part(claims)
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	require.NoError(t, err)
	sig := make([]byte, 64)
	new(big.Int).Set(r).FillBytes(sig[:32])
	new(big.Int).Set(s).FillBytes(sig[32:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func TestKeysThatATokenBringsOrNamesAreNeverUsed(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	v := p.verifier()
	attacker, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	var asked sync.Map
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.Path, true)
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: attacker.Public(), KeyID: "one", Algorithm: "ES256"}}})
	}))
	t.Cleanup(elsewhere.Close)
	own := jose.JSONWebKey{Key: attacker.Public(), KeyID: "one", Algorithm: "ES256"}
	// The forging itself works: under the provider's key the same token holds.
	_, err = v.Verify(context.Background(), forge(t, p.key, map[string]any{"alg": "ES256", "kid": "one"}, p.claims()))
	require.NoError(t, err)
	for name, header := range map[string]map[string]any{
		"embedded jwk":            {"alg": "ES256", "kid": "one", "jwk": own},
		"embedded jwk without id": {"alg": "ES256", "jwk": own},
		"jku":                     {"alg": "ES256", "kid": "one", "jku": elsewhere.URL + "/keys"},
		"x5u":                     {"alg": "ES256", "kid": "one", "x5u": elsewhere.URL + "/x5u"},
		"iss in the header":       {"alg": "ES256", "kid": "one", "iss": elsewhere.URL},
		"path as key id":          {"alg": "ES256", "kid": "../../../dev/null"},
		"no key id":               {"alg": "ES256"},
		"a huge key id":           {"alg": "ES256", "kid": strings.Repeat("k", 8000)},
	} {
		_, err := v.Verify(context.Background(), forge(t, attacker, header, p.claims()))
		require.True(t, fault.Is(err, fault.Unauthenticated), "%s: %v", name, err)
	}
	asked.Range(func(path, _ any) bool {
		require.Fail(t, "the attacker's address was asked", "%v", path)
		return false
	})
}

func TestAHeaderThatMustBeUnderstoodAndIsNotRefusesTheToken(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	v := p.verifier()
	for name, header := range map[string]map[string]any{
		"unknown crit":       {"alg": "ES256", "kid": "one", "crit": []string{"exp"}, "exp": 1},
		"unencoded payload":  {"alg": "ES256", "kid": "one", "crit": []string{"b64"}, "b64": false},
		"empty crit":         {"alg": "ES256", "kid": "one", "crit": []string{"nonsense"}},
		"algorithm in lower": {"alg": "es256", "kid": "one"},
		"algorithm none":     {"alg": "none", "kid": "one"},
		"algorithm NoNe":     {"alg": "NoNe", "kid": "one"},
		"no algorithm":       {"kid": "one"},
		"algorithm a list":   {"alg": []string{"ES256"}, "kid": "one"},
	} {
		_, err := v.Verify(context.Background(), forge(t, p.key, header, p.claims()))
		require.True(t, fault.Is(err, fault.Unauthenticated), "%s: %v", name, err)
	}
}

func TestClaimsOfOtherTypesAreRefusedAndGiveNoScope(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	v := p.verifier()
	es := map[string]any{"alg": "ES256", "kid": "one"}
	for name, bend := range map[string]func(map[string]any){
		"no expiry":           func(c map[string]any) { delete(c, "exp") },
		"expiry as text":      func(c map[string]any) { c["exp"] = "never" },
		"expiry zero":         func(c map[string]any) { c["exp"] = 0 },
		"no audience":         func(c map[string]any) { delete(c, "aud") },
		"empty audience":      func(c map[string]any) { c["aud"] = []string{} },
		"audience in another": func(c map[string]any) { c["aud"] = "product-service-2" },
		"issuer with a slash": func(c map[string]any) { c["iss"] = p.url + "/" },
		"issuer as list":      func(c map[string]any) { c["iss"] = []string{p.url} },
		"subject as number":   func(c map[string]any) { c["sub"] = 7 },
		"far not before":      func(c map[string]any) { c["nbf"] = time.Now().Add(24 * time.Hour).Unix() },
	} {
		c := p.claims()
		bend(c)
		_, err := v.Verify(context.Background(), forge(t, p.key, es, c))
		require.True(t, fault.Is(err, fault.Unauthenticated), "%s: %v", name, err)
	}
	for _, scope := range []any{nil, 7, true, map[string]any{"catalog:write": true}, []any{1, nil}, "", "catalog:writeX xcatalog:write CATALOG:WRITE catalog", "*"} {
		c := p.claims()
		c["scope"] = scope
		caller, err := v.Verify(context.Background(), forge(t, p.key, es, c))
		require.NoError(t, err)
		require.False(t, caller.Has("catalog:write"), "%v", scope)
	}
	list := p.claims()
	list["scope"] = []string{"catalog:write"}
	caller, err := v.Verify(context.Background(), forge(t, p.key, es, list))
	require.NoError(t, err)
	require.True(t, caller.Has("catalog:write"))
	// Scopes of a subject from configuration go to exactly that subject.
	for _, near := range []string{"system:serviceaccount:order:order-service2", "SYSTEM:serviceaccount:order:order-service", " system:serviceaccount:order:order-service"} {
		c := p.claims()
		c["sub"], c["scope"] = near, ""
		caller, err := v.Verify(context.Background(), forge(t, p.key, es, c))
		require.NoError(t, err)
		require.Empty(t, caller.Scopes, near)
	}
}

func TestAFloodOfUnknownKeyIDsAtASlowIssuerHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.hang = make(chan struct{})
	v := p.verifier()
	good := sign(t, jose.ES256, p.key, "one", p.claims())
	_, err := v.Verify(context.Background(), good)
	require.NoError(t, err)
	v.Age(2 * time.Minute) // so that an unknown id causes a fetch again
	ctx, stop := context.WithCancel(context.Background())
	var flood sync.WaitGroup
	for range 20 {
		token := sign(t, jose.ES256, p.key, rand.Text(), p.claims())
		flood.Go(func() { _, _ = v.Verify(ctx, token) })
	}
	require.Eventually(t, func() bool { return p.fetches.Load() == 2 }, 10*time.Second, time.Millisecond, "the flood causes one fetch, which hangs")
	for range 100 {
		_, err := v.Verify(context.Background(), good)
		require.NoError(t, err)
	}
	require.EqualValues(t, 2, p.fetches.Load())
	stop() // their callers hang up: nobody waits for the issuer any longer
	flood.Wait()
	close(p.hang)
}

func TestOldKeysAreUsedWhileTheIssuerIsAwayAndWithdrawnOnesNotForLong(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	v := p.verifier()
	good := sign(t, jose.ES256, p.key, "one", p.claims())
	_, err := v.Verify(context.Background(), good)
	require.NoError(t, err)
	p.down.Store(true)
	v.Age(3 * time.Hour)
	_, err = v.Verify(context.Background(), good)
	require.NoError(t, err, "an issuer that is away for an hour stops nobody")
	_, err = v.Verify(context.Background(), sign(t, jose.ES256, p.key, "two", p.claims()))
	require.True(t, fault.Is(err, fault.Unavailable), "a key that could not be looked for is our fault: %v", err)
	p.down.Store(false)
	p.withdrawn.Store(true)
	v.Age(3 * time.Hour)
	_, err = v.Verify(context.Background(), good)
	require.True(t, fault.Is(err, fault.Unauthenticated), "%v", err)
}

func TestATokenOfAMegabyteCostsNothing(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	v := p.verifier()
	c := p.claims()
	c["pad"] = strings.Repeat("x", 1<<20)
	token := sign(t, jose.ES256, p.key, "one", c)
	_, err := v.Verify(context.Background(), token)
	require.True(t, fault.Is(err, fault.Unauthenticated), "%v", err)
	require.Zero(t, p.fetches.Load(), "the issuer is not asked")
	require.Less(t, testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = v.Verify(context.Background(), token)
		}
	}).AllocedBytesPerOp(), int64(4096), "it is not decoded")
}

func FuzzSubjectScopes(f *testing.F) {
	for _, seed := range []string{"", "a=b", "a=b c,d=e", "=", ",,", "a=", "system:serviceaccount:order:order-service=inventory:lock", "a=b=c", "a=\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s auth.SubjectScopes
		if s.Decode(text) != nil {
			return
		}
		for subject, scopes := range s {
			require.NotEmpty(t, subject)
			require.NotEmpty(t, scopes)
		}
	})
}

func FuzzVerify(f *testing.F) {
	v := auth.NewVerifier(auth.Config{Issuers: []string{"http://127.0.0.1:1"}, Audience: "product-service"})
	for _, seed := range []string{"", "a.b.c", "..", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjEifQ.AAAA", "eyJhbGciOiJFUzI1NiJ9.bnVsbA.AAAA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		_, err := v.Verify(context.Background(), token)
		require.True(t, fault.Is(err, fault.Unauthenticated) || fault.Is(err, fault.Unavailable), "%v", err)
	})
}
