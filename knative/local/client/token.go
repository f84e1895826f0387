package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Mint asks the local issuer for a token with these scopes.
func Mint(ctx context.Context, issuer string, scopes ...string) (string, error) {
	form := url.Values{"scope": {strings.Join(scopes, " ")}}
	var minted struct {
		AccessToken string `json:"access_token"`
	}
	err := New(issuer, "").Call(ctx, http.MethodPost, "/token", []byte(form.Encode()), &minted,
		"Content-Type", "application/x-www-form-urlencoded")
	if err != nil {
		return "", fmt.Errorf("get a token from the local issuer at %s: %w", issuer, err)
	}
	if minted.AccessToken == "" {
		return "", fmt.Errorf("the local issuer at %s answered without an access_token", issuer)
	}
	return minted.AccessToken, nil
}
