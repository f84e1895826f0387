package issuer_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mallhive/product-service/shared/web/webtest"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/knative/local/issuer"
)

func serve(t *testing.T) *issuer.Issuer {
	t.Helper()
	var i *issuer.Issuer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { i.Handler().ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	i, err := issuer.New(server.URL)
	require.NoError(t, err)
	return i
}

func TestTokensVerifyThroughDiscovery(t *testing.T) {
	t.Parallel()
	i := serve(t)
	provider, err := oidc.NewProvider(context.Background(), i.URL)
	require.NoError(t, err)
	verifier := provider.Verifier(&oidc.Config{ClientID: "product-service"})

	token, err := i.Token(issuer.Claims{Subject: "someone", Scopes: []string{"catalog:write", "inventory:write"}})
	require.NoError(t, err)
	verified, err := verifier.Verify(context.Background(), token)
	require.NoError(t, err)
	require.Equal(t, "someone", verified.Subject)
	var claims struct {
		Scope string `json:"scope"`
	}
	require.NoError(t, verified.Claims(&claims))
	require.Equal(t, "catalog:write inventory:write", claims.Scope)

	expired, err := i.Token(issuer.Claims{Life: -time.Minute})
	require.NoError(t, err)
	_, err = verifier.Verify(context.Background(), expired)
	require.Error(t, err)

	other, err := i.Token(issuer.Claims{Audience: "someone-else"})
	require.NoError(t, err)
	_, err = verifier.Verify(context.Background(), other)
	require.Error(t, err)
}

func TestTokensOfAnotherKeyAreRefused(t *testing.T) {
	t.Parallel()
	i := serve(t)
	provider, err := oidc.NewProvider(context.Background(), i.URL)
	require.NoError(t, err)
	stranger, err := issuer.New(i.URL)
	require.NoError(t, err)
	token, err := stranger.Token(issuer.Claims{})
	require.NoError(t, err)
	_, err = provider.Verifier(&oidc.Config{ClientID: issuer.Audience}).Verify(context.Background(), token)
	require.Error(t, err)
}

func TestTheTokenEndpointMintsWhatIsAsked(t *testing.T) {
	t.Parallel()
	i := serve(t)
	response, err := webtest.Client.PostForm(i.URL+"/token", url.Values{"scope": {"events:admin"}, "subject": {"tester"}})
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, http.StatusOK, response.StatusCode)
	var minted struct {
		Token string `json:"access_token"`
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&minted))
	provider, err := oidc.NewProvider(context.Background(), i.URL)
	require.NoError(t, err)
	verified, err := provider.Verifier(&oidc.Config{ClientID: issuer.Audience}).Verify(context.Background(), minted.Token)
	require.NoError(t, err)
	require.Equal(t, "tester", verified.Subject)
}

func TestAForeignHostNameIsRefused(t *testing.T) {
	t.Parallel()
	i := serve(t)
	request, err := http.NewRequest(http.MethodPost, i.URL+"/token", http.NoBody)
	require.NoError(t, err)
	request.Host = "attacker.example"
	response, err := webtest.Client.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, http.StatusForbidden, response.StatusCode)
}

func TestTheKeySurvivesARestartAndIsPrivate(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state", "issuer.pem")
	first, err := issuer.Load("http://localhost:1", file)
	require.NoError(t, err)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	second, err := issuer.Load("http://localhost:1", file)
	require.NoError(t, err)
	require.Equal(t, keys(t, first), keys(t, second))
}

func TestABrokenKeyFileSaysWhatToDo(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "issuer.pem")
	require.NoError(t, os.WriteFile(file, []byte("junk"), 0o600))
	_, err := issuer.Load("http://localhost:1", file)
	require.ErrorContains(t, err, "delete it and start again")
}

func keys(t *testing.T, i *issuer.Issuer) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	i.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "http://localhost/keys", http.NoBody))
	return recorder.Body.String()
}
