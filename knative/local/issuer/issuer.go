// Package issuer is an OpenID Connect issuer for one machine: it has one key,
// publishes it, and mints whatever token it is asked for. It stands for the
// company's issuer and the cluster's, so that functions check tokens locally
// the way they do in production. It must listen on loopback only.
package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Audience is what the functions expect unless they are told otherwise.
const Audience = "product-service"

const (
	defaultLife = time.Hour
	maxLife     = 30 * 24 * time.Hour
)

// Issuer mints tokens in the name of URL.
type Issuer struct {
	URL    string
	key    jose.JSONWebKey
	signer jose.Signer
}

// New makes an issuer with a key of its own: for tests.
func New(url string) (*Issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("issuer key: %w", err)
	}
	return with(url, key)
}

// Load makes an issuer with the key in file, which is created when missing.
func Load(url, file string) (*Issuer, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		text, err = create(file)
	}
	if err != nil {
		return nil, fmt.Errorf("issuer key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("issuer key: %s is not a PEM file; delete it and start again", file)
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("issuer key: %s: %w", file, err)
	}
	return with(url, key)
}

func create(file string) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return nil, err
	}
	return text, os.WriteFile(file, text, 0o600)
}

func with(url string, key *ecdsa.PrivateKey) (*Issuer, error) {
	jwk := jose.JSONWebKey{Key: key, Algorithm: string(jose.ES256), Use: "sig"}
	public := jwk.Public()
	print, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("issuer key: %w", err)
	}
	jwk.KeyID = base64.RawURLEncoding.EncodeToString(print[:12])
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jwk},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	return &Issuer{URL: strings.TrimRight(url, "/"), key: jwk, signer: signer}, nil
}

// Claims says what a token is to contain.
type Claims struct {
	Subject  string
	Audience string        // default: the service's
	Scopes   []string      // scope claim; none when empty
	Life     time.Duration // default: an hour; negative makes an expired token
}

// Token mints a token.
func (i *Issuer) Token(c Claims) (string, error) {
	if c.Subject == "" {
		c.Subject = "local-user"
	}
	if c.Audience == "" {
		c.Audience = Audience
	}
	if c.Life == 0 {
		c.Life = defaultLife
	}
	now := time.Now()
	claims := map[string]any{
		"iss": i.URL, "sub": c.Subject, "aud": []string{c.Audience},
		"iat": now.Unix(), "nbf": now.Add(-5 * time.Second).Unix(), "exp": now.Add(c.Life).Unix(),
	}
	if len(c.Scopes) > 0 {
		claims["scope"] = strings.Join(c.Scopes, " ")
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	signed, err := i.signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	return signed.CompactSerialize()
}
