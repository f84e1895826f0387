package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/mallhive/product-service/shared/fault"
)

const (
	// refetchAfter is the least time between two fetches that unknown key ids
	// cause, so that forged ids cannot flood the issuer.
	refetchAfter = time.Minute
	// retryAfter is the least time between two fetches while none has succeeded.
	retryAfter = time.Second
	// maxKeyAge is when known keys are looked at again, so that a withdrawn key
	// stops being trusted.
	maxKeyAge  = time.Hour
	maxKeyDocs = 1 << 20
)

// keySet is an issuer's public keys. It is an oidc.KeySet whose fetches are
// lazy and limited.
type keySet struct {
	issuer string
	client *http.Client

	mu         sync.Mutex // never held during a fetch
	keys       []jose.JSONWebKey
	generation int       // of keys: each fetch makes another
	fetched    time.Time // last success
	tried      time.Time // last attempt
	lastErr    error
	fetching   chan struct{} // closed when the fetch that runs now is over
}

func newKeySet(issuer string, client *http.Client) *keySet {
	if client == nil {
		client = &http.Client{Timeout: 3 * time.Second}
	}
	return &keySet{issuer: issuer, client: client}
}

// ensure has the key of this id ready if the issuer publishes it. It fails
// only when the keys cannot be fetched. A known key does not wait for a fetch,
// so that neither a slow issuer nor forged ids hold up those who have one.
func (k *keySet) ensure(ctx context.Context, keyID string) error {
	k.mu.Lock()
	age := time.Since(k.fetched)
	known := k.has(keyID)
	if known && age < maxKeyAge {
		k.mu.Unlock()
		return nil
	}
	running, err := k.begin(ctx)
	k.mu.Unlock()
	if known && (running == nil || age < 2*maxKeyAge) {
		return nil // better an hour-old key than a refusal or a wait
	}
	if running == nil {
		return err // nil: an unknown id is refused by VerifySignature
	}
	select {
	case <-running:
	case <-ctx.Done():
		return unreachable(ctx.Err())
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.lastErr != nil && !known {
		return unreachable(k.lastErr)
	}
	return nil
}

// begin starts a fetch, or gives the one that runs. It gives none when the last
// was a short while ago, and the error that one ended with.
func (k *keySet) begin(ctx context.Context) (running chan struct{}, err error) {
	if k.fetching != nil {
		return k.fetching, nil
	}
	pause := refetchAfter
	if k.fetched.IsZero() {
		pause = retryAfter
	}
	now := time.Now()
	if now.Sub(k.tried) < pause {
		if k.lastErr != nil {
			return nil, unreachable(k.lastErr)
		}
		return nil, nil
	}
	k.tried, k.fetching = now, make(chan struct{})
	// It serves every waiting request, so it outlives the one that began it.
	go k.refresh(context.WithoutCancel(ctx), now, k.fetching)
	return k.fetching, nil
}

// refresh fetches the keys and lets those go on who wait for them.
func (k *keySet) refresh(ctx context.Context, began time.Time, done chan struct{}) {
	keys, err := k.fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lastErr = err
	if err == nil {
		k.keys, k.fetched = keys, began
		k.generation++
	}
	k.fetching = nil
	close(done)
}

func unreachable(cause error) error {
	return fault.Passing(cause, 5*time.Second, "the keys of the token's issuer cannot be fetched now")
}

// current is the generation of the keys that signatures are checked with now.
func (k *keySet) current() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.generation
}

// has says whether find finds one.
func (k *keySet) has(keyID string) bool {
	return slices.ContainsFunc(k.keys, func(key jose.JSONWebKey) bool { return keyID == "" || key.KeyID == keyID })
}

func (k *keySet) find(keyID string) []jose.JSONWebKey {
	if keyID == "" {
		return k.keys
	}
	var found []jose.JSONWebKey
	for _, key := range k.keys {
		if key.KeyID == keyID {
			found = append(found, key)
		}
	}
	return found
}

// VerifySignature checks a JWT against the keys that ensure made ready.
func (k *keySet) VerifySignature(_ context.Context, token string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, algorithms())
	if err != nil {
		return nil, fmt.Errorf("parse token: %w", err)
	}
	k.mu.Lock()
	candidates := k.find(jws.Signatures[0].Header.KeyID)
	k.mu.Unlock()
	for _, key := range candidates {
		if key.Algorithm != "" && key.Algorithm != jws.Signatures[0].Header.Algorithm {
			continue
		}
		if payload, err := jws.Verify(key); err == nil {
			return payload, nil
		}
	}
	return nil, errors.New("no published key made this signature")
}

func (k *keySet) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	var discovery struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := k.get(ctx, strings.TrimSuffix(k.issuer, "/")+"/.well-known/openid-configuration", &discovery); err != nil {
		return nil, err
	}
	if discovery.Issuer != k.issuer || discovery.Keys == "" {
		return nil, fmt.Errorf("issuer %s: its discovery document is of %q or names no keys", k.issuer, discovery.Issuer)
	}
	var set jose.JSONWebKeySet
	if err := k.get(ctx, discovery.Keys, &set); err != nil {
		return nil, err
	}
	var public []jose.JSONWebKey
	for _, key := range set.Keys {
		if key.Valid() && key.IsPublic() {
			public = append(public, key)
		}
	}
	return public, nil
}

func (k *keySet) get(ctx context.Context, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("issuer %s: %w", k.issuer, err)
	}
	res, err := k.client.Do(req)
	if err != nil {
		return fmt.Errorf("issuer %s: %w", k.issuer, err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("issuer %s: GET %s answered %d", k.issuer, url, res.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxKeyDocs)).Decode(into); err != nil {
		return fmt.Errorf("issuer %s: GET %s: %w", k.issuer, url, err)
	}
	return nil
}
